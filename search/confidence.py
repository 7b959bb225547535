"""How likely it is that the corpus answers a query: pure.

Promises a number in [0, 1] that grows with the nearest meaning, with how much of the query one
article covers, and with exact codes found. The coefficients were set by logistic regressions over
queries of seven judged sets, whose answers were in the corpus or had been taken out, then rounded
towards meaning. They are of the bundled model; another model or corpus shifts the calibration.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# Under this an answer is called doubtful.
FLOOR = 0.5
VERSION = 1


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a ranking shows about its own worth; cosines and coverage in [0, 1].

    `nearest`: best cosine; `margin`: its lead over the tenth article; `coverage`: share of the
    query's information held by the best keyword hit; `agreed`: both rankings name the same first.
    """

    nearest: float
    margin: float
    coverage: float
    agreed: bool
    exact: bool = False
    title: bool = False


def confidence(evidence: Evidence, *, meaning: bool = True) -> float:
    """Return the probability that a hit answers. Without meaning, words alone must carry it."""
    if evidence.exact or evidence.title:
        return 0.97
    if not meaning:
        return _logistic(-3.0 + 5.5 * evidence.coverage)
    return _logistic(
        -6.2
        + 8.0 * evidence.nearest
        + 3.0 * evidence.margin
        + 1.2 * evidence.coverage
        + 0.5 * evidence.agreed
    )


def _logistic(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-value))
