"""The source of articles: a Git repository at one commit or a plain folder, with file histories.

Both kinds offer the same view: paths, blobs, last changes and the name of their state. `git` and
`folder` do the reading; `open_source` chooses between them. The versions of a file are the commits
in the log's order, each with the file's name and blob at that time, without those in which it is
not a plain file. Chains of moves end at a file that exists now, a path in use has no past, and
following changes step by step gives the same result as following them all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from kb.content.article import Article, ArticleStatus
from kb.content.problem import Problem
from kb.errors import ContentError

# -- Versions of a file in Git's log --


# For `git log -z --raw`: a mark, then commit, seconds, author and subject between marks.
FORMAT = "format:%x01%H%x02%ct%x02%an%x02%s"


@dataclass(frozen=True, slots=True)
class Version:
    """One commit of a file: `at` is aware UTC, `path` its name then, `blob` its content's id."""

    commit: str
    at: datetime
    author: str
    subject: str
    path: str
    blob: str


def read_versions(log: bytes) -> tuple[Version, ...]:
    """Return the versions in Git's output in `FORMAT`.

    They end where the file began as a copy: what Git lists before is the past of another article.
    """
    found: list[Version] = []
    for record in log.decode("utf-8", "replace").split("\x01"):
        version, copied = _version(record)
        found += [version] if version else []
        if copied:
            break
    return tuple(found)


def _version(record: str) -> tuple[Version | None, bool]:
    """Return the version, None where there is no plain file, and whether it began as a copy."""
    head, _, raw = record.partition("\n:")
    commit, _, rest = head.partition("\x02")
    seconds, _, rest = rest.partition("\x02")
    author, _, subject = rest.partition("\x02")
    facts, *paths = raw.rstrip("\0").split("\0")
    words = facts.split()
    # ":100644 100644 <blob before> <blob> M"; a rename has both names, the new one last.
    if len(words) != 5 or not words[1].startswith("100") or not paths:
        return None, False
    at = datetime.fromtimestamp(int(seconds), UTC)
    version = Version(commit, at, author, subject, paths[-1], words[3])
    return version, words[4].startswith("C")


# -- Moved and removed files --


MOST = 5000  # former paths kept, newest first; each takes about 100 bytes in every process


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that left `old`: moved to `new`, or removed if that is "". `blob` is what it held."""

    old: str
    new: str
    blob: str


@dataclass(frozen=True, slots=True)
class FormerFile:
    """Where the article of a former path is now (`to`, a path), or what it was when removed.

    `blob` is that of a removed file that is still to be read; `audience` is "" for one that was
    never shown.
    """

    to: str = ""
    blob: str = ""
    title: str = ""
    audience: str = ""

    def to_row(self) -> list[Any]:
        """Return the former file as a JSON-able list."""
        return [self.to, self.blob, self.title, self.audience]


@dataclass(frozen=True, slots=True)
class Removed:
    """An article that was removed: its title and who could read it."""

    title: str
    audience: str


def former_files(
    changes: Iterable[FileChange], present: Collection[str], before: Mapping[str, FormerFile]
) -> dict[str, FormerFile]:
    """Return what became of each former path, newest first.

    `changes` come newest first and happened after those in `before`.
    """
    found: dict[str, FormerFile] = {}
    left: dict[str, FormerFile] = {}  # by path: the next file to leave it
    for change in changes:
        fate = _followed(FormerFile(to=change.new, blob=change.blob), present, left)
        left[change.old] = fate
        if change.old not in present:
            found.setdefault(change.old, fate)
    for path, fate in before.items():
        if path not in present and path not in found:
            found[path] = _followed(fate, present, left)
    return dict(islice(found.items(), MOST))


def _followed(
    fate: FormerFile, present: Collection[str], left: Mapping[str, FormerFile]
) -> FormerFile:
    """Return `fate` with its move followed through later changes; another file may be there now."""
    if not fate.to:
        return fate
    return left.get(fate.to) or (fate if fate.to in present else FormerFile(blob=fate.blob))


def of_folder(before: Mapping[str, Article], present: Mapping[str, str]) -> dict[str, FormerFile]:
    """Return what became of the articles that a folder without history held `before`, by path.

    `present` maps path to blob: the same bytes under another path are the same article, moved.
    """
    places = {blob: path for path, blob in present.items() if path not in before}
    return {
        path: FormerFile(to=places.get(article.blob, ""))
        if article.blob in places
        else FormerFile(
            title=article.title, audience=audience_shown(article.status, article.audience)
        )
        for path, article in before.items()
        if path not in present
    }


def audience_shown(status: ArticleStatus, audience: str) -> str:
    """Return who could read an article of that status, "" for nobody."""
    return str(audience) if status is not ArticleStatus.DRAFT else ""


# -- Sources --


@dataclass(frozen=True, slots=True)
class Blob:
    """A file's bytes: equal bytes have equal `id`, `size` is in bytes, `read` may raise OSError."""

    id: str
    size: int
    mode: str
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Writer:
    """Who last changed a file: the commit, and the name and email address in it."""

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
        """Release processes and memory; later calls start them again."""

    def history(self) -> Mapping[str, tuple[datetime, str]]:
        """Return the last change (aware UTC) and its author by path; empty without a history."""

    def moves(self, since: str) -> Iterable[FileChange] | None:
        """Return the files moved or removed since that commit, newest first; since the beginning if
        it is not in this history. None without a history.
        """

    def changed_since(self, commit: str) -> frozenset[str]:
        """Return the paths added or changed here since this state and `commit` parted; none without
        a shared history.
        """

    def follows(self, commit: str) -> bool:
        """Whether the history that is kept leads from `commit` to this state."""

    def read(self, blob: str) -> bytes:
        """Return the bytes of a blob of this or an earlier state; OSError if it is not kept."""

    def lineage(self, most: int) -> tuple[str, ...]:
        """Return the commits contained in this one, itself first, at most `most`."""

    def writer(self, path: str) -> Writer | None:
        """Return who last changed the file, None if unknown."""

    def unseen(self, path: str, shown: str, most: int) -> tuple[str, ...]:
        """Return the commits, at most `most`, that changed the file since it last was the blob
        `shown`; all of them if that is "" or was never there.
        """


def open_mirror(place: Path, ref: str, folder: str = "") -> Source:
    """Return the articles in a folder of the bare repository at `place`, at the commit `ref`.

    Raises ContentError when `ref` names no commit, or there is no such folder.
    """
    from kb.content.sources.git import GitSource

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
    from kb.content.sources.folder import FolderSource
    from kb.content.sources.git import GitSource, find_repository

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
