"""Which articles a person may read: the one place that decides.

Promises that a draft, an archived article or one for another audience is as absent as one that
does not exist. Knows no request and no index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, Protocol

from kb.accounts.roles import Viewer
from search.types import Query, Results

PUBLISHED = "published"


class Engine(Protocol):
    """What answers words."""

    def search(self, query: Query) -> Results:
        """Return ranked hits."""
        ...


class Article(Protocol):
    """What a list of answers shows of an article."""

    @property
    def slug(self) -> str:
        """Name in addresses and in the record."""
        ...

    @property
    def title(self) -> str:
        """One line."""
        ...

    @property
    def summary(self) -> str:
        """One or two sentences."""
        ...

    @property
    def language(self) -> str:
        """Language code."""
        ...

    @property
    def collection(self) -> str:
        """Where it is kept."""
        ...

    @property
    def audience(self) -> Any:
        """Who may read it, a string or StrEnum."""
        ...

    @property
    def status(self) -> Any:
        """Whether it is published, a string or StrEnum."""
        ...

    def is_overdue(self, today: date, /) -> bool:
        """Whether the day by which it was to be checked has passed."""
        ...


class Library(Protocol):
    """The live articles by slug, drafts included."""

    def get(self, slug: str, /) -> Any:
        """Return the article, None where there is none."""
        ...

    def values(self) -> Iterable[Any]:
        """Return every article."""
        ...


LibraryGetter = Callable[[], Library]


def readable(library: Library, slug: str, viewer: Viewer) -> Any:
    """Return the article when it is published and this viewer may read it, else None."""
    article = library.get(slug)
    if article is None or str(article.status) != PUBLISHED:
        return None
    return article if str(article.audience) in viewer.audiences else None
