"""When an article is shown: from a moment, until a moment; pure.

Promises aware UTC times from what an author writes, and the status that follows from them at `now`.
Knows no file and no clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from kb.content.article import Article, Status

# The default `now`: earlier than anything an author can write.
EARLIEST = datetime.min.replace(tzinfo=UTC)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def moment(written: str) -> datetime | None:
    """Return the moment in UTC: a day means its first, a time must name its zone; else None."""
    text = written.strip()
    try:
        found = datetime.fromisoformat(f"{text}T00:00:00+00:00" if _DAY.fullmatch(text) else text)
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def status_at(
    wanted: Status, publish_at: datetime | None, expires_at: datetime | None, *, now: datetime
) -> Status:
    """Return the status at `now` of an article for which its author wants `wanted`."""
    if wanted is not Status.PUBLISHED:
        return wanted
    if expires_at is not None and now >= expires_at:
        return Status.ARCHIVED
    if publish_at is not None and now < publish_at:
        return Status.DRAFT
    return Status.PUBLISHED


def next_change(articles: Iterable[Article], now: datetime) -> datetime | None:
    """Return the first moment after `now` at which an article appears or goes, None without one."""
    moments = (
        moment
        for article in articles
        if article.wanted is Status.PUBLISHED
        for moment in (article.publish_at, article.expires_at)
    )
    return min((each for each in moments if each is not None and each > now), default=None)
