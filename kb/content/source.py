"""Where articles come from: a Git repository at one commit, or a plain folder.

Promises the same view of both: paths, blobs, last changes and the name of the state they are in.
Chooses between them; `git_source` and `folder_source` do the reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from kb.content.past import Change
from kb.content.problem import Problem
from kb.errors import ContentError


@dataclass(frozen=True, slots=True)
class Blob:
    """A file's bytes: `id` is equal for equal bytes, `size` in bytes, `read` may raise OSError."""

    id: str
    size: int
    mode: str
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Writer:
    """Who changed a file last: the commit and the name and address in it."""

    commit: str
    name: str
    address: str


class Source(Protocol):
    """A tree of files in one state."""

    @property
    def commit(self) -> str:
        """The name of the state: a commit id, or "folder-" and a hash of paths and contents."""

    @property
    def content(self) -> str:
        """A name for the files alone: equal files, equal name, whatever else a commit changed."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was left out, and why."""

    def files(self) -> Mapping[str, Blob]:
        """The regular files by path, in path order; separators are "/"."""

    def close(self) -> None:
        """Let go of processes and memory; what is asked for afterwards starts them again."""

    def history(self) -> Mapping[str, tuple[datetime, str]]:
        """The last change (aware UTC) and its author by path; empty where no history is kept."""

    def moves(self, since: str) -> Iterable[Change] | None:
        """Files moved or removed since that commit (of this one's history, else since ever),
        newest first; None where no history is kept.
        """

    def changed_since(self, commit: str) -> frozenset[str]:
        """The paths that this state changed after it parted from `commit`, files of before left
        out; none where the two share no history, or none is kept.
        """

    def follows(self, commit: str) -> bool:
        """Whether the history that is kept leads from `commit` to this one."""

    def read(self, blob: str) -> bytes:
        """The bytes of a blob that was here once; OSError where it is not kept."""

    def lineage(self, most: int) -> tuple[str, ...]:
        """The commits that this one holds, itself first, at most so many."""

    def writer(self, path: str) -> Writer | None:
        """Who changed the file last; None where nobody knows."""

    def unseen(self, path: str, shown: str, most: int) -> tuple[str, ...]:
        """The commits, at most so many, that changed the file since it last was the blob `shown`;
        all of them where that is "" or was never there.
        """


def open_mirror(place: Path, ref: str, folder: str = "") -> Source:
    """Return the articles in a folder of the bare repository at `place`, at the commit `ref`.

    Raises ContentError when `ref` names no commit, or there is no such folder.
    """
    from kb.content.git_source import GitSource

    source = GitSource(place, place / folder, ref)
    if not source.is_tracked:
        raise ContentError(
            f"There is no folder {folder} in the commit {source.commit[:12]}.",
            "Check the setting that names the folder, and the branch.",
        )
    return source


def open_source(path: Path, ref: str = "HEAD") -> Source:
    """Return the articles at `path`: from the commit `ref` where Git tracks them, else the folder.

    Raises ContentError when the path is missing, Git is missing, or `ref` names no commit.
    """
    from kb.content.folder_source import FolderSource
    from kb.content.git_source import GitSource, find_repository

    if not path.is_dir():
        raise ContentError(
            f"There is no folder of articles at {path}.",
            "Create it, or set the articles path to the folder or repository that holds them.",
        )
    repository = find_repository(path.resolve())
    if repository is None:
        return FolderSource(path)
    source = GitSource(repository, path.resolve(), ref)
    return source if source.is_tracked else FolderSource(path)
