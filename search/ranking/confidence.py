"""The confidence of a search: how likely it is that the corpus answers the query.

A probability from a logistic regression over what a ranking shows. Its coefficients (PRIOR) were
fitted on several judged sets with the bundled model and are adjusted to each corpus and model
without labels (`search.ranking.calibration`). OUTSIDE is the assumed share of queries without an
answer: where fewer have none, the probability is too low, but the order of queries is the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Assumed share of queries without an answer; nobody knows it before people ask.
OUTSIDE = 0.15
# Below this an answer is called doubtful unless a calibration says otherwise: of seven judged sets
# it keeps nine in ten of the questions that are answered, and one in six of the others.
FLOOR = 0.6
VERSION = 3
# The confidence when the query is an article's title, or one article has every word and code of it.
CERTAIN = 0.97
# The most when the query names a code or a product that no article has.
UNNAMED = 0.15
_HELD = 0.99


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a ranking shows about its own worth; cosines and shares in [0, 1].

    `nearest`: best cosine; `margin`: its lead over the tenth article; `support`: third best cosine
    of a passage; `coverage`: share of the query's information (by idf) in the first hit; `spoken`:
    the same in its best passage; `absent`: the share that no article has; `agreed`: both rankings
    have the same first article; `exact`: one article has all codes and phrases; `title`: the query
    is a title; `unnamed`: no article has a code or a name in the query.
    """

    nearest: float
    margin: float
    coverage: float
    agreed: bool
    exact: bool = False
    title: bool = False
    support: float = 0.0
    spoken: float = 0.0
    absent: float = 0.0
    unnamed: bool = False


@dataclass(frozen=True, slots=True)
class Calibration:
    """Coefficients for one corpus and model, the constant first, and their measures on held-out
    folds.

    `meaning` goes with `features(..., meaning=True)`, `words` with `meaning=False`. `floor`: the
    confidence that PASSED of the near-by questions reach. `auroc`, `brier` and
    `ece` are of hybrid search, None where nothing was fitted; `articles` is the number of articles.
    Every field is JSON as it stands.
    """

    meaning: tuple[float, ...]
    words: tuple[float, ...]
    floor: float = FLOOR
    floor_words: float = FLOOR
    version: int = VERSION
    auroc: float | None = None
    brier: float | None = None
    ece: float | None = None
    answerable: int = 0
    unanswerable: int = 0
    articles: int = 0


# From `python -m benchmarks.answerability`, on judged sets with some of the answers removed.
PRIOR = Calibration(
    meaning=(-5.91, 6.48, 4.16, 0.68, 0.87, 2.11),
    words=(-3.3, 4.81, 1.31),
)


def calibration_of(held: Mapping[str, Any]) -> Calibration:
    """Return the calibration kept as JSON; PRIOR when it is of another version."""
    if held.get("version") != VERSION:
        return PRIOR
    tuples = {name: tuple(held[name]) for name in ("meaning", "words")}
    return Calibration(**{**held, **tuples})


def features(evidence: Evidence, *, meaning: bool = True) -> tuple[float, ...]:
    """Return the features, in the order of the coefficients after the constant."""
    if not meaning:
        return (evidence.spoken, 1.0 - evidence.absent)
    agreed = float(evidence.agreed)
    return (evidence.nearest, evidence.margin, evidence.support, agreed, evidence.spoken)


def certain(evidence: Evidence) -> bool:
    """Return whether the words alone leave no doubt."""
    return evidence.title or (evidence.exact and evidence.coverage >= _HELD)


def confidence(
    evidence: Evidence, calibration: Calibration = PRIOR, *, meaning: bool = True
) -> float:
    """Return the probability that the corpus answers; `meaning` False uses the words alone."""
    constant, *coefficients = calibration.meaning if meaning else calibration.words
    held = features(evidence, meaning=meaning)
    value = constant + sum(c * x for c, x in zip(coefficients, held, strict=True))
    found = 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, value))))
    if certain(evidence):
        return max(found, CERTAIN)
    return min(found, UNNAMED) if evidence.unnamed else found
