"""The Whoosh index of record: its schema, writing it, opening it.

Promises that only terms from `analysis` reach Whoosh, never a person's raw words, and that each
language has its own fields, so that stems and frequencies of two languages do not mix.
Articles are document numbers 0..n-1 of one index, passages 0..m-1 of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from whoosh.analysis import Token, Tokenizer
from whoosh.fields import TEXT, Schema
from whoosh.filedb.filestore import FileStorage
from whoosh.index import Index

from search.analysis import document_terms
from search.encoder import Progress, silent
from search.passages import Passage
from search.types import Document

# Weight and length normalisation (the b of BM25) of each field. Short fields that authors write
# by hand weigh more; a long title is not a worse title, so little normalisation there.
FIELDS: Mapping[str, tuple[float, float]] = {
    "title": (8.0, 0.5),
    "answers": (5.0, 0.5),
    "keywords": (3.0, 0.5),
    "summary": (2.0, 0.5),
    "headings": (1.0, 0.5),
    "body": (1.0, 0.75),
}
PASSAGE_FIELDS: Mapping[str, tuple[float, float]] = {"head": (4.0, 0.5), "text": (1.0, 0.6)}
WRITER_MEGABYTES = 128
_TOGETHER, _APART = "\x1f", "\x1e"


class OurTokenizer(Tokenizer):  # type: ignore[misc]
    """Reads what `encoded` wrote: terms already made, several at one position."""

    def __call__(self, value: str, positions: bool = False, **options: Any) -> Iterator[Token]:
        """Yield a Whoosh token for each term."""
        token = Token(positions, chars=False, mode=options.get("mode", ""))
        token.boost, token.stopped = 1.0, False
        for position, together in enumerate(value.split(_APART) if value else ()):
            token.pos = position
            for term in together.split(_TOGETHER):
                if term:
                    token.text = token.original = term
                    yield token


def encoded(text: str, language: str) -> str:
    """Return the terms of a text as one string for OurTokenizer."""
    return _APART.join(_TOGETHER.join(row) for row in document_terms(text, language))


def schema(languages: Sequence[str], fields: Mapping[str, tuple[float, float]]) -> Schema:
    """Return a schema with each field in each language ("title_en", ...)."""
    names = [f"{name}_{language}" for language in languages for name in fields]
    return Schema(**{name: TEXT(analyzer=OurTokenizer(), phrase=True) for name in names})


def article_fields(document: Document) -> dict[str, str]:
    """Return the text of each field of an article."""
    sections = document.sections
    return {
        "title": document.title,
        "answers": "\n".join(document.answers),
        "keywords": "\n".join(document.keywords),
        "summary": document.summary,
        "headings": "\n".join(section.heading for section in sections),
        "body": "\n\n".join(section.text for section in sections),
    }


def write_articles(
    folder: Path, documents: Sequence[Document], *, progress: Progress = silent
) -> None:
    """Write the article index into an empty folder."""
    rows = ((document.language, article_fields(document)) for document in documents)
    _write(folder, rows, fields=FIELDS, total=len(documents), progress=progress)


def write_passages(
    folder: Path,
    documents: Sequence[Document],
    *,
    passages: Sequence[Passage],
    progress: Progress = silent,
) -> None:
    """Write the passage index into an empty folder."""
    rows = (_passage_row(documents[passage.document], passage) for passage in passages)
    _write(folder, rows, fields=PASSAGE_FIELDS, total=len(passages), progress=progress)


def _passage_row(document: Document, passage: Passage) -> tuple[str, dict[str, str]]:
    section = document.sections[passage.section]
    head = " ".join((document.title, *section.path))
    return document.language, {"head": head, "text": section.text[passage.start : passage.end]}


def _write(
    folder: Path,
    rows: Iterator[tuple[str, dict[str, str]]],
    *,
    fields: Mapping[str, tuple[float, float]],
    total: int,
    progress: Progress,
) -> None:
    given = list(rows)
    languages = sorted({language for language, _ in given})
    folder.mkdir(parents=True, exist_ok=True)
    index = FileStorage(str(folder)).create_index(schema(languages, fields))
    writer = index.writer(limitmb=WRITER_MEGABYTES)
    for done, (language, texts) in enumerate(given, 1):
        terms = {f"{k}_{language}": encoded(v, language) for k, v in texts.items() if v}
        writer.add_document(**terms)
        if done % 100 == 0 or done == total:
            progress("index", done, total)
    writer.commit(optimize=True)


def open_index(folder: Path) -> Index:
    """Return the Whoosh index in a folder. Its files are pickles: verify their hashes first."""
    return FileStorage(str(folder)).open_index()
