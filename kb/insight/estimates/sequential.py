"""An interval that may be looked at every day.

Promises that an experiment without any difference is called one in at most 5 of 100 cases however
often the growing data is looked at, which no interval for one planned look does. Pure.
"""

from __future__ import annotations

from math import log, sqrt

ALPHA = 0.05
# The number of people at which the interval is at its narrowest relative to one planned look.
TUNED_FOR = 1000
# rho^2 that is best at TUNED_FOR, in closed form (the same paper's appendix on tuning).
_RHO2 = (-2 * log(ALPHA) + log(-2 * log(ALPHA)) + 1) / TUNED_FOR


def always_valid(first: tuple[int, int], second: tuple[int, int]) -> tuple[float, float] | None:
    """Return the interval of first - second, each (numerator, denominator) of other people, that
    holds at all looks at once from the same first day on; None when either is of nothing.

    The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024,
    The Annals of Statistics 52:2613), in its Gaussian-mixture form. Its standard error is that of a
    difference of two shares, with one success and one failure added to each arm (Agresti and Caffo
    2000, The American Statistician 54:280), and never less than that of equal arms: in a small arm
    with few tickets the first alone is too small (`python -m benchmarks.looking`).
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
