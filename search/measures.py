"""Measures of a ranking and of answerability: one formula, one function.

Promises the textbook definitions. Knows no engine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


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
