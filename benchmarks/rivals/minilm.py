"""MiniLM alone: the exact dot product with every passage; an article ranks by its nearest one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.rivals.base import Ask, Corpus, encoder, load_ids, load_vectors, save_ids


class MiniLM:
    """The vectors in one array, in memory when open."""

    index = "minilm"
    packages: tuple[str, ...] = ()

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Write the vectors and the article of each, ascending."""
        np.save(folder / "vectors.npy", load_vectors(corpus))
        np.save(folder / "articles.npy", corpus.rows.documents)
        save_ids(folder, corpus.ids)

    def open(self, folder: Path, cache: Path) -> Ask:
        """Load the vectors and the query encoder."""
        vectors, ids = np.load(folder / "vectors.npy"), load_ids(folder)
        starts = np.searchsorted(np.load(folder / "articles.npy"), np.arange(len(ids)))
        runtime = encoder(cache)

        def ask(text: str, limit: int) -> list[str]:
            nearest = np.maximum.reduceat(vectors @ runtime.encode_query(text), starts)
            count = min(limit, len(ids))
            best = np.argpartition(-nearest, count - 1)[:count]
            return [ids[number] for number in best[np.argsort(-nearest[best], kind="stable")]]

        return ask
