"""Judged sets on disk: a corpus, queries, and which articles answer them.

Reading gives frozen values, or a SearchError that names the file and line.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from search.errors import SearchError
from search.text.analysis import stop_words
from search.types import Document, Section

# A guessed language of a smaller share of the documents is taken for an error.
RARE = 0.005
_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$", re.MULTILINE)
_FENCE = re.compile(r"^(?:```|~~~).*?^(?:```|~~~)\s*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")
_MARKUP = re.compile(
    r"\*\*|__|^\s*>\s?(?:\[!\w+\])?|^\s*[-*_]{3,}\s*$|<[^>\n]{1,200}>", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query of a judged set; `relevant` maps article id -> gain; `in_scope` None: not judged."""

    id: str
    text: str
    relevant: Mapping[str, float]
    ignored: frozenset[str]
    in_scope: bool | None = None


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """A corpus with judged queries."""

    name: str
    documents: tuple[Document, ...]
    queries: tuple[JudgedQuery, ...]


def read_set(folder: Path, *, language: str = "", queries: str = "queries.jsonl") -> JudgedSet:
    """Return the judged set in a folder; `language` "" guesses each document's by stop words."""
    gains, ignored = _table(folder / "qrels.tsv"), _table(folder / "ignore.tsv", optional=True)
    rows = _lines(folder / queries)
    asked = tuple(
        JudgedQuery(
            row["id"],
            row["text"],
            gains.get(row["id"], {}),
            frozenset(ignored.get(row["id"], {})),
            row.get("in_scope"),
        )
        for row in rows
    )
    documents = _of_one_mind(
        [document_of(row, language=language) for row in _lines(folder / "corpus.jsonl")]
    )
    return JudgedSet(folder.resolve().name, documents, asked)


def _of_one_mind(documents: Sequence[Document]) -> tuple[Document, ...]:
    """Return the documents with rare languages replaced by the commonest one: the language of a few
    lines of code or names is often guessed wrong.
    """
    counts = Counter(document.language for document in documents)
    rare = {language for language, count in counts.items() if count < RARE * len(documents)}
    common = counts.most_common(1)[0][0] if counts else ""
    return tuple(replace(d, language=common) if d.language in rare else d for d in documents)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _object(line, f"{path}, line {number}")
    except OSError as error:
        raise SearchError(
            f"{path} cannot be read: {error.strerror}.", "Is this a judged set?"
        ) from error


def _object(line: str, place: str) -> dict[str, Any]:
    try:
        held = json.loads(line)
        held["id"], held["text"]
    except (ValueError, KeyError, TypeError) as error:
        raise SearchError(
            f"{place}: not an object with id and text.", "Correct the line."
        ) from error
    assert isinstance(held, dict)
    return held


def _table(path: Path, *, optional: bool = False) -> dict[str, dict[str, float]]:
    """Return query id -> {article id: score} of a table with a header line; score 1 when absent."""
    if optional and not path.exists():
        return {}
    found: dict[str, dict[str, float]] = {}
    try:
        lines = path.read_text("utf-8").splitlines()[1:]
    except OSError as error:
        raise SearchError(
            f"{path} cannot be read: {error.strerror}.", "Is this a judged set?"
        ) from error
    for line in filter(None, lines):
        query, article, *score = line.split("\t")
        found.setdefault(query, {})[article] = float(score[0]) if score else 1.0
    return found


def document_of(row: Mapping[str, Any], *, language: str = "") -> Document:
    """Return an article from {"id", "title", "text"}, its Markdown cut at headings."""
    title, text = str(row.get("title") or ""), str(row["text"])
    return Document(
        id=str(row["id"]),
        title=title,
        sections=tuple(sections_of(text, title=title)),
        language=language or guess_language(text),
    )


def sections_of(text: str, *, title: str = "") -> Iterator[Section]:
    """Yield the non-empty sections of a Markdown text, as plain text."""
    bounds = [m for m in _HEADING.finditer(text) if not _fenced(text, m.start())]
    path: list[tuple[int, str]] = []
    starts = [(0, 0, "")] + [(m.end(), len(m[1]), plain_text(m[2])) for m in bounds]
    ends = [m.start() for m in bounds] + [len(text)]
    for number, ((start, level, heading), end) in enumerate(zip(starts, ends, strict=True)):
        path = [held for held in path if held[0] < level] + ([(level, heading)] if level else [])
        body = plain_text(text[start:end])
        names = tuple(name for _, name in path if name != title)
        if body or (names and number):
            yield Section(f"s{number}" if number else "", names, body)


def _fenced(text: str, at: int) -> bool:
    return any(m.start() <= at < m.end() for m in _FENCE.finditer(text)) if "```" in text else False


def plain_text(markdown: str) -> str:
    """Return Markdown without link targets, emphasis and rules: close enough for judged sets."""
    text = _LINK.sub(r"\1", markdown)
    return re.sub(r"\\([\\`*_{}\[\]()#+.!|-])", r"\1", _MARKUP.sub(" ", text)).strip()


def guess_language(text: str) -> str:
    """Return the language whose stop words are the commonest in the text; "en" when in doubt."""
    words = Counter(re.findall(r"[^\W\d_]+", text[:4000].lower()))
    scores = {
        language: sum(words[word] for word in stop_words(language))
        for language in ("en", "es", "fr", "de", "pt", "it")
    }
    best = max(scores, key=lambda language: scores[language])
    return best if scores[best] > 1.2 * scores["en"] else "en"
