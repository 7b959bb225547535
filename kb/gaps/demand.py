"""How much a gap is asked for: people, searches, tickets, and whether it grows.

Promises counts of the window that was given. Pure; knows no database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kb.gaps.gap import Failed

WINDOW = timedelta(days=90)  # how far back failed searches count
PERIOD = timedelta(days=30)  # the trend: this long until now, against as long before
LARGEST = 10  # the Pareto line: what the ten largest gaps hold


@dataclass(frozen=True, slots=True)
class Demand:
    """`people` are distinct visitors; `tickets` are episodes of this that ended with one; `trend`:
    the people of the last period, and of the one before.
    """

    people: int
    searches: int
    tickets: int
    first_at: datetime
    last_at: datetime
    language: str
    trend: tuple[int, int]


def demand(failed: Sequence[Failed], now: datetime) -> Demand:
    """Return the demand of at least one failed search."""
    times = [one.at for one in failed]
    languages = Counter(one.language for one in failed if one.language)
    recent = now - PERIOD
    return Demand(
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


def _people(failed: Iterable[Failed]) -> int:
    return len({one.visitor for one in failed})


def held_by_largest(searches: Iterable[int], total: int) -> float | None:
    """Return the share of `total` failed searches that the ten largest gaps hold; None of none."""
    largest = sorted(searches, reverse=True)[:LARGEST]
    return sum(largest) / total if total else None
