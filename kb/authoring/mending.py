"""`kb check --fix`: files written anew where that needs no judgement.

Promises that a file is replaced whole or not at all, that its line ends and a mark at its beginning
stay, and that only files of articles are written. What is mended is decided by
`kb.content.lint.fixing`.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from kb.content.lint.fixing import mended
from kb.content.lint.library_rules import SourceLibrary, present_target
from kb.content.lint.page import SourcePage
from kb.errors import ContentError


def mend_files(root: Path, shelf: SourceLibrary, wanted: Collection[str]) -> list[str]:
    """Return the paths of the files that were written, of those `wanted`."""
    written = []
    for path in sorted(wanted):
        page = shelf.pages.get(path)
        if page and not page.draft.refused and _mend(root / path, page, shelf):
            written.append(path)
    return written


def _mend(file: Path, page: SourcePage, shelf: SourceLibrary) -> bool:
    targets = {
        link.target: present
        for link in page.links
        if (present := present_target(shelf, page, link))
    }
    try:
        before = file.read_bytes()
        after = mended(before.decode("utf-8"), page, targets).encode("utf-8")
        if after == before or file.is_symlink():
            return False
        fresh = file.with_name(f".{file.name}.new")
        fresh.write_bytes(after)
        os.chmod(fresh, file.stat().st_mode & 0o777)
        fresh.replace(file)
    except UnicodeDecodeError:
        return False
    except OSError as error:
        raise ContentError(
            f"{file} cannot be written: {error.strerror}.",
            "Give this account the right to write it, or leave --fix out.",
        ) from error
    return True
