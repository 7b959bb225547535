"""Counts requests in fixed windows kept in the database.

Promises one count for all workers and machines (a count in memory multiplies with them). A
database that does not answer limits nothing: an answer matters more than a count. Only a count
that guards something worth waiting for waits for a lock.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from kb.db import Database
from kb.errors import StoreError
from kb.lookup.store import hasty
from kb.schema import rate_windows

log = logging.getLogger(__name__)

REST_S = 5.0  # after a failure reading is not counted for so long, so that pages stay quick


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` in each window of `span`, under the name `what`.

    `hasty`: reading goes on uncounted rather than wait behind a busy database.
    """

    what: str
    count: int
    span: timedelta
    hasty: bool = False


class RateLimits:
    """The windows of one database."""

    def __init__(self, db: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._clock = clock
        self._retry_at = 0.0

    def wait(self, rate: Rate, who: str, now: datetime) -> int:
        """Count one request of `who`; return 0, or the seconds until it would be accepted."""
        span = int(rate.span.total_seconds())
        window, into = divmod(int(now.timestamp()), span)
        if rate.hasty and self._clock() < self._retry_at:
            return 0
        begin = hasty if rate.hasty else Database.begin
        try:
            with begin(self._db) as connection:
                count = _count(self._db, connection, f"{rate.what}:{_digest(who)}", window * span)
        except (StoreError, SQLAlchemyError):
            log.warning("rate limits are off: the database does not answer")
            self._retry_at = self._clock() + REST_S
            return 0
        return span - into if count > rate.count else 0

    def purge(self, now: datetime) -> None:
        """Forget windows that began more than a day ago."""
        old = rate_windows.c.window < int(now.timestamp()) - 86400
        with self._db.begin() as connection:
            connection.execute(sa.delete(rate_windows).where(old))


def unasked(count: int) -> Rate:
    """Return how many letters a day one mailbox may be sent by whoever types its address."""
    return Rate("letters", count, timedelta(days=1))


def counted(db: Database, connection: Connection, rate: Rate, who: str, now: datetime) -> bool:
    """Count one more of `who` in the caller's transaction; return whether the rate allows it."""
    span = int(rate.span.total_seconds())
    window = int(now.timestamp()) // span * span
    return _count(db, connection, f"{rate.what}:{_digest(who)}", window) <= rate.count


def _count(db: Database, connection: Connection, key: str, window: int) -> int:
    row = {"key": key, "window": window, "count": 0}
    here = (rate_windows.c.key == key) & (rate_windows.c.window == window)
    more = sa.update(rate_windows).where(here).values(count=rate_windows.c["count"] + 1)
    db.insert_once(connection, rate_windows, [row])
    return int(connection.execute(more.returning(rate_windows.c["count"])).scalar_one())


def _digest(who: str) -> str:
    """Return a short name for `who`, so that no address is kept."""
    return hashlib.sha256(who.encode()).hexdigest()[:32]
