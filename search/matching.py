"""Keyword scores of one search: slices of impacts summed, and how much of the query each covers.

Promises arrays over all articles (or passages), zero where nothing matches. Knows no model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search.postings import Postings
from search.querying import Identifier, Request, Sought

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Matched:
    """Scores (n,) and the share of the query's information (by idf) that each holds, in [0, 1]."""

    scores: Floats
    coverage: Floats


def match(postings: Postings, requests: Sequence[Request], *, size: int) -> Matched:
    """Return keyword scores of `size` documents for a query read in each language."""
    scores, coverage = np.zeros(size, np.float32), np.zeros(size, np.float32)
    for request in requests:
        one = _match_one(postings, request, size=size)
        scores += one.scores
        np.maximum(coverage, one.coverage, out=coverage)
    return Matched(scores, coverage)


def _match_one(postings: Postings, request: Request, *, size: int) -> Matched:
    scores, covered, mass = np.zeros(size, np.float32), np.zeros(size, np.float32), 0.0
    for sought in request.sought:
        best, df = _best(postings, request.language, sought=sought, size=size)
        if best is not None:
            scores += best
        if not sought.asked:
            continue  # a joined spelling or another name asks for nothing by itself
        idf = information(df, sought, size=size)
        mass += idf
        if best is not None:
            covered += idf * (best > 0)
    return Matched(scores, covered / mass if mass else covered)


def information(df: int, sought: Sought, *, size: int) -> float:
    """Return what one thing asked for says: idf by BM25 of `df` documents in `size`, weighted."""
    return float(np.log(1 + (size - df + 0.5) / (df + 0.5))) * max(sought.alternatives.values())


def _best(
    postings: Postings, language: str, *, sought: Sought, size: int
) -> tuple[Floats | None, int]:
    best: Floats | None = None
    for term, weight in sought.alternatives.items():
        docs, values = postings.find(language, term)
        if not len(docs):
            continue
        row = np.zeros(size, np.float32)
        row[docs] = weight * values
        if best is None:
            best = row
        elif weight < 1 and len(sought.alternatives) > 1 and max(sought.alternatives.values()) < 1:
            best += row  # the parts of a compound add up
        else:
            np.maximum(best, row, out=best)
    return best, 0 if best is None else int(np.count_nonzero(best))


def held(
    postings: Postings, requests: Sequence[Request], *, size: int
) -> Mapping[str, npt.NDArray[np.bool_]]:
    """Return for each identifier that the query names which articles hold it.

    Only when no article holds its exact spelling do looser ones count (a number without letters).
    """
    found: dict[str, npt.NDArray[np.bool_]] = {}
    for request in requests:
        for identifier in request.identifiers:
            row = found.setdefault(identifier.surface, np.zeros(size, bool))
            row |= _holds(postings, request.language, terms=identifier.exact, size=size)
    for request in requests:
        for identifier in request.identifiers:
            _loosen(found, postings, identifier, language=request.language)
    return found


def _loosen(
    found: dict[str, npt.NDArray[np.bool_]],
    postings: Postings,
    identifier: Identifier,
    *,
    language: str,
) -> None:
    row = found[identifier.surface]
    if not row.any():
        found[identifier.surface] = row | _holds(
            postings, language, terms=identifier.loose, size=len(row)
        )


def _holds(
    postings: Postings, language: str, *, terms: Sequence[str], size: int
) -> npt.NDArray[np.bool_]:
    row = np.zeros(size, bool)
    for term in terms:
        row[postings.find(language, term)[0]] = True
    return row
