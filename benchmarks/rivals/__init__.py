"""The engines that `benchmarks.engines` compares: a short module for each, ours first.

The table maps names to engines, in the order of printing.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.rivals import (
    bm25s_scores,
    lancedb_hybrid,
    minilm,
    ours,
    rrf,
    sqlite_fts5,
    tantivy_bm25,
    txtai_hybrid,
    whoosh_bm25f,
)
from benchmarks.rivals.base import Rival
from search.types import Mode

OURS = "ours hybrid"
RIVALS: Mapping[str, Rival] = {
    OURS: ours.Ours(Mode.HYBRID),
    "ours keyword": ours.Ours(Mode.KEYWORD),
    "ours semantic": ours.Ours(Mode.SEMANTIC),
    "SQLite FTS5": sqlite_fts5.Fts5(),
    "Whoosh BM25F": whoosh_bm25f.PlainWhoosh(),
    "tantivy": tantivy_bm25.Tantivy(),
    "bm25s": bm25s_scores.Bm25s(),
    "MiniLM alone": minilm.MiniLM(),
    "RRF k=60": rrf.ReciprocalRanks(),
    "LanceDB hybrid": lancedb_hybrid.LanceDB(),
    "txtai hybrid": txtai_hybrid.Txtai(),
}
