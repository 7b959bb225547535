"""How far a share may be trusted.

Promises an interval for every share of counted things. Pure.
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
