"""The shape of an estimated figure.

Promises that a figure without enough data behind it has no value and says why. Knows no formula.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What the number counts."""

    SHARE = "share"  # in [0, 1], shown in per cent
    DIFFERENCE = "difference"  # of two shares, in [-1, 1], shown in percentage points
    TICKETS = "tickets"
    MONEY = "money"  # in whatever the tiers' costs are in
    RATIO = "ratio"  # to 1
    PEOPLE = "people"
    DAYS = "days"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Estimate:
    """One estimated figure: `value` with its 95 % `interval`, resting on `n`.

    `always` is the interval that holds at every look, where there is one. `lacking` says why there
    is no value, "" when there is one. `numerator` and `denominator` are those of the definition
    where it is a share. `definition` is a key of DEFINITIONS.
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
