"""An experiment with a control group: its effect, an interval that may be looked at every day, its
power.

People are counted by intention to treat: in the arm they were drawn for, whatever they then saw or
did. The interval for every look claims a difference where there is none in at most 5 of 100
experiments, however often the growing data is looked at; no interval for one planned look does.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log, sqrt

from kb.analytics.statistics.proportions import Z_95, newcombe

# -- An interval for every look --


ALPHA = 0.05
# The number of people at which the interval is at its narrowest relative to one planned look.
TUNED_FOR = 1000
# rho^2 that is best at TUNED_FOR, in closed form (the same paper's appendix on tuning).
_RHO2 = (-2 * log(ALPHA) + log(-2 * log(ALPHA)) + 1) / TUNED_FOR


def always_valid(first: tuple[int, int], second: tuple[int, int]) -> tuple[float, float] | None:
    """Return the interval of first - second that holds at all looks together, if all start on the
    same first day. Each is (numerator, denominator), of different people. None if either
    denominator is 0.

    The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024,
    The Annals of Statistics 52:2613), in its Gaussian-mixture form. Its standard error is that of a
    difference of two shares, with one success and one failure added to each arm (Agresti and Caffo
    2000, The American Statistician 54:280), and never less than that of equal arms: in a small arm
    with few tickets the former alone is too small (`python -m benchmarks.looking`).
    """
    (a, n), (b, m) = first, second
    if n <= 0 or m <= 0:
        return None
    apart = _variance(a, n) / n + _variance(b, m) / m
    together = _variance(a + b + 1, n + m + 2) * (1 / n + 1 / m)
    intrinsic = (n + m) * _RHO2 + 1
    looks = 2 * intrinsic / (intrinsic - 1) * log(sqrt(intrinsic) / ALPHA)
    half = sqrt(max(apart, together) * looks)
    middle = a / n - b / m
    return max(-1.0, middle - half), min(1.0, middle + half)


def _variance(successes: int, people: int) -> float:
    share = (successes + 1) / (people + 2)
    return share * (1 - share)


# -- Sample size and duration --


Z_POWER = 0.8416212335729143  # the 80 % point of the normal distribution


def people_needed(base: float, difference: float, held_out: float) -> int | None:
    """Return how many people, in both arms together, are needed to detect a fall by `difference`.

    `base` is the rate without the treatment, `held_out` the share of people without it, all in
    (0, 1). Two-sided at 5 %, power 80 %, at one planned look: Fleiss (1981),
    Statistical Methods for Rates and Proportions, 2nd ed., formula 3.18, for arms of unequal size.
    None if the rate cannot fall that far or there is no second arm.
    """
    treated = base - difference
    if difference <= 0 or not 0 < base < 1 or treated < 0 or not 0 < held_out < 1:
        return None
    ratio = (1 - held_out) / held_out
    mean = (base + ratio * treated) / (ratio + 1)
    chance = Z_95 * sqrt((ratio + 1) * mean * (1 - mean))
    found = Z_POWER * sqrt(ratio * base * (1 - base) + treated * (1 - treated))
    smaller = (chance + found) ** 2 / (ratio * difference**2)
    return ceil(smaller) + ceil(ratio * smaller)


def days_needed(people: int, people_a_day: float) -> int | None:
    """Return the whole days until `people` have come; None if nobody comes."""
    return ceil(people / people_a_day) if people_a_day > 0 else None


# -- The effect of suggestions on the ticket form --


# With fewer people in an arm, one person moves its rate by over three points, and the normal
# approximation behind `always_valid` is poor.
MIN_ARM = 30


@dataclass(frozen=True, slots=True)
class Arms:
    """People in both arms and how many got a ticket; `share` is the held-out share in per cent."""

    shown: int = 0
    shown_tickets: int = 0
    held_out: int = 0
    held_out_tickets: int = 0
    share: int = 0

    @property
    def enough(self) -> bool:
        """Return whether both arms have enough people for a figure."""
        return min(self.shown, self.held_out) >= MIN_ARM

    @property
    def lacking(self) -> str:
        """Return what is missing, "" if there are enough people."""
        if self.enough:
            return ""
        few = min(self.shown, self.held_out)
        return f"too few data: {few} of {MIN_ARM} people in the smaller arm"


@dataclass(frozen=True, slots=True)
class ExperimentEffect:
    """A value with its interval for one planned look, and the one that holds at every look."""

    value: float
    planned: tuple[float, float]
    always: tuple[float, float]

    def times(self, factor: float) -> ExperimentEffect:
        """Return the effect times `factor`, which must not be negative."""
        return ExperimentEffect(
            self.value * factor,
            (self.planned[0] * factor, self.planned[1] * factor),
            (self.always[0] * factor, self.always[1] * factor),
        )

    @property
    def established(self) -> bool:
        """Return whether 0 lies outside the interval that holds at every look."""
        return self.always[0] > 0 or self.always[1] < 0


def effect(found: Arms) -> ExperimentEffect | None:
    """Return how much lower the ticket rate is with suggestions; None with too few people.

    Rate held out - rate shown, in [-1, 1]; positive if suggestions avoid tickets.
    """
    held, shown = (found.held_out_tickets, found.held_out), (found.shown_tickets, found.shown)
    planned, always = newcombe(held, shown), always_valid(held, shown)
    if not found.enough or planned is None or always is None:
        return None
    return ExperimentEffect(held[0] / held[1] - shown[0] / shown[1], planned, always)


def tickets_avoided(found: Arms) -> ExperimentEffect | None:
    """Return people shown x difference, with its intervals; None with too few people."""
    difference = effect(found)
    return difference.times(found.shown) if difference else None
