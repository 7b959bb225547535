"""Fuses keyword scores and cosines into one score.

An article that contains every code in the query never ranks below one that does not, however near
in meaning. Why scores are fused and not ranks: docs/decisions/0002.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

# More than any fused score (at most 1) and every other bonus together.
EXACT_BONUS = 1.5
# Bonus for the query's neighbouring words side by side, and for its words exactly as typed.
ADJACENT = 0.2
AS_TYPED = 0.05


# Tuned together on seven judged sets (links, former titles, forum questions, intents, Spanish).
MEANING = 0.6
# In a question of more words than this, meaning counts more.
LONG, MEANING_OF_QUESTIONS = 6, 0.7
# One or two words that some article contains are often a name, which the model may not know.
MEANING_OF_NAMES = {1: 0.35, 2: 0.5}
COVERED = 0.99
COVERAGE_POWER = 2.0
# A very near article says what was asked: from cosine CLOSE on, meaning takes over weight from
# words, and at SAME the share SURE of it.
CLOSE, SAME, SURE = 0.7, 0.9, 0.6
# The lead of the nearest article over the median one: under LOST the model cannot tell articles
# apart (as in a language it was not trained for), from CLEAR on it can. Where each word is one that
# it knows, less is enough.
LOST, CLEAR = 0.25, 0.5
LOST_IF_READ, CLEAR_IF_READ = 0.0, 0.2
# Then words keep some weight, even if no article has most of them.
LEAST_COVERED = 0.5
LEAST_TRUST = 0.05
# A high median cosine means that all texts look alike to the model, as Spanish does to an English
# one: it is trusted in full up to ORDINARY, hardly at all from LUMPED on.
ORDINARY, LUMPED = 0.2, 0.35
# When a code is found, meaning only orders the articles that contain it.
MEANING_WITH_CODE = 0.15


@dataclass(frozen=True, slots=True)
class FusionSignals:
    """What is known of a query before its scores are fused.

    `coverage`: share in [0, 1] of the query's information in the best keyword hit; `spread`:
    highest cosine less the median one, which is `median`; `coded`: names a code that some article
    contains; `words`: its number of words that are not stop words; `unread`: it is in a script that
    the model does not read; `read`: each of its words is one that the model knows, and articles are
    in its language.
    """

    coverage: float
    spread: float
    median: float = 0.0
    coded: bool = False
    unread: bool = False
    words: int = 3
    read: bool = False


def meaning_weight(signals: FusionSignals) -> float:
    """Return the weight of meaning in [0, 1]: more where no article contains the words together,
    for long questions, or where one is very near; less where the model tells no article apart;
    little beside a code.
    """
    if signals.coded:
        return MEANING_WITH_CODE
    lost, clear = (LOST_IF_READ, CLEAR_IF_READ) if signals.read else (LOST, CLEAR)
    trust = min(1.0, max(LEAST_TRUST, (signals.spread - lost) / (clear - lost)))
    trust *= LEAST_TRUST if signals.unread else 1.0
    trust *= min(1.0, max(LEAST_TRUST, (LUMPED - signals.median) / (LUMPED - ORDINARY)))
    share = _share(signals)
    meaning = share * trust
    covered = max(signals.coverage, LEAST_COVERED if signals.read else 0.0)
    words: float = (1.0 - share) * min(1.0, covered) ** COVERAGE_POWER
    return meaning / (meaning + words)


def _share(signals: FusionSignals) -> float:
    if signals.coverage >= COVERED and signals.words in MEANING_OF_NAMES:
        return MEANING_OF_NAMES[signals.words]
    share = MEANING_OF_QUESTIONS if signals.words > LONG else MEANING
    near = (signals.spread + signals.median - CLOSE) / (SAME - CLOSE)
    return share + SURE * (1.0 - share) * min(1.0, max(0.0, near))


def keyword_share(scores: Floats) -> Floats:
    """Return keyword scores divided by the best one: in [0, 1], 0 stays 0."""
    best = float(scores.max(initial=0.0))
    return scores / best if best > 0 else scores


def meaning_share(cosines: Floats, median: float) -> Floats:
    """Return cosines scaled from the median one (0) to the best (1)."""
    low, high = median, float(cosines.max(initial=0.0))
    if high - low < 1e-6:
        return np.zeros_like(cosines)
    return np.asarray(np.clip((cosines - low) / (high - low), 0.0, 1.0), np.float32)


def fuse(keyword: Floats, meaning: Floats, *, weight: float, exact: Floats | None = None) -> Floats:
    """Return (1 - weight) * keyword + weight * meaning + the exact bonus, each share in [0, 1].

    `exact` counts the query's codes in each article; each gives a full bonus, so that more codes
    always win.
    """
    fused = (1.0 - weight) * keyword + weight * meaning
    return fused if exact is None else fused + EXACT_BONUS * exact
