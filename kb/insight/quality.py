"""How well search does: what is opened, what is asked again, how long answers take.

Promises each figure with the counts it rests on, for a range and for its days or weeks. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from kb.insight.breakdown import places
from kb.insight.days.tally import Tally, counts, quantile
from kb.insight.figure import Figure, share

NEAR_TOP = 3


@dataclass(frozen=True, slots=True)
class Quality:
    """The searches of some days. `rank` is the mean place of the first hit opened, 1 for the top,
    over `ranked` searches; `median_ms` and `slow_ms` (95 of 100 were faster) are over `timed`.
    """

    first: date
    last: date
    searches: int
    failed: Figure
    clicked: Figure
    top: Figure
    near_top: Figure
    reworded: Figure
    rank: float | None
    ranked: int
    median_ms: float | None
    slow_ms: float | None
    timed: int


def quality(tally: Tally, first: date, last: date) -> Quality:
    """Return the figures of these days."""
    searches = tally.sums["searches"]
    ranks = {rank: number for rank, number in tally.ranks.items() if rank}
    ranked = sum(ranks.values())
    return Quality(
        first=first,
        last=last,
        searches=searches,
        failed=share("failed_share", tally.sums["failed"], searches),
        clicked=share("clicked", tally.ranks.total(), searches),
        top=share("clicked_top", ranks.get(1, 0), ranked),
        near_top=share(
            "clicked_near_top", sum(n for rank, n in ranks.items() if rank <= NEAR_TOP), ranked
        ),
        reworded=share("reworded", tally.sums["reworded"], searches),
        rank=sum(rank * n for rank, n in ranks.items()) / ranked if ranked else None,
        ranked=ranked,
        median_ms=quantile(tally.took, 0.5),
        slow_ms=quantile(tally.took, 0.95),
        timed=tally.took.total(),
    )


def over_time(days: Mapping[date, Tally], first: date, last: date) -> tuple[Quality, ...]:
    """Return the figures by day or by week, every step of the range in order."""
    return tuple(
        quality(counts(tally for day, tally in days.items() if a <= day <= b), a, b)
        for a, b in places(first, last)
    )
