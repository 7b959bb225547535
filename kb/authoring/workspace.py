"""The author's articles as they lie on disk, read again after each change.

Promises that `library` speaks of the files as they are, drafts and archived articles shown and
marked, and that whoever waits for a newer state learns of it. Only what changed is rendered. Knows
no page, no index and no Git.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
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
from kb.content.sources.folder import FolderSource, in_memory

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the author should know of one page: its file, its status and what is wrong with it."""

    path: str
    status: str
    problems: tuple[Problem, ...]


class Workspace:
    """The articles under `root`, whose last commits are `changes`; `before` spares rendering.

    Safe to share between threads, of which one calls `refresh`.
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
        self._begun = secrets.token_hex(4)  # pages of an earlier preview must not think it theirs
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
        """Read the one file again; return False where more than its own page may have changed."""
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
        """Show it, and tell so where it looks otherwise than before."""
        before, self._read = self._read, library
        self._shown = _opened(library, marked=True)
        if replace(before, commit="") != replace(library, commit=""):
            self.tell("pages")

    def library(self) -> Library:
        """Return the articles as the preview shows them: every status is shown, and marked."""
        return self._shown

    def to_index(self) -> Library:
        """Return the articles as they are to be found: every status is, under its own title."""
        return _opened(self._read, marked=False)

    def as_read(self) -> Library:
        """Return the articles as they would be published."""
        return self._read

    def standing(self, slug: str) -> Standing:
        """Return what is to say of the page at `slug`, be there an article or not."""
        found = self._read.get(self._read.resolve(slug) or "")
        if found is not None:
            return Standing(found.path, found.status.value, self._problems(found.path))
        wanted = normal_path(slug)
        files = [p.path for p in self._read.problems if normal_path(p.path).endswith(wanted)]
        path = files[0] if wanted and files else ""
        return Standing(path, "", self._problems(path))

    def _problems(self, path: str) -> tuple[Problem, ...]:
        return tuple(problem for problem in self._read.problems if problem.path == path)

    # Waiting

    def state(self, kind: str) -> str:
        """Return the name of the present state of the "pages" or of the "index"."""
        return f"{self._begun}-{self._states[kind]}"

    def tell(self, kind: str) -> None:
        """Wake those who wait for a newer state."""
        with self._news:
            self._states[kind] += 1
            self._news.notify_all()

    def wait(self, kind: str, known: str, seconds: float) -> str:
        """Return the present state, as soon as it is another than `known` or time is up."""
        with self._news:
            self._news.wait_for(lambda: self.state(kind) != known, seconds)
            return self.state(kind)


def _opened(library: Library, *, marked: bool) -> Library:
    """Return the library with nothing kept back; `marked`: the titles say what readers lack."""
    kept = {slug: _shown(article, marked) for slug, article in library.articles.items()}
    return replace(library, articles=kept)


def _shown(article: Article, marked: bool) -> Article:
    if article.status is ArticleStatus.PUBLISHED:
        return article
    title = f"{article.title} ({article.status.value})" if marked else article.title
    return replace(article, status=ArticleStatus.PUBLISHED, title=title)
