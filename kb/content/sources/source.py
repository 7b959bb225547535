"""Where articles come from: a Git repository at one commit, or a plain folder; with its versions
and former files.

Promises the commits in the log's order, each with the file's name and blob at that time; what is no
plain file any more is left out. Knows the log's form and runs no program.

Promises that chains of moves end at a file that exists now, that a path in use has no past, and
that what is found step by step is what is found at once. Knows no Git and no address.

Promises the same view of both: paths, blobs, last changes and the name of the state they are in.
Chooses between them; `git_source` and `folder_source` do the reading.
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

# -- The versions of one file as Git's log tells them --


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
    """Return the versions in what Git printed in `FORMAT`.

    They end where the file began as a copy: what Git tells before that is another article's past.
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


# -- What became of files that are no longer there: moved, or removed --


MOST = 5000  # pasts kept, newest first; each is about 100 bytes in every process


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that left `old`: for `new`, or for nowhere (""). `blob` is what it held there."""

    old: str
    new: str
    blob: str


@dataclass(frozen=True, slots=True)
class FormerFile:
    """Where the article of a former path is now (`to`, a path), or what it was when removed.

    `blob` names a removed file that is still to be looked at; `audience` is "" for one that was
    never shown.
    """

    to: str = ""
    blob: str = ""
    title: str = ""
    audience: str = ""

    def to_row(self) -> list[Any]:
        """Return the fate as a JSON-able list."""
        return [self.to, self.blob, self.title, self.audience]


@dataclass(frozen=True, slots=True)
class Removed:
    """An article that is gone: its title and who could read it."""

    title: str
    audience: str


def fates(
    changes: Iterable[FileChange], present: Collection[str], before: Mapping[str, FormerFile]
) -> dict[str, FormerFile]:
    """Return the fate of each former path, newest first.

    `changes` come newest first and happened after those that `before` tells of.
    """
    found: dict[str, FormerFile] = {}
    left: dict[str, FormerFile] = {}  # by path, what became of the file that left it next
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
    """Return the fate with its move followed through what happened later; another file may have
    come to that path since.
    """
    if not fate.to:
        return fate
    return left.get(fate.to) or (fate if fate.to in present else FormerFile(blob=fate.blob))


def of_folder(before: Mapping[str, Article], present: Mapping[str, str]) -> dict[str, FormerFile]:
    """Return the fate of articles by path that a folder without history held `before`.

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


# -- Where articles come from: a Git repository at one commit, or a plain folder --


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

    def moves(self, since: str) -> Iterable[FileChange] | None:
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
