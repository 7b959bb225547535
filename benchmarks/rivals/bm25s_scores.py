"""bm25s: Lucene's BM25 computed ahead, PyStemmer's stems, the language's stop words.

It has no fields: an article is one text that contains the title twice, for its weight.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.rivals.base import SNOWBALL, Ask, Corpus, body, load_ids, save_ids

_LANGUAGE = "language"


class Bm25s:
    """Scores of each term in each article, as sparse columns."""

    index = "bm25s"
    packages: tuple[str, ...] = ("bm25s", "Stemmer")

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Tokenize, score and save."""
        import bm25s

        texts = [f"{d.title}\n{d.title}\n{body(d)}" for d in corpus.documents]
        retriever = bm25s.BM25(method="lucene")
        retriever.index(_tokens(texts, corpus.language), show_progress=False)
        retriever.save(str(folder / "index"))
        save_ids(folder, corpus.ids)
        (folder / _LANGUAGE).write_text(corpus.language, "utf-8")

    def open(self, folder: Path, cache: Path) -> Ask:  # noqa: ARG002
        """Load the scores into memory, as its documentation does by default."""
        import bm25s

        retriever, ids = bm25s.BM25.load(str(folder / "index")), load_ids(folder)
        stemmer, language = _stemmer(folder), (folder / _LANGUAGE).read_text("utf-8")

        def ask(text: str, limit: int) -> list[str]:
            asked = _tokens([text], language, stemmer)
            found, scores = retriever.retrieve(asked, k=min(limit, len(ids)), show_progress=False)
            return [
                ids[number] for number, score in zip(found[0], scores[0], strict=True) if score > 0
            ]

        return ask


def _stemmer(folder: Path) -> Any:
    import Stemmer

    return Stemmer.Stemmer(SNOWBALL[(folder / _LANGUAGE).read_text("utf-8")])


def _tokens(texts: list[str], language: str, stemmer: Any = None) -> Any:
    import bm25s
    import Stemmer

    return bm25s.tokenize(
        texts,
        stopwords=language,
        stemmer=stemmer or Stemmer.Stemmer(SNOWBALL[language]),
        show_progress=False,
    )
