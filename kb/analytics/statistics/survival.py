"""Survival analysis of times of which some have not ended: quantiles and an interval of the median.

What is still open counts for as long as it has been open, so that slow work does not look quick
because it is unfinished.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from kb.analytics.statistics.proportions import Z_95

_ROUNDING = 1e-9  # tolerance of a share; one time among a hundred thousand is 1e-5
_TAIL = 0.025  # of a 95 % interval

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """The share not yet ended after each time at which something ended: arrays of shape (m,).

    `spread` is Greenwood's standard error of the share. `ordered` holds all n times, ended or not,
    sorted; `untouched` is the number of times before the first open one.
    """

    times: Floats
    shares: Floats
    spread: Floats
    ordered: Floats
    untouched: int


@dataclass(frozen=True, slots=True)
class Limits:
    """A 95 % interval of a time; `high` is None if too much is open for an upper limit."""

    low: float
    high: float | None


def curve(ended: Sequence[float] | Floats, still_open: Sequence[float] | Floats) -> Curve:
    """Return the product-limit estimate (Kaplan and Meier 1958, JASA 53:457).

    `ended` are the times of what has ended, `still_open` how long the rest has been open, in any
    one unit. At equal times, what has ended comes before what is still open.
    """
    done, rest = np.sort(np.asarray(ended, float)), np.sort(np.asarray(still_open, float))
    times, deaths = np.unique(done, return_counts=True)
    at_risk = (len(done) - np.searchsorted(done, times)) + (
        len(rest) - np.searchsorted(rest, times)
    )
    shares: Floats = np.cumprod((at_risk - deaths) / at_risk, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(deaths / (at_risk * (at_risk - deaths)))
        spread = np.where(shares > _ROUNDING, shares * np.sqrt(greenwood), 0.0)
    first = rest[0] if len(rest) else np.inf
    return Curve(
        times=times,
        shares=shares,
        spread=spread,
        ordered=np.sort(np.concatenate([done, rest])),
        untouched=int(np.searchsorted(done, first, side="right")),
    )


def quantile(found: Curve, share: float) -> float | None:
    """Return the time within which `share`, in (0, 1), has ended; None if too few have ended.

    If nothing is open, it is the smallest of n times that at least share x n times do not exceed.
    """
    return _first(found, found.shares, 1 - share)


def median_limits(found: Curve) -> Limits | None:
    """Return the 95 % interval of the median, None for fewer than six times.

    If nothing is open before its upper limit, two order statistics, which hold for any
    distribution (Thompson 1936, Annals of Mathematical Statistics 7:122); otherwise the times at
    which the share does not differ from one half (Brookmeyer and Crowley 1982, Biometrics 38:29).
    """
    n = len(found.ordered)
    rank = _rank(n)
    if not rank:
        return None
    if n - rank < found.untouched:
        return Limits(float(found.ordered[rank - 1]), float(found.ordered[n - rank]))
    low = _first(found, found.shares - Z_95 * found.spread, 0.5)
    high = _first(found, found.shares + Z_95 * found.spread, 0.5)
    return None if low is None else Limits(low, high)


def _first(found: Curve, shares: Floats, level: float) -> float | None:
    """Return the first time at which the share is at most the level."""
    reached = np.flatnonzero(shares <= level + _ROUNDING)
    return float(found.times[reached[0]]) if len(reached) else None


def _rank(n: int) -> int:
    """Return the greatest k for which at most 2.5 % of Binomial(n, 1/2) lie below k; 0 for none."""
    if n == 0:
        return 0
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    heads = np.arange(n // 2 + 1)
    below = np.cumsum(np.exp(logs[n] - logs[heads] - logs[n - heads] - n * log(2)))
    return int(np.searchsorted(below, _TAIL + _ROUNDING, side="right"))
