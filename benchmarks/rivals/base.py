"""What every compared engine is given and must answer, and what several of them share.

Promises the same articles, passages, vectors and query encoder to all. Knows no engine and no
clock.
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

# A query's text and how many articles are wanted -> their ids, best first.
Ask = Callable[[str, int], list[str]]
# Every engine that has fields weighs a title twice a body; none of the weights is tuned.
TITLE_WEIGHT = 2.0
# Snowball's names of the languages that all stemmers here know.
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
    """Articles, the passages cut from them, and where the passages' unit vectors lie (npy)."""

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
    """An engine that can be compared. Two with the same `index` read what either has built."""

    index: str
    packages: tuple[str, ...]

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Write an index into an empty folder."""

    def open(self, folder: Path, cache: Path) -> Ask:
        """Return what answers queries from that folder; `cache` holds the light runtime."""


def encoder(cache: Path) -> LightEncoder:
    """Return the query encoder: the one that our engine uses."""
    return open_runtime(cache)


def body(document: Document) -> str:
    """Return everything in an article but its title, as our index reads it."""
    fields = article_fields(document)
    return "\n".join(text for name, text in fields.items() if name != "title" and text)


def words(text: str) -> list[str]:
    """Return a query's words, for engines whose query language has signs of its own."""
    return _WORD.findall(text)


def save_ids(folder: Path, ids: Sequence[str]) -> None:
    """Keep article number -> id beside an index that has only numbers."""
    (folder / _IDS).write_text(json.dumps(list(ids)), "utf-8")


def load_ids(folder: Path) -> list[str]:
    """Return what `save_ids` kept."""
    found: list[str] = json.loads((folder / _IDS).read_text("utf-8"))
    return found


def load_vectors(corpus: Corpus) -> Vectors:
    """Return the vectors of `corpus.rows.texts`, mapped from disk."""
    vectors: Vectors = np.load(corpus.vectors, mmap_mode="r")
    return vectors


def first_of_each(articles: Sequence[int], limit: int) -> list[int]:
    """Return the distinct articles of ranked passages, in order: an article by its best passage."""
    return list(dict.fromkeys(articles))[:limit]
