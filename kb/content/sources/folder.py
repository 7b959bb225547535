"""Read articles from a plain folder that Git does not track.

The view is consistent: files small enough to be an article or image are read once, when the source
is opened, and the state is named after those bytes. Links out of the folder are not followed.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from kb.content.media import ENDINGS
from kb.content.problem import Problem
from kb.content.sources.source import Blob
from kb.errors import ContentError

_TEXTS = (".md", ".markdown", ".mdx", ".yml", ".yaml", "_redirects")
_IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg")
_KEEP = (*_TEXTS, *_IMAGES, *ENDINGS)
_LARGEST = 8 * 1024 * 1024  # bytes; larger files are listed with their size, never read


class FolderSource:
    """The files under `path` as they are now; `changes` is what `history` returns."""

    def __init__(
        self, path: Path, *, changes: Mapping[str, tuple[datetime, str]] | None = None
    ) -> None:
        self._root = path.resolve()
        self._changes = changes or {}
        self._problems: list[Problem] = []
        self._files = dict(sorted(self._read_all()))
        names = hashlib.sha256()
        for name, blob in self._files.items():
            names.update(f"{name}\0{blob.id}\n".encode("utf-8", "surrogateescape"))
        self.commit = f"folder-{names.hexdigest()[:40]}"

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Links and files that were left out."""
        return tuple(self._problems)

    @property
    def content(self) -> str:
        """The same as the commit, since a folder has no history."""
        return self.commit

    def files(self) -> Mapping[str, Blob]:
        """The regular files by path."""
        return self._files

    def close(self) -> None:
        """Do nothing: no resource is held open."""

    def history(self) -> Mapping[str, tuple[datetime, str]]:
        """Return what was given: file dates say when a copy was made, not when the text changed."""
        return self._changes

    def moves(self, since: str) -> None:
        """Return None: a folder has no history."""

    def changed_since(self, commit: str) -> frozenset[str]:
        """Return nothing: a folder has no history."""
        del commit
        return frozenset()

    def follows(self, commit: str) -> bool:
        """Whether `commit` is this very state."""
        return commit == self.commit

    def read(self, blob: str) -> bytes:
        """Raise OSError: former content is not kept."""
        raise OSError(f"{blob} is not kept")

    def lineage(self, most: int) -> tuple[str, ...]:
        """Return this state alone."""
        return (self.commit,)[:most]

    def writer(self, path: str) -> None:
        """Return None: file owners only say who made a copy."""

    def unseen(self, path: str, shown: str, most: int) -> tuple[str, ...]:
        """Return nothing: a folder has no commits."""
        del path, shown, most
        return ()

    def _read_all(self) -> Iterator[tuple[str, Blob]]:
        try:
            os.scandir(self._root).close()
        except OSError as error:
            raise ContentError(
                f"The folder {self._root} cannot be read: {error.strerror}.",
                "Give this account the right to read it.",
            ) from error
        for folder, folders, names in os.walk(self._root, onerror=self._unreadable):
            folders[:] = sorted(name for name in folders if self._enter(Path(folder, name)))
            for name in names:
                if is_read(name):
                    yield from self._read(Path(folder, name))

    def _enter(self, folder: Path) -> bool:
        if folder.is_symlink():
            self._leave_out(folder, "is a link to a folder")
        return not folder.name.startswith(".") and not folder.is_symlink()

    def _read(self, file: Path) -> Iterator[tuple[str, Blob]]:
        try:
            if not file.resolve().is_relative_to(self._root) or not file.is_file():
                self._leave_out(file, "is a link to something outside this folder, or no file")
                return
            size = file.stat().st_size
            data = file.read_bytes() if size <= _LARGEST else b""
        except OSError as error:
            self._leave_out(file, f"cannot be read ({error.strerror})")
            return
        path = file.relative_to(self._root).as_posix()
        if not _is_text(path):
            self._leave_out(file, "has a name that cannot be used")
            return
        yield path, in_memory(data, size)

    def _leave_out(self, file: Path, why: str) -> None:
        path = file.relative_to(self._root).as_posix().encode("utf-8", "replace").decode()
        message = f"“{path}” {why} and is not read."
        hint = "Put the file itself here, with a plain name and the right to read it."
        self._problems.append(Problem(path, None, "not-a-file", message, hint))

    def _unreadable(self, error: OSError) -> None:
        self._leave_out(Path(str(error.filename)), f"cannot be read ({error.strerror})")


def in_memory(data: bytes, size: int = 0) -> Blob:
    """Return the bytes as a blob; `size` is that of a file too large to be read."""
    return Blob(hashlib.sha256(data).hexdigest(), len(data) or size, "100644", lambda: data)


def is_read(name: str) -> bool:
    """Whether a file may be part of the articles; of hidden files only Learn's redirects may."""
    if name.startswith("."):
        return name.startswith(".openpublishing.redirection") and name.endswith(".json")
    return name.casefold().endswith(_KEEP)


def _is_text(path: str) -> bool:
    """Whether a name is Unicode without control characters; POSIX allows any bytes."""
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in path)
