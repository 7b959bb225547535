"""The interface of compared engines, and what several of them share.

All get the same articles, passages, vectors and query encoder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from benchmarks.vectors import Rows
from search.index.keyword import article_fields
from search.semantic.encoder import Vectors
from search.semantic.runtime import LightEncoder, open_runtime
from search.types import Document

# (text of a query, number of articles wanted) -> their ids, best first.
Ask = Callable[[str, int], list[str]]
# Every engine that has fields weights a title twice as much as a body; no weight is tuned.
TITLE_WEIGHT = 2.0
# Snowball's names of the languages that all stemmers here support.
SNOWBALL = {
    "en": "english",
    "es": "spanish",
    "fr": "french",
    "de": "german",
    "pt": "portuguese",
    "it": "italian",
}
_IDS = "ids.json"
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Corpus:
    """Articles, their passages, and the file with the passages' unit vectors (npy)."""

    documents: tuple[Document, ...]
    rows: Rows
    vectors: Path
    language: str
    cache: Path

    @property
    def ids(self) -> list[str]:
        """Article number -> id."""
        return [document.id for document in self.documents]


class Rival(Protocol):
    """An engine that can be compared. Two with the same `index` can read each other's index."""

    index: str
    packages: tuple[str, ...]

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Write an index into an empty folder."""

    def open(self, folder: Path, cache: Path) -> Ask:
        """Return a function that answers queries from that folder; `cache` has the runtime."""


def encoder(cache: Path) -> LightEncoder:
    """Return the query encoder that our engine uses."""
    return open_runtime(cache)


def body(document: Document) -> str:
    """Return everything in an article except its title, as our index reads it."""
    fields = article_fields(document)
    return "\n".join(text for name, text in fields.items() if name != "title" and text)


def words(text: str) -> list[str]:
    """Return a query's words only, for engines whose query language has operators."""
    return _WORD.findall(text)


def save_ids(folder: Path, ids: Sequence[str]) -> None:
    """Save article number -> id beside an index that has only numbers."""
    (folder / _IDS).write_text(json.dumps(list(ids)), "utf-8")


def load_ids(folder: Path) -> list[str]:
    """Return what `save_ids` saved."""
    found: list[str] = json.loads((folder / _IDS).read_text("utf-8"))
    return found


def load_vectors(corpus: Corpus) -> Vectors:
    """Return the vectors of `corpus.rows.texts`, mapped from disk."""
    vectors: Vectors = np.load(corpus.vectors, mmap_mode="r")
    return vectors


def first_of_each(articles: Sequence[int], limit: int) -> list[int]:
    """Return the distinct articles of ranked passages, in the order of their best passages."""
    return list(dict.fromkeys(articles))[:limit]
