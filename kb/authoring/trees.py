"""The files of an export: a folder, or a zip that is read where it lies.

Promises names with "/" between folders that stay inside, and bytes of regular files only: no link
is followed, nothing is unpacked to disk, and a zip that claims too much is refused.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from functools import cached_property
from pathlib import Path, PurePosixPath

from kb.errors import ContentError

LARGEST = 32 * 1024 * 1024  # bytes of one file; what is larger is no page and no image of a page
_MOST = 200_000  # files
_TOTAL = 4 << 30  # bytes that a zip may unfold to, all files together


class Tree:
    """The files under a folder, or in a zip, or one file by itself."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self._zip: zipfile.ZipFile | None = None
        if source.is_dir():
            self.sizes = dict(self._walk())
        elif zipfile.is_zipfile(source):
            self.sizes = self._open_zip()
        elif source.is_file():
            self.sizes = {source.name: source.stat().st_size}
            self._source = source.parent
        else:
            raise ContentError(f"There is no export at {source}.", "Name a folder or a file.")

    def read(self, name: str) -> bytes:
        """Return the bytes of a file; ContentError when it is too large or damaged."""
        if self.sizes[name] > LARGEST:
            raise ContentError(f"{name} has more than {LARGEST >> 20} MiB.", "Leave it out.")
        try:
            if self._zip is None:
                return (self._source / name).read_bytes()
            with self._zip.open(name) as stream:
                return stream.read(LARGEST)
        except (
            OSError,
            zipfile.BadZipFile,
            zlib.error,
            RuntimeError,
            NotImplementedError,
        ) as error:
            raise ContentError(f"{name} cannot be read: {error}.", "Export it again.") from error

    def find(self, name: str) -> str:
        """Return the file of this name in any case, "" when there is none."""
        if name in self.sizes:
            return name
        return self._folded.get(name.casefold(), "")

    def find_attachment(self, ends_with: str, number: str) -> str:
        """Return the first file of this own name, or with this number as its name without an
        ending or as that of its folder; "" when there is none. Either may be "".
        """
        places = [self._own[ends_with]] if ends_with in self._own else []
        places += [self._numbered[number]] if number in self._numbered else []
        return self._names[min(places)] if places else ""

    # A page may hold as many links as an export has files: each is looked up, never searched for.

    @cached_property
    def _names(self) -> list[str]:
        return list(self.sizes)

    @cached_property
    def _folded(self) -> dict[str, str]:
        return {name.casefold(): name for name in reversed(self._names)}

    @cached_property
    def _own(self) -> dict[str, int]:
        names = enumerate(self._names)
        return dict(reversed([(name.rpartition("/")[2], place) for place, name in names]))

    @cached_property
    def _numbered(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for place, name in enumerate(self._names):
            *folders, own = name.split("/")
            for part in (own.partition(".")[0], *folders[-1:]):
                if part.isdecimal():
                    found.setdefault(part, place)
        return found

    def _walk(self) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        for folder, folders, names in os.walk(self._source):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                file = Path(folder, name)
                facts = file.lstat()
                if stat.S_ISREG(facts.st_mode) and len(found) < _MOST:
                    found.append((file.relative_to(self._source).as_posix(), facts.st_size))
        return found

    def _open_zip(self) -> dict[str, int]:
        try:
            self._zip = zipfile.ZipFile(self._source)
        except (zipfile.BadZipFile, OSError) as error:
            raise ContentError(f"{self._source} is no readable zip.", "Export it again.") from error
        rows = [row for row in self._zip.infolist() if not row.is_dir()]
        if len(rows) > _MOST or sum(row.file_size for row in rows) > _TOTAL:
            raise ContentError(
                f"{self._source} unfolds to more than {_TOTAL >> 30} GiB or {_MOST} files.",
                "Export a part of it.",
            )
        return {row.filename: row.file_size for row in rows if _is_inside(row)}


def _is_inside(row: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(row.filename).parts
    is_link = stat.S_ISLNK(row.external_attr >> 16)
    return not is_link and ".." not in parts and not row.filename.startswith(("/", "\\"))
