"""SQLite FTS5: the porter tokenizer (English only), bm25(), the words of a query joined by OR."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from benchmarks.rivals.base import TITLE_WEIGHT, Ask, Corpus, body, words

_FILE = "fts5.db"


class Fts5:
    """A contentful FTS5 table, merged into one b-tree by `optimize`."""

    index = "fts5"
    packages: tuple[str, ...] = ()

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Insert every article in one transaction."""
        base = sqlite3.connect(folder / _FILE)
        base.execute(
            "CREATE VIRTUAL TABLE pages USING fts5("
            "id UNINDEXED, title, body, tokenize='porter unicode61 remove_diacritics 2')"
        )
        rows = ((d.id, d.title, body(d)) for d in corpus.documents)
        with base:
            base.executemany("INSERT INTO pages VALUES (?, ?, ?)", rows)
            base.execute("INSERT INTO pages(pages) VALUES ('optimize')")
        base.close()

    def open(self, folder: Path, cache: Path) -> Ask:  # noqa: ARG002
        """Open the file; bm25() takes a weight a column, the id's included."""
        base = sqlite3.connect(folder / _FILE)
        ranked = (
            "SELECT id FROM pages WHERE pages MATCH ? "
            f"ORDER BY bm25(pages, 0, {TITLE_WEIGHT}, 1.0) LIMIT ?"
        )

        def ask(text: str, limit: int) -> list[str]:
            wanted = " OR ".join(f'"{word}"' for word in words(text))
            return [name for (name,) in base.execute(ranked, (wanted, limit))] if wanted else []

        return ask
