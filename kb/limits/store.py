"""Counts requests in fixed windows kept in the database.

Promises one count for all workers and machines (a count in memory multiplies with them). A
database that does not answer limits nothing: an answer matters more than a count.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from kb.db import Database, rate_windows
from kb.errors import StoreError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` in each window of `span`, under the name `what`."""

    what: str
    count: int
    span: timedelta


class RateLimits:
    """The windows of one database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def wait(self, rate: Rate, who: str, now: datetime) -> int:
        """Count one request of `who`; return 0, or the seconds until it would be accepted."""
        span = int(rate.span.total_seconds())
        window, into = divmod(int(now.timestamp()), span)
        try:
            count = self._count(f"{rate.what}:{_digest(who)}", window * span)
        except StoreError:
            log.warning("rate limits are off: the database does not answer")
            return 0
        return span - into if count > rate.count else 0

    def purge(self, now: datetime) -> None:
        """Forget windows that began more than a day ago."""
        old = rate_windows.c.window < int(now.timestamp()) - 86400
        with self._db.begin() as connection:
            connection.execute(sa.delete(rate_windows).where(old))

    def _count(self, key: str, window: int) -> int:
        row = {"key": key, "window": window, "count": 0}
        here = (rate_windows.c.key == key) & (rate_windows.c.window == window)
        more = sa.update(rate_windows).where(here).values(count=rate_windows.c["count"] + 1)
        with self._db.begin() as connection:
            self._db.insert_once(connection, rate_windows, [row])
            return int(connection.execute(more.returning(rate_windows.c["count"])).scalar_one())


def _digest(who: str) -> str:
    """Return a short name for `who`, so that no address is kept."""
    return hashlib.sha256(who.encode()).hexdigest()[:32]
