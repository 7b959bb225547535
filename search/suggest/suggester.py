"""Suggestions while a person types: titles, answered questions, headings, then solved queries.

Only allowed articles are suggested; the caller says which. The tables are written once when the
articles are indexed, and are mapped from disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from search.index.manifest import mapped, shared
from search.suggest.offers import (
    Mask,
    Numbers,
    OfferSource,
    OfferTable,
    Suggestion,
    table_of,
    words_of,
)
from search.types import Document

MOST_WORDS = 24
_NAME, _DIGEST = "suggest.{}.npy", "suggest.digest"


class Queries:
    """Queries that an article solved, to be suggested to others. Safe to share between threads."""

    def __init__(self, solved: Iterable[tuple[str, str]] = ()) -> None:
        """Take (query, id of the article that solved it) pairs; one query may have several."""
        pairs = list(solved)
        self.articles = sorted({article for _, article in pairs})
        self.table = table_of(
            [Suggestion(t, a, "", OfferSource.QUERY) for t, a in pairs], self.articles
        )


class Suggester:
    """The table of one generation's articles, mapped from disk. Safe to share between threads."""

    def __init__(self, table: OfferTable) -> None:
        self._own = table
        self._solved: tuple[Queries, Numbers] | None = None

    @classmethod
    def open(cls, folder: Path) -> Suggester:
        """Return the table that `write` left in the folder; OSError or ValueError if none."""
        return cls(OfferTable({name: mapped(folder / _NAME.format(name)) for name in _ARRAYS}))

    def suggest(
        self,
        prefix: str,
        *,
        allowed: Mask,
        limit: int,
        popular: Queries | None = None,
        forgiving: bool = True,
    ) -> tuple[Suggestion, ...]:
        """Return at most `limit` suggestions that have every typed word, best first.

        A typed word matches the words that begin with it, in any order; from 4 letters on also
        within one edit of a prefix, from 8 within two, unless not `forgiving`. Order: exact matches
        before corrected ones; an article's own texts before `popular` queries; fewer edits; texts
        that begin as typed; by source; shorter texts. Each article and each text comes once.
        `allowed` (articles,) marks the articles that may be shown; a query may be shown when the
        article that solved it may.
        """
        typed = [word for token in words_of(prefix) for word in token][:MOST_WORDS]
        chosen = _Chosen(limit)
        tables = [(self._own, allowed)]
        if popular is not None:
            tables.append((popular.table, self._open_to(popular, allowed)))
        for near in (False, True)[: 1 + forgiving] if typed else ():
            for table, mask in tables:
                if len(chosen.kept) < limit:
                    chosen.take(table, table.best(typed, mask, near=near))
        return tuple(chosen.kept)

    def _open_to(self, popular: Queries, allowed: Mask) -> Mask:
        """Return which articles of the queries are allowed; a deleted one is not."""
        held = self._solved
        if held is None or held[0] is not popular:
            numbers = [self._own.number(article) for article in popular.articles]
            held = self._solved = popular, np.array(numbers, np.int32)
        return np.append(allowed, False)[held[1]]


class _Chosen:
    """Suggestions taken so far: one for each article and each text."""

    def __init__(self, limit: int) -> None:
        self.kept: list[Suggestion] = []
        self._limit = limit
        self._articles: set[str] = set()
        self._texts: set[str] = set()

    def take(self, table: OfferTable, entries: Numbers) -> None:
        """Take from these entries, best first, until there are enough."""
        while len(entries) and len(self.kept) < self._limit:
            first = int(entries[0])
            found, text = table.suggestion(first), table.folded[int(table.key[first])]
            fresh = found.id not in self._articles
            if fresh and text not in self._texts:
                self.kept.append(found)
                self._articles.add(found.id)
                self._texts.add(text)
            # The article or text of this entry is taken: skip all its other entries.
            entries = (
                entries[table.article[entries] != table.article[first]]
                if (found.id in self._articles)
                else entries
            )
            if text in self._texts:
                entries = entries[table.key[entries] != table.key[first]]


def write(folder: Path, documents: Sequence[Document], before: Path | None = None) -> None:
    """Write the table of these articles, numbered in their order, as flat arrays.

    The same articles give the same files, which are linked from the generation in `before` when
    nothing that is suggested has changed.
    """
    digest = _digest(documents)
    (folder / _DIGEST).write_text(digest, "utf-8")
    if before and (before / _DIGEST).read_text("utf-8") == digest:
        for path in before.glob(_NAME.format("*")):
            shared(path, folder / path.name)
        return
    entries = [entry for document in documents for entry in _offers(document)]
    for name, array in table_of(entries, [document.id for document in documents]).arrays.items():
        np.save(folder / _NAME.format(name), array)


def _digest(documents: Sequence[Document]) -> str:
    """Return a hash of everything that is suggested."""
    line = hashlib.sha256()
    for document in documents:
        headings = [(section.heading, section.anchor) for section in document.sections]
        held = (document.id, document.title, document.answers, headings)
        line.update(repr(held).encode("utf-8", "surrogatepass"))
    return line.hexdigest()


def _offers(document: Document) -> Iterator[Suggestion]:
    yield Suggestion(document.title, document.id)
    for answer in document.answers:
        yield Suggestion(answer, document.id, "", OfferSource.ANSWER)
    for section in document.sections:
        yield Suggestion(section.heading, document.id, section.anchor, OfferSource.HEADING)


_ARRAYS = tuple(table_of([], []).arrays)
