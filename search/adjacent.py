"""Words side by side: which articles hold the query's neighbours as neighbours, and as typed.

Two words next to each other are looked for as they stand ("not working") and with the stop words
between them left out ("connect to the VPN": "connect VPN"). Promises shares in [0, 1]. Knows no
score: what it is worth is fusion's to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from search.analysis import document_terms, fold, stop_words, terms
from search.postings import Postings
from search.querying import MAX_TERMS
from search.tokens import tokens

Floats = npt.NDArray[np.float32]
Rows = Sequence[tuple[str, ...]]


@lru_cache(maxsize=32)
def _stop_terms(language: str) -> frozenset[str]:
    return frozenset(terms(word, language)[0] for word in stop_words(language) if word)


def plain_pairs(rows: Rows) -> Iterator[str]:
    """Yield each two neighbours of a text's terms (see `document_terms`)."""
    return (f"{left} {right}" for left, right in pairwise(row[0] for row in rows))


def telling_pairs(rows: Rows, language: str) -> Iterator[str]:
    """Yield each two neighbours once the stop words are left out."""
    stops = _stop_terms(language)
    kept = [row for row in rows if row[0] not in stops]
    return plain_pairs(kept)


def adjacent(postings: Postings, text: str, *, languages: Sequence[str], size: int) -> Floats:
    """Return for each of `size` articles the mean share of the query's pairs that it holds."""
    best = np.zeros(size, np.float32)
    for language in languages:
        rows = document_terms(text, language)[:MAX_TERMS]
        both = (list(plain_pairs(rows)), list(telling_pairs(rows, language)))
        shares = [_share(postings, pairs, language, size=size) for pairs in both if pairs]
        if shares:
            np.maximum(best, np.sum(shares, axis=0) / 2, out=best)
    return best


def as_typed(postings: Postings, text: str, *, languages: Sequence[str], size: int) -> Floats:
    """Return for each article the share of the query's words, stop words left out, that it holds
    in the very form that was typed. `postings` is the vocabulary's.
    """
    best = np.zeros(size, np.float32)
    words = [fold(token.surface) for token in tokens(text)][:MAX_TERMS]
    for language in languages:
        kept = [word for word in words if word not in stop_words(language)] or words
        if kept:
            np.maximum(best, _share(postings, kept, language, size=size), out=best)
    return best


def _share(postings: Postings, wanted: Sequence[str], language: str, *, size: int) -> Floats:
    held = np.zeros(size, np.float32)
    for one in wanted:
        held[postings.find(language, one)[0]] += 1
    return held / np.float32(len(wanted))
