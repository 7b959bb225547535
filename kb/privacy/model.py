"""Data types of privacy: whom a request is about, their rows, and figures of what is held.

The page, the terminal and JSON show the same figures, which come from `kb.privacy.store`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

# -- One person and their rows --


@dataclass(frozen=True, slots=True)
class Who:
    """Whom a request is about: an account by id, an email address, or the holder of one ticket.

    Exactly one is given. A ticket stands only for whoever has its private link: an address written
    in it is no proof of identity.
    """

    user_id: str = ""
    email: str = ""
    ticket_id: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """The rows of one person. `searches` are certainly their own; `visitors` are pseudonyms under
    which they were seen. A pseudonym without an account may be shared: by two people behind one
    network address with the same browser on the same day.
    """

    user_id: str = ""
    emails: frozenset[str] = frozenset()
    tickets: tuple[str, ...] = ()
    joined: tuple[int, ...] = ()  # `seq` in ticket_events: they joined a team's ticket
    searches: frozenset[str] = frozenset()
    visitors: frozenset[str] = frozenset()
    subscriptions: tuple[str, ...] = ()
    letters: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        """Return whether nothing is held."""
        rows = (self.tickets, self.joined, self.searches, self.visitors, self.subscriptions)
        return not (self.user_id or any(rows) or self.letters or self.offers)


# -- Figures of what is held and what was redacted --


LATE = timedelta(hours=2)  # the worker deletes what is due every hour


@dataclass(frozen=True, slots=True)
class EventCount:
    """Counts of events of one kind: all, of staff, of robots, and those with words."""

    kind: str
    events: int
    staff: int
    robots: int
    worded: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures at `at`. `redacted` counts by kind what was hidden since `since` in `searches`
    searches and votes, `touched` of which had something to hide. `wordings` is the number of
    different queries held, `shown` of them from `k_anonymity` people or more. `held` counts rows by
    what they are.
    """

    at: datetime
    since: datetime
    retention_days: float
    k_anonymity: int
    events: tuple[EventCount, ...] = ()
    oldest_words: datetime | None = None
    searches: int = 0
    touched: int = 0
    redacted: Mapping[str, int] = field(default_factory=dict)
    wordings: int = 0
    shown: int = 0
    salts: int = 0
    oldest_salt: str = ""
    held: Mapping[str, int] = field(default_factory=dict)

    @property
    def late(self) -> bool:
        """Return whether words are held beyond the retention, as when the worker does not run."""
        limit = self.at - timedelta(days=self.retention_days) - LATE
        return self.oldest_words is not None and self.oldest_words < limit

    @property
    def totals(self) -> EventCount:
        """Return the sums over all kinds."""
        columns = [(each.events, each.staff, each.robots, each.worded) for each in self.events]
        sums = [sum(column) for column in zip(*columns, strict=True)] or [0, 0, 0, 0]
        return EventCount("all", *sums)


def as_json(found: Figures) -> dict[str, Any]:
    """Return the figures as JSON-able data."""
    rows = asdict(found) | {"late": found.late}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in rows.items()
    }


def as_text(found: Figures) -> str:
    """Return the figures as lines for a terminal."""
    oldest = f"{found.oldest_words:%Y-%m-%d %H:%M} UTC" if found.oldest_words else "none held"
    late = "  LATE: is `kb worker` running?" if found.late else ""
    lines = [
        f"Words are kept for {found.retention_days:g} days; the oldest: {oldest}{late}",
        f"Words are shown from {found.k_anonymity} people on: "
        f"{found.shown} of {found.wordings} wordings held",
        f"Salts held: {found.salts}" + (f", the oldest of {found.oldest_salt}" * bool(found.salts)),
        "",
        f"{'Events':<20}{'all':>9}{'staff':>9}{'robots':>9}{'words':>9}",
    ]
    lines += [_row(each) for each in (*found.events, found.totals)]
    lines += [
        "",
        f"Hidden since {found.since:%Y-%m-%d} in {found.touched} of {found.searches} "
        "searches and votes",
    ]
    lines += [f"  {kind:<18}{count:>9}" for kind, count in found.redacted.items()]
    lines += ["", "Held besides"]
    lines += [f"  {name:<34}{count:>9}" for name, count in found.held.items()]
    return "\n".join(lines)


def _row(each: EventCount) -> str:
    return f"  {each.kind:<18}{each.events:>9}{each.staff:>9}{each.robots:>9}{each.worded:>9}"
