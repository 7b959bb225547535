"""BM25F as arrays: what each term adds to each document's score, worked out once at build time.

The score of a posting does not depend on the query, so a search only adds slices. Promises the
scores that Whoosh's own `scoring.BM25F` gives the same index; in an index of several languages
each counts as an index of its own, where Whoosh would divide by all. Knows no analysis.

Formula (Robertson, Zaragoza and Taylor 2004, "Simple BM25 extension to multiple weighted fields",
with idf and lengths as Whoosh has them): tf' = sum over fields of weight * tf;
impact = idf * tf' * (k1 + 1) / (tf' + k1 * (1 - b + b * length / mean)),
idf = ln(N / (df + 1)) + 1, lengths in terms of all fields, rounded up as Whoosh stores them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from whoosh.util.numeric import byte_to_length

from search.counts import Counts
from search.postings import Postings, summed

Floats = npt.NDArray[np.float64]
# Whoosh keeps the length of a field in one byte: these are the lengths that it can tell apart.
_LENGTHS = np.array([byte_to_length(number) for number in range(256)], np.float64)


@dataclass(frozen=True, slots=True)
class Scoring:
    """The weight of a term in each field, by field number, and BM25's two parameters."""

    weights: Sequence[float]
    b: float
    k1: float


def impacts_of(counts: Counts, scoring: Scoring, languages: npt.NDArray[np.int32]) -> Postings:
    """Return the impact of every term on every document that holds it; `languages` (n,) is the
    number of each document's language.
    """
    weights = np.asarray(scoring.weights, np.float64)
    often = summed(counts, weights[counts.fields] * counts.counts)
    if not len(often.docs):
        return often
    held = np.diff(often.starts)
    sizes = np.bincount(languages)
    total = sizes[languages[often.docs]]
    idf = np.log(total / (np.repeat(held, held) + 1)) + 1
    norms = _norms(counts, scoring.b, languages=languages, sizes=sizes)[often.docs]
    frequency = often.values.astype(np.float64)
    shares = frequency * (scoring.k1 + 1) / (frequency + scoring.k1 * norms)
    return Postings(often.terms, often.starts, often.docs, (idf * shares).astype(np.float32))


def _norms(
    counts: Counts,
    b: float,
    *,
    languages: npt.NDArray[np.int32],
    sizes: npt.NDArray[np.int64],
) -> Floats:
    """Return 1 - b + b * length / mean length of each document."""
    lengths = np.bincount(counts.docs, weights=counts.counts, minlength=len(languages))
    means = np.bincount(languages, lengths, minlength=len(sizes)) / np.maximum(sizes, 1)
    stored = _LENGTHS[np.minimum(np.searchsorted(_LENGTHS, lengths), 255)]
    return np.asarray(1 - b + b * stored / np.maximum(means, 1e-9)[languages])
