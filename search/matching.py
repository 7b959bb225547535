"""Keyword scores of one search: slices of impacts summed, and how much of the query each covers.

Promises arrays over all articles (or passages), zero where nothing matches. Knows no model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search.counts import Ordinals
from search.postings import Postings, Values
from search.querying import Identifier, Request, Sought

Floats = npt.NDArray[np.float32]
Row = tuple[Ordinals, Values]


@dataclass(frozen=True, slots=True)
class Matched:
    """Scores (n,) and the share of the query's information (by idf) that each holds, in [0, 1]."""

    scores: Floats
    coverage: Floats


def match(postings: Postings, requests: Sequence[Request], *, size: int) -> Matched:
    """Return keyword scores of `size` documents for a query read in each language."""
    found = [_found(postings, request) for request in requests]
    coverage = [
        _covered(request, rows, size=size) for request, rows in zip(requests, found, strict=True)
    ]
    return Matched(
        summed([row for rows in found for row in rows], size=size),
        coverage[0] if len(coverage) == 1 else np.max([_nothing(size), *coverage], axis=0),
    )


def scores(postings: Postings, requests: Sequence[Request], *, size: int) -> Floats:
    """Return the scores alone, as `match` does."""
    return summed([row for request in requests for row in _found(postings, request)], size=size)


def _found(postings: Postings, request: Request) -> list[Row]:
    return [_best(postings, request.language, sought=sought) for sought in request.sought]


def _covered(request: Request, found: Sequence[Row], *, size: int) -> Floats:
    """Return the share of the query's information in each document. A joined spelling or another
    name asks for nothing by itself.
    """
    rows, mass = [], 0.0
    for sought, (docs, _) in zip(request.sought, found, strict=True):
        if sought.asked:
            told = information(len(docs), sought, size=size)
            rows.append((docs, np.full(len(docs), told, np.float32)))
            mass += told
    return summed(rows, size=size) / np.float32(mass or 1.0)


def _nothing(size: int) -> Floats:
    return np.zeros(size, np.float32)


def summed(rows: Sequence[Row], *, size: int) -> Floats:
    """Return the sum of the values at each document."""
    if not rows:
        return _nothing(size)
    docs, values = (np.concatenate(column) for column in zip(*rows, strict=True))
    return np.bincount(docs, values, minlength=size).astype(np.float32)


def information(df: int, sought: Sought, *, size: int) -> float:
    """Return what one thing asked for says: idf by BM25 of `df` documents in `size`, weighted."""
    return float(np.log(1 + (size - df + 0.5) / (df + 0.5))) * max(sought.alternatives.values())


def _best(postings: Postings, language: str, *, sought: Sought) -> Row:
    """Return the documents that hold one thing asked for, each once, and what it is worth there."""
    weights = sought.alternatives.values()
    rows = [
        (docs, values if weight == 1 else weight * values)
        for term, weight in sought.alternatives.items()
        for docs, values in [postings.find(language, term)]
        if len(docs)
    ]
    if len(rows) == 1:
        return rows[0]
    if not rows:
        return postings.find(language, "")
    docs = np.sort(np.concatenate([found for found, _ in rows]))
    docs = docs[np.flatnonzero(np.diff(docs, prepend=-1))]
    best = np.zeros(len(docs), np.float32)
    parts = len(weights) > 1 and max(weights) < 1
    for found, values in rows:
        at = np.searchsorted(docs, found)
        if parts:  # the parts of a compound add up
            best[at] += values
        else:
            best[at] = np.maximum(best[at], values)
    return docs, best


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
