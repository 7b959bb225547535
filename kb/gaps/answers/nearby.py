"""Which questions a change of some articles can matter for.

Promises to leave out only questions that no changed article comes near: neither in meaning nor by a
word that few articles have. Of thousands of questions a publish then asks some hundreds. Knows the
index and no database.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from search.analysis import document_terms
from search.counts import hash_of
from search.encoder import Vectors
from search.opened import Generation
from search.ranking import SIMILAR

MOST = 0.3  # share of changed articles from which every question is asked
RARE = 0.05  # share of the articles that may hold a word that tells some apart
RARE_BY_WORDS = 0.3  # the same where there are words alone
ALWAYS_RARE = 3  # articles: of a few dozen, 5 % would be none


class Nearby:
    """The articles that changed, by id, in an index."""

    def __init__(self, generation: Generation, changed: Collection[str]) -> None:
        ordinals = generation.ordinals
        numbers = np.array(sorted(ordinals[each] for each in changed if each in ordinals), np.int64)
        self._languages = generation.manifest.languages
        self._every = len(numbers) > MOST * len(generation.documents)
        self._nobody = not len(numbers)
        self._vectors: Vectors | None = None
        if generation.meaning is not None:
            self._vectors = generation.meaning.of(numbers)
        self._terms = set[int]() if self._every else _telling(generation, numbers)

    def concerns(self, words: str, vector: Vectors | None) -> bool:
        """Whether a changed article may answer a question; `vector` (d,) where it has one."""
        if self._nobody or self._every:
            return self._every
        return self._near(vector) or any(
            hash_of(language, term) in self._terms
            for language in self._languages
            for terms in document_terms(words, language)
            for term in terms
        )

    def _near(self, vector: Vectors | None) -> bool:
        if vector is None or self._vectors is None or not len(self._vectors):
            return False
        return float((self._vectors @ vector).max()) >= SIMILAR


def _telling(generation: Generation, numbers: np.ndarray) -> set[int]:
    """Return the hashes of the terms that these articles hold and few others do."""
    postings, size = generation.articles, len(generation.documents)
    rare = RARE if generation.meaning is not None else RARE_BY_WORDS
    held = np.flatnonzero(np.isin(postings.docs, numbers))
    terms = np.unique(np.searchsorted(postings.starts, held, "right") - 1)
    counts = postings.starts[terms + 1] - postings.starts[terms]
    few = counts <= max(ALWAYS_RARE, rare * size)
    return {int(each) for each in postings.terms[terms[few]]}
