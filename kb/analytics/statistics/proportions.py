"""Shares, rates and ratios with their 95 % intervals.

There is an interval for a share and for the difference of two shares of different people; an exact
one for the ratio of two rates; and one for the common ratio of many pairs, in which each pair is
compared with itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt

import numpy as np
from numpy.typing import NDArray

# -- Shares, and the difference of two --


Z_95 = 1.959963984540054  # the 97.5 % point of the normal distribution


def wilson(numerator: int, denominator: int, *, z: float = Z_95) -> tuple[float, float] | None:
    """Return Wilson's score interval of a share (Wilson 1927, JASA 22:209); None if of 0.

    Unlike the textbook (Wald) interval it stays within [0, 1] and holds for small counts.
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
    """Return the interval of first - second, each (numerator, denominator) of different people;
    None if either denominator is 0.

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


# -- Ratios of two rates --


EXACT = 50  # up to this many events before or after, the interval over many pairs is exact
_TAIL = 0.025
_STEPS = 45  # halvings; the limits are then exact to 1e-13


@dataclass(frozen=True, slots=True)
class Pair:
    """Events before and after, each with the exposure `of_` that they were counted in."""

    before: int
    of_before: float
    after: int
    of_after: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """The rate after / the rate before, with its 95 % interval; `value` and `high` are None without
    events before.
    """

    value: float | None
    low: float
    high: float | None


def ratio(pair: Pair) -> Ratio | None:
    """Return the ratio of two Poisson rates; None without events or exposure.

    Given the total number of events, those after are binomial (Przyborowski and Wilenski
    1940, Biometrika 31:313); the limits are those of Clopper and Pearson (1934, Biometrika 26:404).
    """
    total = pair.before + pair.after
    if not total or pair.of_before <= 0 or pair.of_after <= 0:
        return None
    scale = pair.of_before / pair.of_after
    low, high = clopper_pearson(pair.after, total)
    return Ratio(
        value=pair.after / pair.before * scale if pair.before else None,
        low=low / (1 - low) * scale,
        high=high / (1 - high) * scale if pair.before else None,
    )


def clopper_pearson(numerator: int, denominator: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a binomial share; `denominator` must be above 0."""
    counts = np.arange(denominator + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, denominator + 1)))])
    weights = logs[denominator] - logs[counts] - logs[denominator - counts]

    def tail(chosen: slice, share: float) -> float:
        some = counts[chosen]
        powers = some * log(share) + (denominator - some) * log(1 - share)
        return float(np.exp(weights[chosen] + powers).sum())

    least, most = slice(numerator, None), slice(None, numerator + 1)
    low = _root(lambda share: tail(least, share) - _TAIL) if numerator else 0.0
    high = _root(lambda share: _TAIL - tail(most, share)) if numerator < denominator else 1.0
    return low, high


def _root(rising: Callable[[float], float]) -> float:
    """Return the share in [0, 1] at which a rising function crosses 0."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2


def pooled(pairs: Sequence[Pair]) -> Ratio | None:
    """Return the common ratio of the pairs, each compared with itself; None without events before.

    Mantel and Haenszel's ratio of rates. With at most EXACT events before or after, the interval
    is the conditional one of `ratio`, over all pairs at once; with more it is that of Greenland
    and Robins (1985, Biometrics 41:55).
    """
    used = [pair for pair in pairs if pair.of_before > 0 and pair.of_after > 0]
    above = below = spread = 0.0
    for pair in used:
        whole = pair.of_before + pair.of_after
        above += pair.after * pair.of_before / whole
        below += pair.before * pair.of_after / whole
        spread += (pair.before + pair.after) * pair.of_before * pair.of_after / whole**2
    if not below:
        return None
    value = above / below
    if min(sum(pair.before for pair in used), sum(pair.after for pair in used)) <= EXACT:
        return Ratio(value, *_conditional(used))
    error = sqrt(spread / (above * below))
    return Ratio(value, value * exp(-Z_95 * error), value * exp(Z_95 * error))


def _conditional(pairs: Sequence[Pair]) -> tuple[float, float]:
    """Return the limits of the common ratio, given the total number of events of each pair."""
    before, after = sum(pair.before for pair in pairs), sum(pair.after for pair in pairs)
    if after > before:  # fewer terms the other way round
        turned = [Pair(pair.after, pair.of_after, pair.before, pair.of_before) for pair in pairs]
        low, high = _conditional(turned)
        return 1 / high, 1 / low if low else inf

    def at_most(limit: int, place: float) -> float:
        return _at_most(pairs, limit, place / (1 - place))

    low = _root(lambda place: 1 - at_most(after - 1, place) - _TAIL) if after else 0.0
    high = _root(lambda place: _TAIL - at_most(after, place))
    return low / (1 - low), high / (1 - high)


def _at_most(pairs: Sequence[Pair], limit: int, common: float) -> float:
    """Return the probability that at most `limit` of the events are after, at that ratio. Their
    number is a sum of binomials, of which only the first terms are computed.
    """
    found = np.ones(1)
    for pair in pairs:
        share = common * pair.of_after / (common * pair.of_after + pair.of_before)
        found = np.convolve(found, _head(pair.before + pair.after, share, limit))[: limit + 1]
    return float(found.sum())


def _head(total: int, share: float, limit: int) -> NDArray[np.float64]:
    """Return the binomial probabilities of 0, 1, ... `limit`."""
    last = min(total, limit)
    steps = np.arange(1, last + 1)
    logs = np.cumsum(np.log((total - steps + 1) / steps) + log(share) - log(1 - share))
    found: NDArray[np.float64] = np.exp(np.concatenate([[0.0], logs]) + total * log(1 - share))
    return found
