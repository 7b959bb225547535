"""Meaning: vectors of titles, answered questions and passages, compared exactly.

Promises the cosine of the query with the nearest vector of each article and of each passage.
Vectors map from disk. Knows no words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from search.encoder import Encoder, Progress, Vectors, silent
from search.passages import Passage, passage_text
from search.types import Document

NO_PASSAGE = -1
KEY_BYTES = 16
Integers = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Rows:
    """What each vector stands for: its text, its article, its passage (-1: title or question)."""

    texts: Sequence[str]
    documents: Integers
    passages: Integers


@dataclass(frozen=True, slots=True)
class Nearest:
    """Cosines: the best of each article (n,), and that of each passage (m,)."""

    articles: Vectors
    passages: Vectors


def rows_of(documents: Sequence[Document], passages: Sequence[Passage]) -> Rows:
    """Return the texts to encode, those of one article side by side, in article order."""
    by_document: list[list[tuple[int, Passage]]] = [[] for _ in documents]
    for number, passage in enumerate(passages):
        by_document[passage.document].append((number, passage))
    rows = [
        (text, number, passage)
        for number, document in enumerate(documents)
        for text, passage in _texts(document, by_document[number])
    ]
    texts = [text for text, _, _ in rows]
    return Rows(
        texts,
        np.array([number for _, number, _ in rows], np.int32),
        np.array([passage for _, _, passage in rows], np.int32),
    )


def _texts(document: Document, passages: Sequence[tuple[int, Passage]]) -> list[tuple[str, int]]:
    whole = [document.title, *document.answers, document.summary]
    found = [(text, NO_PASSAGE) for text in whole if text.strip()]
    found += [(passage_text(document, passage), number) for number, passage in passages]
    return found or [(document.id, NO_PASSAGE)]


def key(text: str) -> bytes:
    """Return what identifies a text among vectors of one recipe."""
    return hashlib.sha256(text.encode()).digest()[:KEY_BYTES]


def encode(
    texts: Sequence[str],
    encoder: Encoder,
    *,
    known: Mapping[bytes, Vectors],
    progress: Progress = silent,
) -> Vectors:
    """Return a vector for each text, encoding only texts that `known` has not."""
    missing = list(dict.fromkeys(text for text in texts if key(text) not in known))
    fresh = dict(known)
    if missing:
        vectors = encoder.encode_documents(missing, progress)
        fresh.update(zip(map(key, missing), vectors, strict=True))
    if not texts:
        return np.zeros((0, 1), np.float32)
    return np.stack([fresh[key(text)] for text in texts]).astype(np.float32)


def save(folder: Path, rows: Rows, vectors: Vectors) -> None:
    """Write the vectors and what they stand for."""
    np.save(folder / "vectors.npy", vectors)
    np.save(folder / "vectors.documents.npy", rows.documents)
    np.save(folder / "vectors.passages.npy", rows.passages)
    keys = np.frombuffer(b"".join(map(key, rows.texts)), np.uint8).reshape(-1, KEY_BYTES)
    np.save(folder / "vectors.keys.npy", keys)


def known_vectors(folder: Path) -> dict[bytes, Vectors]:
    """Return text key -> vector of a saved generation."""
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    keys = np.load(folder / "vectors.keys.npy")
    return {bytes(row): vectors[i] for i, row in enumerate(keys)}


class Meaning:
    """The vectors of an opened generation."""

    def __init__(self, folder: Path, *, articles: int, passages: int) -> None:
        self._vectors: Vectors = np.load(folder / "vectors.npy", mmap_mode="r")
        documents = np.load(folder / "vectors.documents.npy")
        self._starts = np.searchsorted(documents, np.arange(articles))
        rows = np.load(folder / "vectors.passages.npy")
        self._row_of = np.zeros(passages, np.int64)
        self._row_of[rows[rows >= 0]] = np.flatnonzero(rows >= 0)

    def first(self, article: int) -> Vectors:
        """Return an article's first vector: its title's, where it has one."""
        vector: Vectors = self._vectors[self._starts[article]]
        return vector

    def nearest(self, vector: Vectors) -> Nearest:
        """Return the cosines of a query vector with every article and passage."""
        if not len(self._starts):
            return Nearest(np.zeros(0, np.float32), np.zeros(0, np.float32))
        cosines = self._vectors @ vector
        best = np.maximum.reduceat(cosines, self._starts)
        return Nearest(best, cosines[self._row_of])
