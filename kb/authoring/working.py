"""The articles as their author has them now: files on disk, with the history that Git has of them.

Promises the same view of a work tree as of a commit, with blobs named as Git names them, so that
what a commit has in common with the files is recognised. A file that differs from the last commit
counts as changed `now`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from kb.content.problem import Problem
from kb.content.sources.folder import FolderSource
from kb.content.sources.git import GitSource, find_repository
from kb.content.sources.source import Blob, FileChange, Source, Writer, open_source
from kb.errors import ContentError

_LAST = "HEAD"


def open_working(path: Path, ref: str, now: datetime) -> Source:
    """Return the files under `path` as they are; those of the commit `ref` if it is not the last.

    A repository without files, which only holds commits, is read at `ref` too. Raises ContentError.
    """
    repository = find_repository(path.resolve()) if path.is_dir() else None
    if ref != _LAST or repository is None or not (repository / ".git").exists():
        return open_source(path, ref)
    return WorkingFiles(path, repository, now)


def open_revision(path: Path, ref: str) -> Source:
    """Return the articles at a commit. Raises ContentError where Git does not hold them."""
    repository = find_repository(path.resolve())
    if repository is None:
        raise ContentError(
            f"The articles at {path} are in no Git repository, so they have no earlier state.",
            "Leave --since out, or put the articles under Git.",
        )
    return GitSource(repository, path.resolve(), ref)


class WorkingFiles:
    """The files of a work tree, committed or not."""

    def __init__(self, path: Path, repository: Path, now: datetime) -> None:
        self._folder = FolderSource(path)
        self._now = now
        files = self._folder.files()
        self._files = {name: replace(blob, id=_git_id(blob)) for name, blob in files.items()}
        try:
            self._git: GitSource | None = GitSource(repository, path.resolve(), _LAST)
        except ContentError:  # no commit yet
            self._git = None
        self.commit = self._folder.commit

    @property
    def content(self) -> str:
        """The state of the files."""
        return self._folder.content

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Links and files that were left out."""
        return self._folder.problems

    def files(self) -> Mapping[str, Blob]:
        """The regular files by path."""
        return self._files

    def close(self) -> None:
        """Let go of Git's process."""
        if self._git:
            self._git.close()

    def history(self) -> Mapping[str, tuple[datetime, str]]:
        """The last change of each file: Git's, or now for what is not committed as it is."""
        if self._git is None:
            return {}
        committed, changes = self._git.files(), self._git.history()
        return {
            path: changes[path]
            if path in changes and committed[path].id == blob.id
            else (self._now, "")
            for path, blob in self._files.items()
        }

    def moves(self, since: str) -> Iterable[FileChange] | None:
        """Files that commits moved or removed; None where there are none yet."""
        return self._git.moves(since) if self._git else None

    def changed_since(self, commit: str) -> frozenset[str]:
        """What the last commit changed after it parted from that one."""
        return self._git.changed_since(commit) if self._git is not None else frozenset()

    def follows(self, commit: str) -> bool:
        """Whether the last commit comes after that one."""
        return self._git is not None and self._git.follows(commit)

    def read(self, blob: str) -> bytes:
        """The bytes of a committed blob; OSError where there is none."""
        if self._git is None:
            raise OSError("There is no commit yet.")
        return self._git.read(blob)

    def lineage(self, most: int) -> tuple[str, ...]:
        """Only itself: files on disk are no commit."""
        return (self.commit,)[:most]

    def writer(self, path: str) -> Writer | None:
        """Who committed the file last."""
        return self._git.writer(path) if self._git else None

    def unseen(self, path: str, shown: str, most: int) -> tuple[str, ...]:
        """None: nobody waits for what lies on an author's disk."""
        del path, shown, most
        return ()


def _git_id(blob: Blob) -> str:
    """Return what Git calls these bytes: SHA-1 of a head and the content."""
    try:
        data = blob.read()
    except OSError:
        return blob.id
    if len(data) != blob.size:
        return blob.id  # too large to have been read
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
