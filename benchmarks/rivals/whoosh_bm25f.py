"""Plain Whoosh: its language analyzer, BM25F, an OR query through its own searcher."""

from __future__ import annotations

from pathlib import Path

from whoosh.analysis import LanguageAnalyzer
from whoosh.fields import ID, TEXT, Schema
from whoosh.filedb.filestore import FileStorage
from whoosh.qparser import MultifieldParser, OrGroup
from whoosh.scoring import BM25F

from benchmarks.rivals.base import TITLE_WEIGHT, Ask, Corpus, body, words

MEGABYTES = 256


class PlainWhoosh:
    """An index of titles and bodies, optimised into one segment."""

    index = "whoosh"
    packages: tuple[str, ...] = ()

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Add every article, then merge."""
        analyzer = LanguageAnalyzer(corpus.language)
        schema = Schema(
            id=ID(stored=True),
            title=TEXT(analyzer=analyzer, field_boost=TITLE_WEIGHT),
            body=TEXT(analyzer=analyzer),
        )
        writer = FileStorage(str(folder)).create_index(schema).writer(limitmb=MEGABYTES)
        for document in corpus.documents:
            writer.add_document(id=document.id, title=document.title, body=body(document))
        writer.commit(optimize=True)

    def open(self, folder: Path, cache: Path) -> Ask:  # noqa: ARG002
        """Open one searcher and keep it, as Whoosh's documentation asks for."""
        index = FileStorage(str(folder)).open_index()
        searcher = index.searcher(weighting=BM25F())
        parser = MultifieldParser(["title", "body"], index.schema, group=OrGroup)

        def ask(text: str, limit: int) -> list[str]:
            query = parser.parse(" ".join(words(text)).lower())
            return [hit["id"] for hit in searcher.search(query, limit=limit)]

        return ask
