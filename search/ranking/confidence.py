"""How likely it is that the corpus answers a query: pure.

Promises a number in [0, 1], the probability by a logistic regression over what a ranking shows.
What counts how much was fitted on several judged sets with the bundled model (PRIOR); how sure that
makes us is fitted to each corpus and model without labels (`search.ranking.calibration`). It
assumes that OUTSIDE of all queries have no answer: where fewer have none, it says too little,
never reorders.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Share of queries taken to have no answer. Nobody knows it before people ask: this is a statement.
OUTSIDE = 0.15
# Under this an answer is called doubtful where no calibration says otherwise: the probability at
# which a wrong "no answer" and a wrong answer are equally likely.
FLOOR = 0.5
VERSION = 2
# What a query says that is an article's title, or of which one article holds every word and code.
CERTAIN = 0.97
_HELD = 0.99


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a ranking shows about its own worth; cosines and shares in [0, 1].

    `nearest`: best cosine; `margin`: its lead over the tenth article; `support`: third best cosine
    of a passage; `coverage`: share of the query's information (by idf) that the first hit holds;
    `agreed`: both rankings name the same first; `exact`: one article holds all codes and phrases;
    `title`: the query is a title.
    """

    nearest: float
    margin: float
    coverage: float
    agreed: bool
    exact: bool = False
    title: bool = False
    support: float = 0.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """Coefficients of one corpus and model, the constant first; how they did on folds held out.

    `meaning` goes with `features(..., meaning=True)`, `words` with `meaning=False`. `floor`: at it
    at most MISSED of the corpus's own answerable queries are called doubtful. `auroc`, `brier` and
    `ece` are of hybrid search, None where nothing was fitted; `articles` is how many there were.
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


# From `python -m benchmarks.answerability`: several judged sets, articles taken out for truth.
PRIOR = Calibration(
    meaning=(-4.71, 6.44, 2.5, 1.74, 2.11, 0.91),
    words=(-1.04, 4.95),
)


def calibration_of(held: Mapping[str, Any]) -> Calibration:
    """Return the calibration kept as JSON; PRIOR when it is of another version."""
    if held.get("version") != VERSION:
        return PRIOR
    tuples = {name: tuple(held[name]) for name in ("meaning", "words")}
    return Calibration(**{**held, **tuples})


def features(evidence: Evidence, *, meaning: bool = True) -> tuple[float, ...]:
    """Return what the coefficients after the constant multiply."""
    if not meaning:
        return (evidence.coverage,)
    return (
        evidence.nearest,
        evidence.margin,
        evidence.support,
        evidence.coverage,
        float(evidence.agreed),
    )


def certain(evidence: Evidence) -> bool:
    """Say whether the words alone leave no doubt."""
    return evidence.title or (evidence.exact and evidence.coverage >= _HELD)


def confidence(
    evidence: Evidence, calibration: Calibration = PRIOR, *, meaning: bool = True
) -> float:
    """Return the probability that the corpus answers. Without meaning, words alone carry it."""
    constant, *coefficients = calibration.meaning if meaning else calibration.words
    held = features(evidence, meaning=meaning)
    value = constant + sum(c * x for c, x in zip(coefficients, held, strict=True))
    found = 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, value))))
    return max(found, CERTAIN) if certain(evidence) else found
