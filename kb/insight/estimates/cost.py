"""What a ticket costs, over the tiers at which tickets stand.

Promises an amount in whatever the tiers' costs are in, or None where no cost is set. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TierCost:
    """A tier: level, name, cost of one ticket, and the tickets of the range that stand there."""

    level: int
    name: str
    cost: float
    tickets: int = 0


def ticket_cost(tiers: Mapping[int, TierCost]) -> float | None:
    """Return the mean cost of a ticket, weighted by where tickets stand; without tickets that of
    the first tier that people answer, level 1. None where every cost is nought.
    """
    staffed = [tier for level, tier in sorted(tiers.items()) if level > 0]
    if not any(tier.cost for tier in staffed):
        return None
    total = sum(tier.tickets for tier in staffed)
    if not total:
        return staffed[0].cost
    return sum(tier.cost * tier.tickets for tier in staffed) / total
