"""The articles as their author has them now: files on disk, read again after each change.

`Watch` notices whatever an editor does to the files (write, rename, replace, delete) by polling
each file's date, size and inode: 1,000 files take about 10 ms, and file events are lost on network
drives and in containers.

`WorkingFiles` gives a work tree the same interface as a commit. Blobs are named as Git names them,
so files that equal a commit's are recognised; a file that differs from the last commit counts as
changed `now`.

`Workspace` is the library of those files, drafts and archived articles shown and marked. It renders
only what changed, and wakes whoever waits for a newer state.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from kb.content.article import Article, ArticleStatus
from kb.content.build import Built, build_again, renewed
from kb.content.draft import MAX_BYTES
from kb.content.library import Library
from kb.content.link_targets import Directory
from kb.content.paths import normal_path
from kb.content.problem import Problem
from kb.content.rendering_pool import Standby
from kb.content.sources.folder import FolderSource, in_memory, is_read
from kb.content.sources.git import GitSource, find_repository
from kb.content.sources.source import Blob, FileChange, Source, Writer, open_source
from kb.errors import ContentError

# -- Noticing changed files by polling --


Look = dict[str, tuple[int, int, int]]  # path -> date in nanoseconds, size in bytes, inode


class Watch:
    """The files under `root`, as they were at the last look."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen = self._look()

    def changes(self) -> frozenset[str]:
        """Return the relative paths of files added, removed or changed since the last call."""
        before, self._seen = self._seen, self._look()
        if before == self._seen:
            return frozenset()
        different = before.items() ^ self._seen.items()
        return frozenset(os.path.relpath(path, self._root) for path, _ in different)

    def stirs(self) -> bool:
        """Return whether `changes` would return any path."""
        return self._look() != self._seen

    def _look(self) -> Look:
        return dict(_entries(str(self._root)))


def _entries(folder: str) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Yield the files that articles are made of; those that vanish meanwhile are skipped."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from _entries(entry.path)
                elif is_read(entry.name):
                    facts = entry.stat()
                    yield entry.path, (facts.st_mtime_ns, facts.st_size, facts.st_ino)
    except OSError:
        return


# -- Files on disk as a source, with Git's history of them --


_LAST = "HEAD"


def open_working(path: Path, ref: str, now: datetime) -> Source:
    """Return the files under `path` as they are, or those of the commit `ref` if it is not HEAD.

    A bare repository is read at `ref` too. Raises ContentError.
    """
    repository = find_repository(path.resolve()) if path.is_dir() else None
    if ref != _LAST or repository is None or not (repository / ".git").exists():
        return open_source(path, ref)
    return WorkingFiles(path, repository, now)


def open_revision(path: Path, ref: str) -> Source:
    """Return the articles at a commit. Raises ContentError if Git does not have them."""
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
        """A name for the state of the files."""
        return self._folder.content

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Links and files that were left out."""
        return self._folder.problems

    def files(self) -> Mapping[str, Blob]:
        """The regular files by path."""
        return self._files

    def close(self) -> None:
        """End Git's process."""
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
        """Files that commits moved or removed; None where there is no commit yet."""
        return self._git.moves(since) if self._git else None

    def changed_since(self, commit: str) -> frozenset[str]:
        """Files that HEAD changed since its merge base with that commit."""
        return self._git.changed_since(commit) if self._git is not None else frozenset()

    def follows(self, commit: str) -> bool:
        """Whether HEAD descends from that commit."""
        return self._git is not None and self._git.follows(commit)

    def read(self, blob: str) -> bytes:
        """The bytes of a committed blob; OSError where there is none."""
        if self._git is None:
            raise OSError("There is no commit yet.")
        return self._git.read(blob)

    def lineage(self, most: int) -> tuple[str, ...]:
        """Only this state's own name: files on disk are not a commit."""
        return (self.commit,)[:most]

    def writer(self, path: str) -> Writer | None:
        """Who committed the file last."""
        return self._git.writer(path) if self._git else None

    def unseen(self, path: str, shown: str, most: int) -> tuple[str, ...]:
        """Always empty: nobody waits for files on an author's disk."""
        del path, shown, most
        return ()


def _git_id(blob: Blob) -> str:
    """Return Git's name for these bytes: SHA-1 of a header and the content."""
    try:
        data = blob.read()
    except OSError:
        return blob.id
    if len(data) != blob.size:
        return blob.id  # too large to be read
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


# -- The library of the files on disk, for the preview --


Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class PageState:
    """What the preview says about one page: its file, its status and its problems."""

    path: str
    status: str
    problems: tuple[Problem, ...]


class Workspace:
    """The articles under `root`. `changes` are the last commits by path; unchanged articles of
    `before` are not rendered again.

    Safe to share between threads; only one may call `refresh`.
    """

    def __init__(
        self,
        root: Path,
        *,
        language: str,
        before: Library | None = None,
        changes: Mapping[str, tuple[datetime, str]] | None = None,
    ) -> None:
        self._root, self._language, self._changes = root, language, changes
        self._read = self._shown = before or Library(commit="")
        self._built: Built | None = None
        self._standby: Standby | None = None
        self._news = threading.Condition()
        self._begun = secrets.token_hex(4)  # tells this preview's states from an earlier one's
        self._states = {"pages": 0, "index": 0}

    def refresh(self, progress: Progress) -> None:
        """Read the files as they are now. ContentError when the folder cannot be read."""
        built = build_again(
            FolderSource(self._root, changes=self._changes),
            previous=self._read,
            progress=progress,
            default_language=self._language,
        )
        if self._standby is None or self._built is None or built.directory != self._built.directory:
            self._stand_by(built.directory)
        self._built = built
        self._show(built.library)

    def renew(self, path: str) -> bool:
        """Read one file again; return False if more than its own page may have changed."""
        if self._built is None or self._standby is None:
            return False
        file = self._root / path
        if file.is_symlink() or not file.is_file() or file.stat().st_size > MAX_BYTES:
            return False
        library = renewed(self._built, path, in_memory(file.read_bytes()), self._standby)
        if library is not None:
            self._show(library)
        return library is not None

    def _stand_by(self, directory: Directory) -> None:
        if self._standby is not None:
            self._standby.stop()
        self._standby = Standby(directory)

    def _show(self, library: Library) -> None:
        """Show the library, and wake those who wait if it differs from the previous one."""
        before, self._read = self._read, library
        self._shown = _opened(library, marked=True)
        if replace(before, commit="") != replace(library, commit=""):
            self.tell("pages")

    def library(self) -> Library:
        """Return the articles as the preview shows them: every status, marked in the title."""
        return self._shown

    def to_index(self) -> Library:
        """Return the articles to index: every status, under the unmarked title."""
        return _opened(self._read, marked=False)

    def as_read(self) -> Library:
        """Return the articles as they would be published."""
        return self._read

    def standing(self, slug: str) -> PageState:
        """Return the state of the page at `slug`, whether or not there is an article."""
        found = self._read.get(self._read.resolve(slug) or "")
        if found is not None:
            return PageState(found.path, found.status.value, self._problems(found.path))
        wanted = normal_path(slug)
        files = [p.path for p in self._read.problems if normal_path(p.path).endswith(wanted)]
        path = files[0] if wanted and files else ""
        return PageState(path, "", self._problems(path))

    def _problems(self, path: str) -> tuple[Problem, ...]:
        return tuple(problem for problem in self._read.problems if problem.path == path)

    # Waiting

    def state(self, kind: str) -> str:
        """Return the name of the current state of the "pages" or of the "index"."""
        return f"{self._begun}-{self._states[kind]}"

    def tell(self, kind: str) -> None:
        """Wake those who wait for a newer state."""
        with self._news:
            self._states[kind] += 1
            self._news.notify_all()

    def wait(self, kind: str, known: str, seconds: float) -> str:
        """Return the current state as soon as it differs from `known`, or when time is up."""
        with self._news:
            self._news.wait_for(lambda: self.state(kind) != known, seconds)
            return self.state(kind)


def _opened(library: Library, *, marked: bool) -> Library:
    """Return the library with every status shown; `marked` adds the status to the titles."""
    kept = {slug: _shown(article, marked) for slug, article in library.articles.items()}
    return replace(library, articles=kept)


def _shown(article: Article, marked: bool) -> Article:
    if article.status is ArticleStatus.PUBLISHED:
        return article
    title = f"{article.title} ({article.status.value})" if marked else article.title
    return replace(article, status=ArticleStatus.PUBLISHED, title=title)
