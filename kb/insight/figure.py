"""The shape of a counted figure.

Promises that a share comes with its counts, its interval and the key of its definition. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from kb.insight.definitions import DEFINITIONS
from kb.insight.intervals import wilson


@dataclass(frozen=True, slots=True)
class Figure:
    """A count or a share. `value` is the share in [0, 1], None of nothing, or the count itself
    where `denominator` is None; `interval` is its 95 % interval; `n` is what it is based on.
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
