"""What this machine holds beside the database, as the gauges need it.

Promises a value or None for each, and no error. Knows no gauge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from kb.content.article import ArticleStatus
from kb.content.library import Library
from kb.errors import ProductError
from kb.tracking.spool import Spool
from search.errors import SearchError
from search.generation import moved_at


class Check(Protocol):
    """One thing that the site depends on."""

    @property
    def name(self) -> str:
        """What it is."""
        ...

    @property
    def ok(self) -> bool:
        """Whether it works."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Live articles, when they went live, events that wait for the database, what works."""

    articles: int | None
    published_at: datetime | None
    spooled: int | None
    checks: tuple[Check, ...]


def look(
    generations: Path, library: Callable[[], Library], spool: Spool, checks: tuple[Check, ...]
) -> Place:
    """Return what is there now."""
    moved = moved_at(generations)
    return Place(
        articles=_published(library),
        published_at=datetime.fromtimestamp(moved, UTC) if moved else None,
        spooled=_waiting(spool),
        checks=checks,
    )


def _published(library: Callable[[], Library]) -> int | None:
    try:
        articles = library().articles.values()
    except (SearchError, ProductError):
        return None
    return sum(article.status is ArticleStatus.PUBLISHED for article in articles)


def _waiting(spool: Spool) -> int | None:
    try:
        return spool.count()
    except OSError:
        return None
