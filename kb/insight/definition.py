"""The shape of a definition that the product quotes.

Promises words and, for a share, its fraction. Knows no definition.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Definition:
    """One figure, outcome or class: `numerator` and `denominator` are "" where it is no share."""

    key: str
    name: str
    meaning: str
    numerator: str = ""
    denominator: str = ""
