"""LanceDB: one row a passage, its native full-text index with stems, and RRF (its default) over
both.

Vectors are compared exhaustively: an approximate index would be faster only on many more rows, and
no better. Articles are ordered by their best passages.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.rivals.base import (
    SNOWBALL,
    Ask,
    Corpus,
    encoder,
    first_of_each,
    load_ids,
    load_vectors,
    save_ids,
)

_TABLE = "passages"
# Passages requested for each article wanted: an article has several among the best.
A_HIT = 5


class LanceDB:
    """A table of article number, text and vector."""

    index = "lancedb"
    packages: tuple[str, ...] = ("lancedb", "pyarrow")

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Write the table, then index its text."""
        import lancedb
        import pyarrow as pa

        vectors = np.asarray(load_vectors(corpus))
        flat = pa.array(vectors.reshape(-1))
        columns = {
            "article": pa.array(corpus.rows.documents),
            "text": pa.array(list(corpus.rows.texts)),
            "vector": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
        }
        table = lancedb.connect(str(folder / "lance")).create_table(_TABLE, pa.table(columns))
        language = SNOWBALL[corpus.language].capitalize()
        table.create_fts_index("text", language=language, stem=True, remove_stop_words=True)
        table.optimize()
        save_ids(folder, corpus.ids)

    def open(self, folder: Path, cache: Path) -> Ask:
        """Open the table and the query encoder."""
        import lancedb
        from lancedb.rerankers import RRFReranker

        table = lancedb.connect(str(folder / "lance")).open_table(_TABLE)
        ids, runtime, fused = load_ids(folder), encoder(cache), RRFReranker()

        def ask(text: str, limit: int) -> list[str]:
            query = table.search(query_type="hybrid", vector_column_name="vector")
            query = query.vector(runtime.encode_query(text)).text(text)
            query = query.distance_type("cosine").rerank(fused).limit(A_HIT * limit)
            articles = query.to_arrow()["article"].to_pylist()
            return [ids[number] for number in first_of_each(articles, limit)]

        return ask
