"""What is kept of a gap's searches: its demand and what it is called.

Promises the same values whether a grouping or a person brought the searches together. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kb.gaps import anonymity
from kb.gaps.demand import demand
from kb.gaps.gap import Failed

NOTHING = {"people": 0, "searches": 0, "tickets": 0, "label": "", "centre": None, "trend": (0, 0)}


def counted(rows: Sequence[Failed], now: datetime, *, k: int) -> dict[str, Any]:
    """Return the columns of a gap with these searches; without any it has no words left."""
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
