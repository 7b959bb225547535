"""txtai: `hybrid=True` as documented (its BM25, normalised, and faiss, half each).

It offers no stemming. Vectors are given through its `external` method. Articles are ordered by
their best passages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.rivals.base import (
    Ask,
    Corpus,
    encoder,
    first_of_each,
    load_ids,
    load_vectors,
    save_ids,
)
from benchmarks.rivals.lancedb_hybrid import A_HIT
from search.semantic.encoder import Vectors

Transform = Callable[[Sequence[str]], Vectors]


class Txtai:
    """An embeddings index without content: passage numbers and scores."""

    index = "txtai"
    packages: tuple[str, ...] = ("txtai",)

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Index every passage; its vector is looked up, not computed."""
        from txtai import Embeddings

        vectors = load_vectors(corpus)
        row = {text: number for number, text in enumerate(corpus.rows.texts)}

        def known(texts: Sequence[str]) -> Vectors:
            return np.asarray(vectors[[row[text] for text in texts]])

        embeddings = Embeddings({"method": "external", "transform": known, "hybrid": True})
        embeddings.index((n, text, None) for n, text in enumerate(corpus.rows.texts))
        embeddings.save(str(folder / "txtai"))
        np.save(folder / "articles.npy", corpus.rows.documents)
        save_ids(folder, corpus.ids)

    def open(self, folder: Path, cache: Path) -> Ask:
        """Load the index with the query encoder in place of the look-up."""
        from txtai import Embeddings

        ids, articles, runtime = load_ids(folder), np.load(folder / "articles.npy"), encoder(cache)

        def encode(texts: Sequence[str]) -> Vectors:
            return np.stack([runtime.encode_query(text) for text in texts])

        embeddings = Embeddings()
        embeddings.load(str(folder / "txtai"), config={"transform": encode})

        def ask(text: str, limit: int) -> list[str]:
            found = embeddings.search(text, A_HIT * limit)
            numbers = first_of_each([int(articles[row]) for row, _ in found], limit)
            return [ids[number] for number in numbers]

        return ask
