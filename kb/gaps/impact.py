"""How much a gap is asked for: people, searches, tickets, its label and whether it grows.

The values are the same whether a grouping or a person brought the searches together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kb.gaps import anonymity
from kb.gaps.model import FailedQuery

# -- Demand --


WINDOW = timedelta(days=90)  # how far back failed searches count
PERIOD = timedelta(days=30)  # the trend: this long until now, against as long before
LARGEST = 10  # the Pareto line: what the ten largest gaps hold


@dataclass(frozen=True, slots=True)
class GapDemand:
    """The demand behind a gap: `people` are distinct visitors, `tickets` episodes that ended with a
    ticket, `trend` the people of the last period and of the one before.
    """

    people: int
    searches: int
    tickets: int
    first_at: datetime
    last_at: datetime
    language: str
    trend: tuple[int, int]


def demand(failed: Sequence[FailedQuery], now: datetime) -> GapDemand:
    """Return the demand of at least one failed search."""
    times = [one.at for one in failed]
    languages = Counter(one.language for one in failed if one.language)
    recent = now - PERIOD
    return GapDemand(
        people=_people(failed),
        searches=len(failed),
        tickets=sum(one.ticketed for one in failed),
        first_at=min(times),
        last_at=max(times),
        language=min(languages, key=lambda each: (-languages[each], each), default=""),
        trend=(
            _people(one for one in failed if one.at > recent),
            _people(one for one in failed if recent - PERIOD < one.at <= recent),
        ),
    )


def _people(failed: Iterable[FailedQuery]) -> int:
    return len({one.visitor for one in failed})


def held_by_largest(searches: Iterable[int], total: int) -> float | None:
    """Return the share of `total` failed searches in the ten largest gaps; None if 0."""
    largest = sorted(searches, reverse=True)[:LARGEST]
    return sum(largest) / total if total else None


# -- Stored counts --


NOTHING = {"people": 0, "searches": 0, "tickets": 0, "label": "", "centre": None, "trend": (0, 0)}


def counted(rows: Sequence[FailedQuery], now: datetime, *, k: int) -> dict[str, Any]:
    """Return the columns of a gap with these searches; without any its label is empty."""
    if not rows:
        return dict(NOTHING)
    found = demand(rows, now)
    return {
        "people": found.people,
        "searches": found.searches,
        "tickets": found.tickets,
        "first_at": found.first_at,
        "last_at": found.last_at,
        "language": found.language,
        "label": anonymity.label(anonymity.shown(rows, k=k)),
        "trend": found.trend,
    }
