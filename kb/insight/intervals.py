"""How far a share, or the difference of two, may be trusted.

Promises an interval for every share of counted things, and for the difference of two shares of
different people. Pure.
"""

from __future__ import annotations

from math import sqrt

Z_95 = 1.959963984540054  # the 97.5 % point of the normal distribution


def wilson(numerator: int, denominator: int, *, z: float = Z_95) -> tuple[float, float] | None:
    """Return Wilson's score interval of the share, None of nothing (Wilson 1927, JASA 22:209).

    Unlike the textbook interval it stays within [0, 1] and holds for small counts.
    """
    if denominator <= 0:
        return None
    share = numerator / denominator
    scale = 1 + z * z / denominator
    middle = (share + z * z / (2 * denominator)) / scale
    spread = share * (1 - share) / denominator + z * z / (4 * denominator * denominator)
    half = z * sqrt(spread) / scale
    low = 0.0 if numerator == 0 else middle - half
    high = 1.0 if numerator == denominator else middle + half
    return max(0.0, low), min(1.0, high)


def newcombe(
    first: tuple[int, int], second: tuple[int, int], *, z: float = Z_95
) -> tuple[float, float] | None:
    """Return the interval of first - second, each (numerator, denominator) of other people; None
    when either is of nothing.

    Newcombe's hybrid score interval: Wilson's limits of both shares, squared and added (Newcombe
    1998, Statistics in Medicine 17:873, method 10).
    """
    one, two = wilson(*first, z=z), wilson(*second, z=z)
    if one is None or two is None:
        return None
    p1, p2 = first[0] / first[1], second[0] / second[1]
    below = sqrt((p1 - one[0]) ** 2 + (two[1] - p2) ** 2)
    above = sqrt((one[1] - p1) ** 2 + (p2 - two[0]) ** 2)
    return max(-1.0, p1 - p2 - below), min(1.0, p1 - p2 + above)
