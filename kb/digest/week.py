"""Weeks as the digest counts them: Monday to Sunday, UTC, numbered by ISO 8601.

Promises that a week is called settled only when a ticket may no longer change its outcomes. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from kb.analytics.report import DateRange
from kb.errors import InvalidInput

HOUR = 6  # UTC, at which a digest is due: it is there when a European working day begins
_NAME = re.compile(r"(\d{4})-?W(\d{2})", re.ASCII)
_SEVEN = timedelta(days=7)


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """One week by its Monday."""

    first: date

    @classmethod
    def of(cls, day: date) -> Week:
        """Return the week that the day is in."""
        return cls(day - timedelta(days=day.weekday()))

    @classmethod
    def parse(cls, name: str) -> Week:
        """Return the week of a name such as 2026-W46; InvalidInput when there is none."""
        match = _NAME.fullmatch(name.strip().upper())
        try:
            if match and 2000 <= int(match[1]) < 3000:
                return cls(date.fromisocalendar(int(match[1]), int(match[2]), 1))
        except ValueError:
            pass
        raise InvalidInput(f"{name[:20]!r} is no week.", "Write it as 2026-W46.")

    @classmethod
    def settled(cls, now: datetime, waits: timedelta) -> Week:
        """Return the latest week that is due: see `due`."""
        week = cls.of(now.date())
        while now < week.due(waits):
            week = week.before
        return week

    @property
    def before(self) -> Week:
        """Return the week before."""
        return Week(self.first - _SEVEN)

    @property
    def span(self) -> DateRange:
        """Return its seven days."""
        return DateRange(self.first, self.first + _SEVEN - timedelta(days=1))

    @property
    def number(self) -> int:
        """Return its number in its year."""
        return self.first.isocalendar().week

    @property
    def name(self) -> str:
        """Return "2026-W46"."""
        year, number, _ = self.first.isocalendar()
        return f"{year}-W{number:02}"

    def due(self, waits: timedelta) -> datetime:
        """Return the first HOUR at which nobody's outcome is open: `waits` after Sunday's end."""
        ripe = self.span.end + waits
        day = datetime.combine(ripe.date(), time(HOUR), UTC)
        return day if day >= ripe else day + timedelta(days=1)
