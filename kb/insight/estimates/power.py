"""How many people an experiment needs before it can show a difference of a given size.

Promises whole people and days, and None where no number of people would do. Pure.
"""

from __future__ import annotations

from math import ceil, sqrt

from kb.insight.intervals import Z_95

Z_POWER = 0.8416212335729143  # the 80 % point of the normal distribution


def people_needed(base: float, difference: float, held_out: float) -> int | None:
    """Return how many people in both arms together show a fall from `base` by `difference`.

    `base` is the rate without the treatment, `held_out` the share of people without it, all in
    (0, 1). Two-sided at 5 %, found in 80 of 100 cases, at one planned look: Fleiss (1981),
    Statistical Methods for Rates and Proportions, 2nd ed., formula 3.18, for arms of unequal size.
    None when the rate cannot fall so far or there is no second arm.
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
    """Return the days until so many people have come; None when nobody comes."""
    return ceil(people / people_a_day) if people_a_day > 0 else None
