"""Two rankings made one: pure arithmetic on scores.

Promises that an article which holds every code the query names is never ranked under one that does
not, however near in meaning. Knows no index: arrays in, arrays out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

# A whole step above any fused score, which is at most 1.
EXACT_BONUS = 1.0


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of a query before its scores are fused.

    `words`: content words; `coverage`: share of the query's information in the best keyword hit;
    `nearest`: the highest cosine; `identifiers`: codes or phrases named; `found`: whether held.
    """

    words: int
    coverage: float
    nearest: float
    identifiers: int = 0
    found: bool = False


def meaning_weight(signals: Signals) -> float:
    """Return the weight of meaning in [0, 1]: more for long questions whose words no article
    holds together, little for a query that names a code which some article holds."""
    if signals.identifiers and signals.found:
        return 0.15
    missed = 1.0 - signals.coverage
    weight = 0.45 + 0.35 * missed + 0.02 * min(signals.words, 10)
    return float(np.clip(weight, 0.3, 0.85))


def keyword_share(scores: Floats) -> Floats:
    """Return keyword scores over the best one: in [0, 1], 0 stays 0."""
    best = float(scores.max(initial=0.0))
    return scores / best if best > 0 else scores


def meaning_share(cosines: Floats) -> Floats:
    """Return cosines between the median article (0) and the best (1)."""
    if not cosines.size:
        return cosines
    low, high = float(np.median(cosines)), float(cosines.max())
    if high - low < 1e-6:
        return np.zeros_like(cosines)
    return np.clip((cosines - low) / (high - low), 0.0, 1.0)


def fuse(keyword: Floats, meaning: Floats, *, weight: float, exact: Floats | None = None) -> Floats:
    """Return (1 - weight) * keyword + weight * meaning + the exact bonus, each share in [0, 1].

    `exact` is the share of the query's codes that each article holds: a full step each, so that
    holding more of them always wins.
    """
    fused = (1.0 - weight) * keyword + weight * meaning
    return fused if exact is None else fused + EXACT_BONUS * exact
