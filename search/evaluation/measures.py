"""Measures of a ranking and of answerability, by their textbook definitions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


def ndcg(ranked: Sequence[str], gains: Mapping[str, float], *, depth: int = 10) -> float:
    """Return nDCG at a depth with linear gain (Järvelin and Kekäläinen 2002, log2 discount)."""
    found = sum(gains.get(name, 0.0) / math.log2(i + 2) for i, name in enumerate(ranked[:depth]))
    ideal = sorted(gains.values(), reverse=True)[:depth]
    best = sum(gain / math.log2(i + 2) for i, gain in enumerate(ideal))
    return found / best if best else 0.0


def reciprocal_rank(ranked: Sequence[str], gains: Mapping[str, float], *, depth: int = 10) -> float:
    """Return 1 / rank of the first relevant article within the depth, else 0."""
    ranks = (i for i, name in enumerate(ranked[:depth], 1) if gains.get(name, 0.0) > 0)
    return 1.0 / next(ranks, math.inf)


def recall(ranked: Sequence[str], gains: Mapping[str, float], *, depth: int) -> float:
    """Return the share of relevant articles found within the depth."""
    relevant = {name for name, gain in gains.items() if gain > 0}
    return len(relevant & set(ranked[:depth])) / len(relevant) if relevant else 0.0


def success(ranked: Sequence[str], gains: Mapping[str, float], *, depth: int) -> float:
    """Return 1 when a relevant article is within the depth, else 0."""
    return float(any(gains.get(name, 0.0) > 0 for name in ranked[:depth]))


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """Return the probability that a positive scores over a negative, ties half (Mann-Whitney).

    None when either is empty.
    """
    if not positive or not negative:
        return None
    rows = sorted([(s, True) for s in positive] + [(s, False) for s in negative])
    total, i = 0.0, 0
    while i < len(rows):
        j = i
        while j < len(rows) and rows[j][0] == rows[i][0]:
            j += 1
        total += sum(row[1] for row in rows[i:j]) * (i + j + 1) / 2
        i = j
    count = len(positive)
    return (total - count * (count + 1) / 2) / (count * len(negative))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that a share of the values does not exceed (nearest rank), 0 for none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions of similar height: their weight, their mean, and how often they came true."""

    weight: float
    predicted: float
    observed: float


def reliability(
    predicted: Sequence[float],
    outcomes: Sequence[bool],
    *,
    weights: Sequence[float] | None = None,
    bins: int = 10,
) -> list[Bin]:
    """Return the reliability curve over bins of equal width in [0, 1]; empty bins are left out."""
    rows: list[list[tuple[float, float, bool]]] = [[] for _ in range(bins)]
    given = weights if weights is not None else [1.0] * len(predicted)
    for p, outcome, weight in zip(predicted, outcomes, given, strict=True):
        rows[min(bins - 1, int(p * bins))].append((weight, p, outcome))
    return [_bin(row) for row in rows if sum(weight for weight, _, _ in row) > 0]


def _bin(row: Sequence[tuple[float, float, bool]]) -> Bin:
    mass = sum(weight for weight, _, _ in row)
    return Bin(
        mass,
        sum(weight * p for weight, p, _ in row) / mass,
        sum(weight * outcome for weight, _, outcome in row) / mass,
    )


def calibration_error(
    predicted: Sequence[float],
    outcomes: Sequence[bool],
    *,
    weights: Sequence[float] | None = None,
    bins: int = 10,
) -> float | None:
    """Return the expected calibration error (Naeini et al. 2015): the mean distance of the
    reliability curve from the diagonal, by weight. None without predictions."""
    curve = reliability(predicted, outcomes, weights=weights, bins=bins)
    mass = sum(one.weight for one in curve)
    off = sum(one.weight * abs(one.predicted - one.observed) for one in curve)
    return off / mass if mass else None


def brier(
    predicted: Sequence[float],
    outcomes: Sequence[bool],
    *,
    weights: Sequence[float] | None = None,
) -> float | None:
    """Return the mean squared distance of probability from outcome (Brier 1950); None for none."""
    given = weights if weights is not None else [1.0] * len(predicted)
    mass = sum(given)
    off = sum(w * (p - y) ** 2 for p, y, w in zip(predicted, outcomes, given, strict=True))
    return off / mass if mass else None
