"""The Whoosh index: its schema, writing it and opening it.

Only terms from `analysis` reach Whoosh, never a person's raw words. Each language has its own
fields, so that stems and frequencies of two languages do not mix. Changed articles are replaced
without writing the others again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from whoosh.analysis import Token, Tokenizer
from whoosh.fields import ID, TEXT, Schema
from whoosh.filedb.filestore import FileStorage, copy_to_ram
from whoosh.index import Index
from whoosh.reading import SegmentReader

from search.index.manifest import is_held
from search.index.postings import Collected, Scoring
from search.text.analysis import document_terms
from search.text.numbered import row_terms
from search.text.passages import Passage
from search.text.tokens import tokens
from search.types import Document

# The weight of a word in each field, in the order of the fields' numbers. Short fields that
# authors write by hand weigh more. Tuned with b and k1 on four judged sets.
FIELDS: Mapping[str, float] = {
    "title": 6.0,
    "answers": 5.0,
    "keywords": 3.0,
    "summary": 2.0,
    "headings": 3.0,
    "body": 1.0,
}
PASSAGE_FIELDS: Mapping[str, float] = {"head": 6.0, "text": 1.0}
ARTICLE_SCORING = Scoring(tuple(FIELDS.values()), b=0.75, k1=5.0)
PASSAGE_SCORING = Scoring(tuple(PASSAGE_FIELDS.values()), b=0.6, k1=2.2)
WRITER_MEGABYTES = 128
# From this many segments on, the small ones, with less than this share of all articles, are merged.
# Each article is copied only a few times until its segment is no longer small.
MOST_SEGMENTS, SMALL = 12, 0.25
# A field with all of an article, each word weighted by its field; and fields that can be asked for.
EVERYTHING, ALONE = "all", ("title", "keywords")
_TOGETHER, _APART, _WEIGHT = "\x1f", "\x1e", "\x1d"
# Positions between two fields, so that no phrase reaches from one into the next.
_GAP = 10
Rows = Sequence[tuple[str, ...]]
Numbers = npt.NDArray[np.int32]


class OurTokenizer(Tokenizer):  # type: ignore[misc]
    """Reads the output of `_encoded`: finished terms with weights, several at one position."""

    def __call__(self, value: str, positions: bool = False, **options: Any) -> Iterator[Token]:
        """Yield a Whoosh token for each term."""
        token = Token(positions, chars=False, mode=options.get("mode", ""))
        token.stopped, at = False, 0
        for field in filter(None, value.split(_WEIGHT)):
            weight, *rows = field.split(_APART)
            token.boost = float(weight)
            for token.pos, together in enumerate(rows, at):
                for term in together.split(_TOGETHER):
                    if term:
                        token.text = token.original = term
                        yield token
            at += len(rows) + _GAP


# Whoosh stores the schema as a pickle, in which this class has had this name from the first: a
# generation opens in earlier and later versions.
OurTokenizer.__module__ = "search.keyword"
sys.modules.setdefault(OurTokenizer.__module__, sys.modules[__name__])


@dataclass(frozen=True, slots=True)
class Analysed:
    """The terms at each position of each field of an article and of each of its passages."""

    article: Mapping[str, Rows]
    passages: Sequence[Mapping[str, Rows]]


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


def analysed(document: Document, passages: Sequence[Passage]) -> Analysed:
    """Return the terms of an article. Its body is the text of its passages."""

    def read(*texts: str) -> Rows:
        return document_terms("\n".join(texts), document.language)

    sections = document.sections
    heads = {n: read(document.title, *section.path) for n, section in enumerate(sections)}
    bodies = [_body(document, passage) for passage in passages]
    body = [row for body in bodies for row in body]
    texts = article_fields(document)
    article = {name: body if name == "body" else read(text) for name, text in texts.items()}
    parts = [
        {"head": heads[passage.section], "text": body}
        for passage, body in zip(passages, bodies, strict=True)
    ]
    return Analysed(article, parts)


def _body(document: Document, passage: Passage) -> Rows:
    """Return the terms at each position of a passage; the number of a row of a table has more."""
    section = document.sections[passage.section]
    text = section.text[passage.start : passage.end]
    rows = document_terms(text, document.language)
    more = dict(row_terms(section, document.title, passage.start, passage.end))
    if more:
        for at, token in enumerate(tokens(text)):
            rows[at] = tuple(dict.fromkeys((*rows[at], *more.get(token.start, ()))))
    return rows


def count(collected: Collected, number: int, fields: Mapping[str, Rows], language: str) -> None:
    """Count the terms of one article or passage; fields are numbered in their order."""
    for part, rows in enumerate(fields.values()):
        terms = (term for row in rows for term in row)
        collected.add(number, part, language=language, terms=terms)


def _encoded(rows: Rows, weight: float = 1.0) -> str:
    """Return the terms of a field as one string for OurTokenizer."""
    return _APART.join([f"{_WEIGHT}{weight}", *(_TOGETHER.join(row) for row in rows)])


def schema(languages: Sequence[str]) -> Schema:
    """Return a schema with the fields in each language ("all_en", ...) and the article's id."""
    names = [f"{name}_{language}" for language in languages for name in (EVERYTHING, *ALONE)]
    text = {name: TEXT(analyzer=OurTokenizer(), phrase=True) for name in names}
    return Schema(id=ID(stored=True, unique=True), **text)


def _text_fields(language: str, terms: Analysed) -> dict[str, str]:
    """Return the text fields of one article."""
    whole = "".join(_encoded(rows, FIELDS[name]) for name, rows in terms.article.items() if rows)
    alone = {f"{name}_{language}": _encoded(terms.article[name]) for name in ALONE}
    return {f"{EVERYTHING}_{language}": whole, **alone}


def write(
    folder: Path,
    articles: Iterable[tuple[Document, Analysed]],
    *,
    languages: Sequence[str],
    gone: Collection[str] = (),
    done: Callable[[int], None] = lambda _number: None,
) -> None:
    """Write articles to the index in a folder, which is created when missing.

    `gone` are the ids of articles to delete; `done` is called with the number written so far.
    """
    fresh = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    storage = FileStorage(str(folder))
    index = storage.create_index(schema(languages)) if fresh else storage.open_index()
    writer = index.writer(limitmb=WRITER_MEGABYTES)
    for name in gone:
        writer.delete_by_term("id", name)
    for number, (document, terms) in enumerate(articles, 1):
        writer.add_document(id=document.id, **_text_fields(document.language, terms))
        done(number)
    writer.commit(mergetype=None if fresh else _joined, optimize=fresh)
    index.close()


def _joined(writer: Any, segments: list[Any]) -> list[Any]:
    """Merge small segments into the new one when there are many; return the others.

    It has the signature of a Whoosh merge policy; nothing is analysed again.
    """
    if len(segments) < MOST_SEGMENTS:
        return segments
    total = sum(segment.doc_count() for segment in segments)
    small = [segment for segment in segments if segment.doc_count() < SMALL * total]
    for segment in small:
        reader = SegmentReader(writer.storage, writer.schema, segment)
        writer.add_reader(reader)
        reader.close()
    return [segment for segment in segments if segment not in small]


def extendable(folder: Path, languages: Sequence[str]) -> bool:
    """Return whether the index has fields for these languages and holds few deleted articles."""
    try:
        index = open_index(folder)
    except Exception:  # whatever Whoosh raises, the index is then written anew
        return False
    names = set(index.schema.names())
    with index.reader() as reader:
        dense = reader.doc_count() * 4 >= reader.doc_count_all() * 3
    index.close()
    return dense and all(f"{EVERYTHING}_{language}" in names for language in languages)


def article_numbers(folder: Path, numbers: Mapping[str, int]) -> Numbers:
    """Return the article number of each Whoosh document number, -1 for deleted ones."""
    index = open_index(folder)
    with index.reader() as reader:
        found = np.full(reader.doc_count_all(), -1, np.int32)
        for number, stored in reader.iter_docs():
            found[number] = numbers.get(stored["id"], -1)
    index.close()
    return found


def open_index(folder: Path) -> Index:
    """Return the Whoosh index in a folder. Its files are pickles: verify their hashes first."""
    storage = FileStorage(str(folder))
    held = all(is_held(path.stat().st_size) for path in folder.iterdir())
    return (copy_to_ram(storage) if held else storage).open_index()
