"""The values that reports show: counted figures, estimates, the cost of a ticket, and their format.

A share carries its counts, its interval and the key of its definition. An estimate without enough
data has no value and says why. Amounts of money are in the unit of the tiers' costs, None where no
cost is set. The same value is written the same way on every page and in every email.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from kb.analytics.definitions import DEFINITIONS
from kb.analytics.statistics.proportions import wilson

# -- Counted figures --


@dataclass(frozen=True, slots=True)
class Figure:
    """A count or a share. `value` is the share in [0, 1], None if `denominator` is 0, or the count
    itself if `denominator` is None; `interval` is its 95 % interval; `n` is the sample size.
    """

    key: str
    name: str
    value: float | None
    numerator: int
    denominator: int | None
    n: int
    interval: tuple[float, float] | None
    definition: str


def share(
    definition: str, numerator: int, denominator: int, *, key: str = "", name: str = ""
) -> Figure:
    """Return a share with its interval."""
    return Figure(
        key=key or definition,
        name=name or DEFINITIONS[definition].name,
        value=numerator / denominator if denominator else None,
        numerator=numerator,
        denominator=denominator,
        n=denominator,
        interval=wilson(numerator, denominator),
        definition=definition,
    )


def count(definition: str, number: int, *, key: str = "", name: str = "") -> Figure:
    """Return a plain count."""
    shown = name or DEFINITIONS[definition].name
    return Figure(key or definition, shown, number, number, None, number, None, definition)


# -- Estimates --


class Unit(StrEnum):
    """The unit of a value."""

    SHARE = "share"  # in [0, 1], shown in per cent
    DIFFERENCE = "difference"  # of two shares, in [-1, 1], shown in percentage points
    TICKETS = "tickets"
    MONEY = "money"  # in the unit of the tiers' costs
    RATIO = "ratio"  # to 1
    PEOPLE = "people"
    DAYS = "days"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Estimate:
    """One estimated figure: `value` with its 95 % `interval`; `n` is the sample size.

    `always` is the interval that holds at every look, if there is one. `lacking` says why there is
    no value, "" when there is one. `numerator` and `denominator` are set for a share, as in its
    definition. `definition` is a key of DEFINITIONS.
    """

    key: str
    name: str
    definition: str
    unit: Unit
    n: int
    value: float | None = None
    interval: tuple[float, float] | None = None
    always: tuple[float, float] | None = None
    numerator: float | None = None
    denominator: float | None = None
    lacking: str = ""


# -- Cost of a ticket --


@dataclass(frozen=True, slots=True)
class TierCost:
    """A tier: level, name, cost of one ticket, and how many tickets of the range are there now."""

    level: int
    name: str
    cost: float
    tickets: int = 0


def ticket_cost(tiers: Mapping[int, TierCost]) -> float | None:
    """Return the mean cost of a ticket, weighted by the tickets at each tier; without tickets the
    cost of the lowest staffed tier. None if every cost is 0.
    """
    staffed = [tier for level, tier in sorted(tiers.items()) if level > 0]
    if not any(tier.cost for tier in staffed):
        return None
    total = sum(tier.tickets for tier in staffed)
    if not total:
        return staffed[0].cost
    return sum(tier.cost * tier.tickets for tier in staffed) / total


# -- Formatting --


def amount(value: float | None, unit: str) -> str:
    """Return a value as text: "12.3 %", "+4.0 points", "1,250", "4.0 : 1", "0.08 : 1"; "no data"
    for None. `unit` is a `Unit`.
    """
    if value is None:
        return "no data"
    if unit == "share":
        return f"{value * 100:.1f} %"
    if unit == "difference":
        return f"{value * 100:+.1f} points".replace("-", "−")
    if unit == "ratio":
        return f"{value:.1f} : 1" if value >= 1 else f"{value:.2f} : 1"
    if unit == "money":
        return f"{value:,.2f}".replace("-", "−")
    return (f"{value:,.1f}" if unit == "tickets" else f"{value:,.0f}").replace("-", "−")


def extent(interval: tuple[float, float] | None, unit: str) -> str:
    """Return an interval as text, "10.2 % to 14.4 %"; "" without one."""
    return " to ".join(amount(end, unit) for end in interval) if interval else ""
