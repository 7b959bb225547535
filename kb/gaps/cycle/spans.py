"""The days before and after an answer that are compared.

Promises spans of equal length, of whole UTC days, without the day of the answer. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

LONGEST, SHORTEST = 28, 7  # days
# A search is known to have failed when its episode has ended and the wait for a ticket is over,
# and lies in its gap when it was grouped since.
SETTLED = timedelta(days=2)
TOO_EARLY = f"too early: under {SHORTEST} days since the answer"


@dataclass(frozen=True, slots=True)
class Spans:
    """So many days before `answered`, the day of the answer, and as many after it."""

    answered: date
    days: int

    @property
    def before(self) -> date:
        """Return the first day before."""
        return self.answered - timedelta(days=self.days)

    @property
    def after(self) -> date:
        """Return the last day after."""
        return self.answered + timedelta(days=self.days)

    @property
    def whole(self) -> bool:
        """Return whether nothing is still to come."""
        return self.days == LONGEST

    @property
    def start(self) -> datetime:
        """Return the first moment before."""
        return datetime(self.before.year, self.before.month, self.before.day, tzinfo=UTC)


def spans(answered_at: datetime, now: datetime) -> Spans | None:
    """Return the spans that can be compared by now, None where it is too early."""
    day = answered_at.astimezone(UTC).date()
    passed = ((now - SETTLED).astimezone(UTC).date() - day).days
    return Spans(day, min(LONGEST, passed)) if passed >= SHORTEST else None
