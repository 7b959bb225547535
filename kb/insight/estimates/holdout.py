"""What the suggestions on the ticket form cause: people who see them against people who do not.

Promises intention to treat: everybody counts in the arm they were drawn for, whatever they then
saw, opened or did. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from kb.insight.estimates.sequential import always_valid
from kb.insight.intervals import newcombe

# With fewer in an arm one person moves its rate by more than three points, and the normal
# approximation behind `always_valid` is poor.
MIN_ARM = 30


@dataclass(frozen=True, slots=True)
class Arms:
    """People in both arms and how many of them got a ticket; `share` in per cent is held out."""

    shown: int = 0
    shown_tickets: int = 0
    held_out: int = 0
    held_out_tickets: int = 0
    share: int = 0

    @property
    def enough(self) -> bool:
        """Return whether both arms have people enough for a figure."""
        return min(self.shown, self.held_out) >= MIN_ARM

    @property
    def lacking(self) -> str:
        """Return what is missing, "" when there are people enough."""
        if self.enough:
            return ""
        few = min(self.shown, self.held_out)
        return f"too few data: {few} of {MIN_ARM} people in the smaller arm"


@dataclass(frozen=True, slots=True)
class Effect:
    """A number with the interval of one planned look, and the one that holds at every look."""

    value: float
    planned: tuple[float, float]
    always: tuple[float, float]

    def times(self, factor: float) -> Effect:
        """Return the effect in another unit; `factor` is not negative."""
        return Effect(
            self.value * factor,
            (self.planned[0] * factor, self.planned[1] * factor),
            (self.always[0] * factor, self.always[1] * factor),
        )

    @property
    def established(self) -> bool:
        """Return whether nought lies outside the interval that holds at every look."""
        return self.always[0] > 0 or self.always[1] < 0


def effect(found: Arms) -> Effect | None:
    """Return how much less often a ticket follows where suggestions are shown; None with too few.

    held out - shown, in [-1, 1]; positive: suggestions avoid tickets.
    """
    held, shown = (found.held_out_tickets, found.held_out), (found.shown_tickets, found.shown)
    planned, always = newcombe(held, shown), always_valid(held, shown)
    if not found.enough or planned is None or always is None:
        return None
    return Effect(held[0] / held[1] - shown[0] / shown[1], planned, always)


def tickets_avoided(found: Arms) -> Effect | None:
    """Return people shown x difference, as far as the difference is known; None with too few."""
    difference = effect(found)
    return difference.times(found.shown) if difference else None
