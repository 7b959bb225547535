"""The history of an article: its versions, who wrote them and what each changed.

Versions are those of the live commit, at most 50, read on demand and cached in memory by commit.
Each says who could read it then. The difference of two versions is rendered in processes that can
be killed, and sanitised last.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar, cast

from kb.content.article import Article, ArticleStatus, Audience
from kb.content.difference import difference
from kb.content.draft import MAX_BYTES, Draft, read_draft
from kb.content.library import Library
from kb.content.link_targets import Directory, hidden_from
from kb.content.names import job_of
from kb.content.paths import common_root, normal_path
from kb.content.rendering import Rendered
from kb.content.rendering_pool import render_all
from kb.content.sources.folder import in_memory
from kb.content.sources.git import GitSource
from kb.content.sources.source import Version
from kb.errors import ContentError

MOST = 50  # versions of an article; older ones can be seen in Git itself
_KEPT = 128  # histories and differences in memory; one takes some 20 kB
Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class Past:
    """One version and who could read it then, so that text held back is not revealed here."""

    version: Version
    audience: Audience
    published: bool
    publish_at: datetime | None = None

    @property
    def name(self) -> str:
        """A name for the version in addresses that does not reveal its commit."""
        return hashlib.sha256(f"version\0{self.version.commit}".encode()).hexdigest()[:16]

    def is_open(self, audiences: frozenset[str], now: datetime | None = None) -> bool:
        """Whether a reader with these audiences could read this version by `now`."""
        waits = self.publish_at is not None and now is not None and now < self.publish_at
        return self.published and not waits and self.audience.value in audiences


class Histories:
    """The histories of articles; safe to share between threads.

    `repository` maps a path and a commit to the path's repository and the path in it, or None.
    """

    def __init__(self, repository: Callable[[str, str], tuple[GitSource, str] | None]) -> None:
        self._repository = repository
        self._lock = threading.Lock()
        self._held: OrderedDict[Hashable, Any] = OrderedDict()

    def of(self, library: Library, article: Article) -> tuple[Past, ...]:
        """Return the versions, newest first; () where the article comes from no commit.

        ContentError when Git does not answer.
        """
        key = ("past", library.commit, article.path)
        return self._kept(key, lambda: self._read(library.commit, article.path))

    def changes(self, library: Library, article: Article, old: Past | None, new: Past) -> str:
        """Return the HTML of `new` with the changes since `old` (None: all of it) marked.

        Images are left out. ContentError when a version cannot be shown.
        """
        key = ("changes", old.version.blob if old else "", new.version.blob, article.language)
        return self._kept(key, lambda: self._compared(library, article, old, new))

    def texts(self, library: Library, versions: Sequence[Version]) -> list[str]:
        """Return the source of each version; ContentError or OSError when one cannot be read."""
        return [self._text(library.commit, each) for each in versions]

    def _text(self, commit: str, version: Version) -> str:
        found = self._repository(version.path, commit)
        if found is None:
            raise ContentError("There is no history to read.", "")
        source, _ = found
        try:
            return source.version(version, MAX_BYTES).decode("utf-8", "replace")
        finally:
            source.close()

    def _kept(self, key: Hashable, make: Callable[[], Kept]) -> Kept:
        """Return the cached value of the key, or make and cache it."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return cast("Kept", self._held[key])
        made = make()
        with self._lock:
            self._held[key] = made
            while len(self._held) > _KEPT:
                self._held.popitem(last=False)
        return made

    def _read(self, commit: str, path: str) -> tuple[Past, ...]:
        found = self._repository(path, commit)
        if found is None:
            return ()
        source, inner = found
        mount = path.removesuffix(inner)
        try:
            versions = source.versions(inner, MOST)
            newer = [None, *(version.at for version in versions)]
            return tuple(
                _past(source, replace(version, path=mount + version.path), until=until)
                for version, until in zip(versions, newer, strict=False)
            )
        finally:
            source.close()

    def _compared(self, library: Library, article: Article, old: Past | None, new: Past) -> str:
        found = self._repository(article.path, library.commit)
        if found is None:
            raise ContentError("There is no history to compare.", "")
        source, _ = found
        try:
            drafts = [_draft(source, past.version) for past in (old, new) if past]
        finally:
            source.close()
        shown = rendered(drafts, directory_of(library), article.language)
        return difference(shown[0] if old else "", shown[-1])


def rendered(drafts: list[Draft], directory: Directory, language: str) -> list[str]:
    """Return the drafts' HTML; ContentError when one cannot be read or rendered."""
    jobs = [job_of(draft, language) for draft in drafts]
    results = render_all(jobs, directory)
    if any(draft.refused for draft in drafts) or not all(isinstance(r, Rendered) for r in results):
        raise ContentError("A version cannot be shown.", "Its text could not be published either.")
    return [result.html for result in results if isinstance(result, Rendered)]


def directory_of(library: Library) -> Directory:
    """Return where links lead in the library as it is; it knows no images."""
    root = common_root([article.path for article in library.articles.values()])
    paths = {normal_path(a.path.removeprefix(root)): s for s, a in library.articles.items()}
    paths |= {normal_path(article.path): slug for slug, article in library.articles.items()}
    slugs = {normal_path(slug): slug for slug in library.articles}
    hidden = (s for s, a in library.articles.items() if a.status is not ArticleStatus.PUBLISHED)
    return Directory(
        paths,
        {**library.redirects, **slugs},
        hidden=frozenset(hidden),
        hidden_from=hidden_from({slug: each.audience for slug, each in library.articles.items()}),
    )


def _draft(source: GitSource, version: Version) -> Draft:
    try:
        draft = read_draft(version.path, in_memory(source.version(version, MAX_BYTES)))
    except OSError:
        draft = None
    if draft is None:
        raise ContentError("A version cannot be read.", "It is missing, too large or no article.")
    return draft


def _past(source: GitSource, version: Version, *, until: datetime | None) -> Past:
    """Return the version and who could read it until `until`, when the next one came; nobody if
    that is unknown, or if its time to be shown had not come or was over.
    """
    try:
        draft = _draft(source, version)
    except ContentError:
        return Past(version, Audience.STAFF, published=False)
    facts = draft.facts
    began = until is None or facts.publish_at is None or facts.publish_at <= until
    over = facts.expires_at is not None and facts.expires_at <= version.at
    shown = facts.status is ArticleStatus.PUBLISHED and began and not over
    published = not draft.refused and shown
    return Past(version, facts.audience, published, facts.publish_at)
