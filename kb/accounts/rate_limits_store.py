"""Rate limits that hold over all processes and machines.

Reading, voting and opening tickets are counted in the process (`take`), so that nobody waits for a
database, and settled in the database by a separate thread: as soon as a process holds a tenth of a
limit (`SHARE`) that the others do not know of, it adds that to the row shared by all processes and
takes over the row's total. So with P processes on all machines together, a limit of n lets through
at most

    n + (P - 1) * M in a window,

where M is the most that one process counts between two of its settlements: n / 10, at least 1, plus
what arrives during the milliseconds that a settlement takes. Below a tenth nothing is written.
While the database is away each process counts alone and lets n through: P * n together. A restarted
process has forgotten what it had not settled. When a window ends, another n begins.

Proof: of the last settlements that the processes made before their last accepted request, take the
latest, s. Whoever made it accepted while row(s) + own counts < n. What the others had not added to
the row at s, they counted since their own last settlement: at most M each.

Emails, whose number must be right, are counted exactly (`wait`, `counted`), in one transaction. If
it cannot be written StoreError is raised, so that nothing is sent uncounted.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.accounts.rate_limits import Key, Rate, RateCounter, RateDecision
from kb.database import FAULTS, Database, hasty, insert_into
from kb.errors import StoreError
from kb.schema import rate_windows

log = logging.getLogger(__name__)

REST_S = 5.0  # pause of settling after a failure
SHORT_S, LONG_S = 3600, 86400  # how long windows are kept: settled ones, and those of emails


class RateLimits:
    """The limits of one database. Safe to share between threads."""

    def __init__(self, db: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._clock = clock
        self._retry_at = 0.0
        self._counts = RateCounter()
        self._begin()
        _ALL.add(self)

    def take(self, wanted: Sequence[tuple[Rate, str]], now: datetime) -> RateDecision:
        """Count one request in this process under each (rate, who) given, or under none if one of
        them is full. Never waits.
        """
        taken = self._counts.take(wanted, now.timestamp())
        self._settle_soon()
        return taken

    @property
    def due(self) -> bool:
        """Return whether anything waits to be settled."""
        return self._counts.waiting

    def settle(self) -> None:
        """Settle now what is due; StoreError when the database fails."""
        with self._one_at_a_time:
            while due := self._counts.due():
                try:
                    self._counts.settled(due, self._added(due))
                except FAULTS as problem:
                    raise StoreError("Rate limits cannot be settled.") from problem

    def wait(self, rate: Rate, who: str, now: datetime) -> int:
        """Count one action of `who` in the database; return 0, or the seconds until it would be
        accepted. StoreError when it cannot be counted, since then it must not be done.
        """
        begun, left = rate.window(now.timestamp())
        try:
            with hasty(self._db) as connection:
                count = _count(self._db, connection, f"{rate.what}:{_digest(who)}", begun)
        except FAULTS as problem:
            raise StoreError(
                "This cannot be counted, so it is not done.",
                "Check that the database can be written and that its disk is not full.",
            ) from problem
        return left if count > rate.count else 0

    def purge(self, now: datetime) -> None:
        """Delete windows that are over, and those of a clock that was ahead."""
        at, begun = int(now.timestamp()), rate_windows.c.window
        settled = rate_windows.c.key.contains("/")
        short = settled & ~begun.between(at - SHORT_S, at + SHORT_S)
        old = short | ~begun.between(at - LONG_S, at + LONG_S)
        with self._db.begin() as connection:
            connection.execute(sa.delete(rate_windows).where(old))

    def forked(self) -> None:
        """Start afresh in a forked process, which has none of its parent's threads and locks."""
        self._counts.forked()
        self._begin()

    def _begin(self) -> None:
        self._settling = False
        self._lock = threading.Lock()  # of the line above
        self._one_at_a_time = threading.Lock()  # held while settling, never for a request

    def _settle_soon(self) -> None:
        """Start a thread that settles what is due, unless one is running. It ends when nothing is
        left, so that none runs before it is needed, nor when a process forks without a request.
        """
        if not self.due or self._clock() < self._retry_at:
            return
        with self._lock:
            if self._settling:
                return
            self._settling = True
        try:
            threading.Thread(target=self._settle_all, daemon=True, name="limits").start()
        except RuntimeError:  # no thread available, or Python is exiting
            self._settling = False

    def _settle_all(self) -> None:
        try:
            self.settle()
        except StoreError:
            log.warning("limits are counted by each process alone: the database does not answer")
            self._retry_at = self._clock() + REST_S
        finally:
            self._settling = False
        self._settle_soon()  # for what became due meanwhile

    def _added(self, due: Mapping[Key, int]) -> dict[Key, int]:
        """Add own counts to the rows shared by all processes; return the new totals."""
        totals = {}
        with hasty(self._db) as connection:
            for key in sorted(due):  # one order for all processes, so that none deadlock
                what, who, begun = key
                row = {"key": f"{what}/{_digest(who)}", "window": begun, "count": due[key]}
                insert = insert_into(connection, rate_windows).values(row)
                more = rate_windows.c["count"] + due[key]
                upsert = insert.on_conflict_do_update(
                    index_elements=["key", "window"], set_={"count": more}
                )
                returning = upsert.returning(rate_windows.c["count"])
                totals[key] = int(connection.execute(returning).scalar_one())
        return totals


_ALL: weakref.WeakSet[RateLimits] = weakref.WeakSet()


def _forked() -> None:
    for limits in list(_ALL):
        limits.forked()


os.register_at_fork(after_in_child=_forked)


def unasked(count: int, kind: str = "letters") -> Rate:
    """Return the rate of emails of a kind that may be sent per day to one mailbox at the request of
    anybody who types its address. Kinds are counted separately, so that no stranger uses up what
    the owner needs.
    """
    return Rate(kind, count, timedelta(days=1))


def counted(db: Database, connection: Connection, rate: Rate, who: str, now: datetime) -> bool:
    """Count one action of `who` in the caller's transaction; return whether it is allowed."""
    begun, _ = rate.window(now.timestamp())
    return _count(db, connection, f"{rate.what}:{_digest(who)}", begun) <= rate.count


def _count(db: Database, connection: Connection, key: str, window: int) -> int:
    row = {"key": key, "window": window, "count": 0}
    here = (rate_windows.c.key == key) & (rate_windows.c.window == window)
    more = sa.update(rate_windows).where(here).values(count=rate_windows.c["count"] + 1)
    db.insert_once(connection, rate_windows, [row])
    return int(connection.execute(more.returning(rate_windows.c["count"])).scalar_one())


def _digest(who: str) -> str:
    """Return a digest of `who`, so that no address is kept."""
    return hashlib.sha256(who.encode("utf-8", "surrogatepass")).hexdigest()[:32]
