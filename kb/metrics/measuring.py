"""What the gauges hold, from the database and the data folder.

Promises values that every web process agrees on, for none counts anything itself; worked out at
most once in FRESH by each process, however often and by however many it is asked; and StoreError,
not half of the figures, while the database is away.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version

from kb.analytics.report import DateRange
from kb.analytics.service import SUMS, report
from kb.analytics.store import last_seen
from kb.database import Database
from kb.gaps import service as gaps_service
from kb.metrics.gauge import (
    DAYS,
    PREFIX,
    Gauge,
    Sample,
    labelled,
    moment,
    of_report,
    single,
    window,
)
from kb.metrics.place import Place
from kb.notifications.outbox import Outbox, State
from kb.tickets.store import open_by_tier

FRESH = timedelta(minutes=1)  # figures move with the closing of episodes, not by the second


@dataclass(slots=True)
class Measuring:
    """The gauges of one site, kept for a minute; `levels` are those of the tiers."""

    db: Database
    levels: Sequence[int]
    k: int
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _made: tuple[datetime, tuple[Gauge, ...]] | None = None

    def gauges(self, now: datetime, place: Callable[[], Place]) -> tuple[Gauge, ...]:
        """Return every gauge; `place` looks at this machine. StoreError while the database is
        away.
        """
        with self._lock:  # of several scrapes at once one does the work
            if self._made is None or not timedelta(0) <= now - self._made[0] < FRESH:
                self._made = (now, tuple(self._measured(now, place)))
            return self._made[1]

    def _measured(self, now: datetime, place: Callable[[], Place]) -> Iterable[Gauge]:
        today = now.date()
        span = DateRange(today - timedelta(days=DAYS - 1), today)
        found = report(self.db, span, k=self.k, now=now, parts=SUMS)
        listing = gaps_service.listing(self.db, gaps_service.GapFilter(), k=self.k, now=now)
        yield _build(found.code)
        yield moment("measured", "When these figures were worked out.", now)
        yield window(span.start, now)
        yield from of_report(found)
        yield single("open_gaps", "Gaps that nobody has answered or declined.", len(listing.gaps))
        yield from self._desk()
        yield from _of_place(place())

    def _desk(self) -> Iterable[Gauge]:
        with self.db.read() as connection:
            tickets = open_by_tier(connection)
            states = {s.value: Outbox(connection).count(s) for s in (State.WAITING, State.DEAD)}
            last = last_seen(connection)
        tiers = {str(level): tickets.pop(level, 0) for level in self.levels if level}
        tiers |= {str(level): number for level, number in sorted(tickets.items())}
        yield labelled("open_tickets", "Tickets not yet resolved, by tier.", "tier", tiers)
        yield labelled(
            "outbox_letters", "Letters that wait, and that were refused for good.", "state", states
        )
        yield moment("last_episode", "When the latest episode that is known ended.", last)


def _of_place(place: Place) -> Iterable[Gauge]:
    yield single("articles", "Articles that are live.", place.articles)
    yield moment("last_publish", "When the live articles were published.", place.published_at)
    yield single(
        "spool_events",
        "Events on this machine that wait for the database to take them.",
        place.spooled,
    )
    yield labelled(
        "check_ok",
        "Whether what the site depends on works, as /readyz says.",
        "check",
        {check.name: check.ok for check in place.checks},
    )


def _build(code: str) -> Gauge:
    told = "The version that runs; always 1."
    return Gauge(f"{PREFIX}build_info", told, (Sample(1.0, {"version": code or _version()}),))


def _version() -> str:
    return version("tier-zero")
