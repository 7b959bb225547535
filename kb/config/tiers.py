"""Support tiers as configuration.

An organisation's tiers are data: their names, who staffs them, how long a ticket may wait before it
is escalated by the clock, and what a ticket costs there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier. `escalate_after` None: only an agent moves a ticket up. `cost` is per ticket."""

    level: int
    name: str
    staffed_by: str
    escalate_after: timedelta | None = None
    cost: float = 0.0


# The common five-tier template; costs are left at zero because only the organisation knows them.
DEFAULT_TIERS: tuple[Tier, ...] = (
    Tier(0, "Self-service", "the reader, with this site"),
    Tier(1, "First line", "service desk agents", escalate_after=timedelta(minutes=15)),
    Tier(2, "Technicians", "support technicians"),
    Tier(3, "Experts", "engineers of the product"),
    Tier(4, "Vendors", "outside suppliers"),
)


def parse_tiers(
    tables: Sequence[Mapping[str, Any]], duration: Callable[[Any], timedelta]
) -> tuple[Tier, ...]:
    """Return tiers from tables {level, name, staffed_by, escalate_after, cost}.

    Raises ValueError when levels are not 0, 1, 2, ... in order, a name is missing, or a key is
    unknown.
    """
    tiers = tuple(_tier(table, duration) for table in tables)
    if [tier.level for tier in tiers] != list(range(len(tiers))) or len(tiers) < 2:
        raise ValueError("at least two tables with levels 0, 1, 2, ... in order")
    return tiers


def _tier(table: Mapping[str, Any], duration: Callable[[Any], timedelta]) -> Tier:
    known = {"level", "name", "staffed_by", "escalate_after", "cost"}
    if not isinstance(table, Mapping) or set(table) - known or not table.get("name"):
        raise ValueError("tables with level, name, staffed_by, escalate_after, cost")
    wait = table.get("escalate_after", "off")
    return Tier(
        level=int(table["level"]),
        name=str(table["name"]),
        staffed_by=str(table.get("staffed_by", "")),
        escalate_after=None if str(wait).lower() in {"off", "never", ""} else duration(wait),
        cost=float(table.get("cost", 0)),
    )


def highest(tiers: Sequence[Tier]) -> int:
    """Return the level above which nothing can be escalated."""
    return tiers[-1].level


def named(tiers: Sequence[Tier], level: int) -> Tier:
    """Return the tier of that level; the nearest one where the configuration has fewer by now."""
    return tiers[max(0, min(level, len(tiers) - 1))]
