"""Two rankings made one: pure arithmetic on scores.

Promises that an article which holds every code the query names is never ranked under one that does
not, however near in meaning. Knows no index: arrays in, arrays out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

# More than any fused score (at most 1) and every other bonus together.
EXACT_BONUS = 1.5
# An article that holds the query's neighbours as neighbours, or its words as they were typed.
ADJACENT = 0.2
AS_TYPED = 0.05


# Tuned together on seven judged sets (links, former titles, forum questions, intents, Spanish).
MEANING = 0.6
# A question of more words than this is better understood than matched word by word.
LONG, MEANING_OF_QUESTIONS = 6, 0.7
# One or two words that some article holds are often a name, which the model may not know.
MEANING_OF_NAMES = {1: 0.35, 2: 0.5}
COVERED = 0.99
COVERAGE_POWER = 2.0
# An article this near says what was asked: from CLOSE on meaning takes more of the weight, at SAME
# this much of what words had left.
CLOSE, SAME, SURE = 0.7, 0.9, 0.6
# The lead of the nearest article over the median one: under LOST the model tells nothing apart
# (a language it was not trained for), from CLEAR on it does.
LOST, CLEAR = 0.25, 0.5
LEAST_TRUST = 0.05
# Where an ordinary article is already this near, the model lumps the texts together, as one that
# reads English does with Spanish: trusted in full up to ORDINARY, hardly at all from LUMPED on.
ORDINARY, LUMPED = 0.2, 0.35
# With a code found, meaning only orders the articles that hold it.
MEANING_WITH_CODE = 0.15


@dataclass(frozen=True, slots=True)
class FusionSignals:
    """What is known of a query before its scores are fused.

    `coverage`: share in [0, 1] of the query's information that the best keyword hit holds;
    `spread`: highest cosine less the median one, which is `median`; `coded`: names a code that
    some article holds; `words`: how many words it has that are no stop words.
    """

    coverage: float
    spread: float
    median: float = 0.0
    coded: bool = False
    words: int = 3


def meaning_weight(signals: FusionSignals) -> float:
    """Return the weight of meaning in [0, 1]: more where no article holds the words together, as
    with long questions, or where one is very near; less where the model tells no article apart;
    little beside a code.
    """
    if signals.coded:
        return MEANING_WITH_CODE
    trust = min(1.0, max(LEAST_TRUST, (signals.spread - LOST) / (CLEAR - LOST)))
    trust *= min(1.0, max(LEAST_TRUST, (LUMPED - signals.median) / (LUMPED - ORDINARY)))
    share = _share(signals)
    meaning = share * trust
    words: float = (1.0 - share) * min(1.0, signals.coverage) ** COVERAGE_POWER
    return meaning / (meaning + words)


def _share(signals: FusionSignals) -> float:
    if signals.coverage >= COVERED and signals.words in MEANING_OF_NAMES:
        return MEANING_OF_NAMES[signals.words]
    share = MEANING_OF_QUESTIONS if signals.words > LONG else MEANING
    near = (signals.spread + signals.median - CLOSE) / (SAME - CLOSE)
    return share + SURE * (1.0 - share) * min(1.0, max(0.0, near))


def keyword_share(scores: Floats) -> Floats:
    """Return keyword scores over the best one: in [0, 1], 0 stays 0."""
    best = float(scores.max(initial=0.0))
    return scores / best if best > 0 else scores


def meaning_share(cosines: Floats, median: float) -> Floats:
    """Return cosines between the median one (0) and the best (1)."""
    low, high = median, float(cosines.max(initial=0.0))
    if high - low < 1e-6:
        return np.zeros_like(cosines)
    return np.asarray(np.clip((cosines - low) / (high - low), 0.0, 1.0), np.float32)


def fuse(keyword: Floats, meaning: Floats, *, weight: float, exact: Floats | None = None) -> Floats:
    """Return (1 - weight) * keyword + weight * meaning + the exact bonus, each share in [0, 1].

    `exact` counts the query's codes that each article holds: a full step each, so that holding
    more of them always wins.
    """
    fused = (1.0 - weight) * keyword + weight * meaning
    return fused if exact is None else fused + EXACT_BONUS * exact
