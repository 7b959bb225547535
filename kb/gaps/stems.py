"""Questions as vectors without a model: by the stems of their words.

Promises unit vectors whose cosine is nearly the share of stems in common, so that the same
grouping serves a site that searches by words alone. Pure: a stem's signs come from its hash
(signed random projection of the bag of stems: W. Johnson and J. Lindenstrauss, 1984).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from kb.gaps.grouping import Vectors
from kb.tracking.query_text import folded
from search.analysis import stem, stop_words

MODEL = "stems-1"
WIDTH = 512  # the error of a cosine is about 1 / sqrt(512) = 0.04


def vectors(texts: Sequence[str], languages: Sequence[str]) -> Vectors:
    """Return one unit vector a text: float32, shape (n, 512)."""
    found = np.zeros((len(texts), WIDTH), np.float32)
    for row, (text, language) in enumerate(zip(texts, languages, strict=True)):
        for each in sorted(stems(text, language or "en")):
            found[row] += _signs(each)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    unit: Vectors = np.divide(found, lengths, out=found, where=lengths > 0)
    return unit


def stems(text: str, language: str) -> frozenset[str]:
    """Return the stems that carry meaning; all, where only common words are there."""
    every = folded(text).split()
    telling = [word for word in every if word not in stop_words(language)] or every
    return frozenset(stem(word, language) for word in telling)


@lru_cache(maxsize=50_000)
def _signs(word: str) -> Vectors:
    bits = hashlib.shake_128(word.encode()).digest(WIDTH // 8)
    signs = np.unpackbits(np.frombuffer(bits, np.uint8)).astype(np.float32)
    row: Vectors = 2 * signs - 1
    return row
