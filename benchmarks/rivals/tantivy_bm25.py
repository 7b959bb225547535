"""tantivy: its stemming analyzer, BM25, any of the words, the title boosted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.rivals.base import SNOWBALL, TITLE_WEIGHT, Ask, Corpus, body, words

_ANALYZER, _LANGUAGE = "stemmed", "language"


class Tantivy:
    """An index of titles and bodies."""

    index = "tantivy"
    packages: tuple[str, ...] = ("tantivy",)

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Add every article, commit, and let merging end."""
        import tantivy

        language = SNOWBALL[corpus.language]
        (folder / _LANGUAGE).write_text(language, "utf-8")
        (folder / "index").mkdir()
        index = _with_analyzer(tantivy.Index(_schema(), path=str(folder / "index")), language)
        writer = index.writer()
        for document in corpus.documents:
            writer.add_document(
                tantivy.Document(id=document.id, title=document.title, body=body(document))
            )
        writer.commit()
        writer.wait_merging_threads()

    def open(self, folder: Path, cache: Path) -> Ask:  # noqa: ARG002
        """Open a searcher and keep it."""
        import tantivy

        index = tantivy.Index.open(str(folder / "index"))
        _with_analyzer(index, (folder / _LANGUAGE).read_text("utf-8"))
        searcher = index.searcher()

        def ask(text: str, limit: int) -> list[str]:
            line = " ".join(words(text)).lower()
            query = index.parse_query(line, ["title", "body"], field_boosts={"title": TITLE_WEIGHT})
            hits = searcher.search(query, limit).hits
            return [searcher.doc(address)["id"][0] for _, address in hits]

        return ask


def _schema() -> Any:
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw")
    builder.add_text_field("title", tokenizer_name=_ANALYZER)
    builder.add_text_field("body", tokenizer_name=_ANALYZER)
    return builder.build()


def _with_analyzer(index: Any, language: str) -> Any:
    import tantivy

    kept = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    kept = kept.filter(tantivy.Filter.remove_long(40)).filter(tantivy.Filter.lowercase())
    index.register_tokenizer(_ANALYZER, kept.filter(tantivy.Filter.stemmer(language)).build())
    return index
