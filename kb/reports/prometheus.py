"""The gauges for Prometheus: their names, and their values.

Names use base units, with the unit last. Times are seconds since 1970, never ages. A figure with
too few data has no sample. All web processes report the same values, since they are computed from
the database and not counted in a process. Each process computes them at most once in FRESH, however
often it is asked. While the database is unavailable, StoreError is raised instead of giving a part
of the gauges; values of this machine that cannot be read are None and raise no error.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from kb.analytics.figures import Estimate, Figure
from kb.analytics.report import DateRange, Report
from kb.analytics.service import SUMS, report
from kb.analytics.store import last_seen
from kb.content.article import ArticleStatus
from kb.content.library import Library
from kb.database import Database
from kb.errors import ProductError
from kb.gaps import service as gaps_service
from kb.notifications.outbox import Outbox, State
from kb.tickets.store import open_by_tier
from kb.tracking.spool import Spool
from search.errors import SearchError
from search.index.generation import moved_at

# -- Gauges and their names --


PREFIX = "tierzero_"
DAYS = 28  # whole weeks, so that the number of weekends is always the same


@dataclass(frozen=True, slots=True)
class Sample:
    """One value with its labels."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gauge:
    """A metric family. All samples have the same label names; no samples if nothing is known."""

    name: str
    help: str
    samples: tuple[Sample, ...]


def single(name: str, help: str, value: float | None) -> Gauge:
    """Return a gauge without labels, empty where `value` is None."""
    samples = () if value is None else (Sample(float(value)),)
    return Gauge(PREFIX + name, help, samples)


def labelled(name: str, help: str, label: str, values: Mapping[str, float]) -> Gauge:
    """Return a gauge with one label."""
    samples = tuple(Sample(float(value), {label: key}) for key, value in values.items())
    return Gauge(PREFIX + name, help, samples)


def moment(name: str, help: str, at: datetime | None) -> Gauge:
    """Return a gauge that holds a time."""
    return single(f"{name}_timestamp_seconds", help, at.timestamp() if at else None)


def of_report(report: Report) -> tuple[Gauge, ...]:
    """Return the gauges of a report over DAYS days."""
    lower, upper = report.deflection_lower, report.deflection_upper
    estimate, failed = report.deflection.estimate, report.failed
    during = f"of the last {DAYS} days"
    return (
        single(
            "deflection_lower_ratio",
            f"Closed episodes {during} in which somebody said that it was solved, of all closed.",
            lower.value,
        ),
        single(
            "deflection_estimate_ratio",
            f"Closed episodes {during} that did without a ticket, as the survey says; absent when "
            "too few answered.",
            estimate.value,
        ),
        single(
            "deflection_upper_ratio",
            f"Closed episodes {during} that may have done without a ticket, of all closed.",
            upper.value,
        ),
        single("failed_searches_ratio", f"Failed searches {during}, of all.", failed.value),
        _intervals(lower, estimate, upper, failed),
        single("episodes", f"Episodes {during}.", report.episodes.numerator),
        single("closed_episodes", f"Episodes {during} whose outcome is final.", report.closed),
        single("searches", f"Searches {during}.", report.searches.numerator),
        labelled(
            "created_tickets",
            f"Tickets created {during}, by how they came to be.",
            "origin",
            {figure.name: figure.numerator for figure in report.tickets},
        ),
        single("definition_version", "Version of the definitions.", report.definition),
    )


def _intervals(*figures: Figure | Estimate) -> Gauge:
    names = {"deflection_estimate": "deflection_estimate", "failed_share": "failed_searches"}
    samples = (
        Sample(value, {"figure": names.get(figure.definition, figure.definition), "end": end})
        for figure in figures
        if figure.value is not None and figure.interval
        for end, value in zip(("low", "high"), figure.interval, strict=True)
    )
    told = "Ends of the 95 % interval of the ratio of that name."
    return Gauge(f"{PREFIX}interval_ratio", told, tuple(samples))


def window(first: datetime, until: datetime) -> Gauge:
    """Return a gauge of the length of time that a report covers."""
    told = "Time that episodes, searches and ratios are counted over, the running day included."
    return single("window_seconds", told, (until - first).total_seconds())


# -- State of this machine --


class HealthCheck(Protocol):
    """One thing that the site depends on."""

    @property
    def name(self) -> str:
        """The name of the check."""
        ...

    @property
    def ok(self) -> bool:
        """Whether it works."""
        ...


@dataclass(frozen=True, slots=True)
class MachineState:
    """Live articles, when they were published, events waiting in the spool, health checks."""

    articles: int | None
    published_at: datetime | None
    spooled: int | None
    checks: tuple[HealthCheck, ...]


def look(
    generations: Path, library: Callable[[], Library], spool: Spool, checks: tuple[HealthCheck, ...]
) -> MachineState:
    """Return the present state; a value that cannot be read is None."""
    moved = moved_at(generations)
    return MachineState(
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


# -- Values of the gauges --


FRESH = timedelta(minutes=1)  # figures change when episodes are judged, not every second


@dataclass(slots=True)
class Measuring:
    """The gauges of one site, cached for FRESH; `levels` are the levels of the tiers."""

    db: Database
    levels: Sequence[int]
    k: int
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _made: tuple[datetime, tuple[Gauge, ...]] | None = None

    def gauges(self, now: datetime, place: Callable[[], MachineState]) -> tuple[Gauge, ...]:
        """Return all gauges; `place` reads the state of this machine.

        Raises StoreError while the database is unavailable.
        """
        with self._lock:  # of several scrapes at once, only one computes the gauges
            if self._made is None or not timedelta(0) <= now - self._made[0] < FRESH:
                self._made = (now, tuple(self._measured(now, place)))
            return self._made[1]

    def _measured(self, now: datetime, place: Callable[[], MachineState]) -> Iterable[Gauge]:
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


def _of_place(place: MachineState) -> Iterable[Gauge]:
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
