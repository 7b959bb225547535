"""Suggestions while a person types: articles, by their titles, answered questions, headings,
keywords and the queries that they solved.

Only allowed articles are suggested; the caller says which. The tables are written once when the
articles are indexed, and are mapped from disk.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from search.index.manifest import mapped, shared
from search.index.storage import StoredColumn, column
from search.suggest.marking import Understood
from search.suggest.offers import (
    MOST_POPULAR,
    SIZE,
    UNFOUND,
    Articles,
    Mask,
    Numbers,
    OfferedText,
    OfferSource,
    OfferTable,
    Ranks,
    Way,
    article_ranks,
    table_of,
)
from search.suggest.readings import Kind, Reading, Thesaurus, pieces_of, readings_of, size_of
from search.text.analysis import base_language
from search.text.query import Synonyms
from search.types import Document

CHUNK = 64  # ranked entries that are looked at together
_Ranked = tuple[int, int, int, OfferTable]  # rank, entry, its article's number, its table
_NAME, _DIGEST = "suggest.{}.npy", "suggest.digest"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An article to suggest: the text of it that matched, where it leads, and how it was found."""

    text: str
    id: str
    anchor: str
    source: OfferSource
    sought: Understood


@dataclass(frozen=True, slots=True)
class ArticleFacts:
    """What suggestions need to know of a generation's articles, by their numbers, beside their
    texts. Articles with the same number in `alike` say the same.
    """

    language: StoredColumn
    collection: StoredColumn
    alike: npt.NDArray[np.int32]
    synonyms: Synonyms

    @classmethod
    def of(cls, documents: Sequence[Document], synonyms: Synonyms | None = None) -> ArticleFacts:
        """Return what is known of documents that no index holds."""
        return cls(
            column(document.language for document in documents),
            column(document.collection for document in documents),
            np.arange(len(documents), dtype=np.int32),
            synonyms or {},
        )


class Queries:
    """Queries that an article solved, by which it is suggested. Safe to share between threads."""

    def __init__(
        self, solved: Iterable[tuple[str, str]] = (), people: Sequence[int] | None = None
    ) -> None:
        """Take (query, id of the article that solved it) pairs; one query may have several.
        `people` tells for each pair how many people it was, 1 unless given.
        """
        pairs = list(solved)
        self.articles = sorted({article for _, article in pairs})
        self.people = Counter[str]()
        counts = [1] * len(pairs) if people is None else people
        for (_, article), count in zip(pairs, counts, strict=True):
            self.people[article] += count
        self.table = table_of(
            [OfferedText(t, a, "", OfferSource.QUERY) for t, a in pairs], self.articles
        )


class _Known(NamedTuple):
    """What is known of a table before anybody asks: `numbers` are those of its articles in the
    generation, one past the last for an article that is gone; their languages; the size of each
    entry.
    """

    table: OfferTable
    numbers: Numbers
    language: Numbers
    size: npt.NDArray[np.uint8]


class _Asked(NamedTuple):
    """Queries as a generation sees them: how popular they make its articles (0 to MOST_POPULAR),
    and the tables to look in, its own first.
    """

    queries: Queries | None
    popular: npt.NDArray[np.uint8]
    tables: tuple[_Known, ...]


class Suggester:
    """The table of one generation's articles, mapped from disk. Safe to share between threads."""

    def __init__(self, table: OfferTable, library: ArticleFacts) -> None:
        self._own, self._library = table, library
        self._thesaurus = Thesaurus(library.synonyms)
        self._titles = table.titles()
        self._lines = _lines(table, self._titles, library)
        numbers = np.arange(len(table.ids), dtype=np.int32)
        own = _Known(table, numbers, library.language.numbers, table.size)
        self._unasked = _Asked(None, np.zeros(len(numbers), np.uint8), (own,))
        self._asked = self._unasked

    @classmethod
    def open(cls, folder: Path, library: ArticleFacts) -> Suggester:
        """Return the table that `write` left in the folder; OSError or ValueError if none. A table
        from before sizes were stored ranks without them.
        """
        held = {name: folder / _NAME.format(name) for name in _ARRAYS}
        found = {n: mapped(path) for n, path in held.items() if n != SIZE or path.exists()}
        return cls(OfferTable(found), library)

    def suggest(
        self,
        prefix: str,
        *,
        allowed: Mask,
        limit: int,
        popular: Queries | None = None,
        forgiving: bool = True,
        prefer: str = "",
    ) -> tuple[Suggestion, ...]:
        """Return at most `limit` articles with a text that has what was typed, best first.

        A typed word matches the words that begin with it, in any order; from 4 letters on also
        within one edit of a prefix, from 8 within two, unless not `forgiving`. Words that are
        common in the article's language may be missing, a word may be inflected, and a name may be
        a synonym of it. Exact matches come before corrected ones; the rest of the order is that of
        `OfferTable.ranks`, then shorter texts. Articles that look the same come once. `allowed`
        (articles,) marks those that may be shown, `prefer` is the person's language.
        """
        pieces = pieces_of(prefix)
        if not pieces:
            return ()
        language, asked = self._library.language, self._with(popular)
        readings = [readings_of(pieces, name, self._thesaurus) for name in language.names]
        bits = article_ranks(allowed, _foreign(language, prefer), asked.popular)
        bits = np.append(bits, np.uint16(UNFOUND))  # for articles that are gone
        known = [Articles(bits[one.numbers], one.language, one.size) for one in asked.tables]
        kept: dict[int, Suggestion] = {}
        for near in (False, True)[: 1 + forgiving]:
            if len(kept) >= limit:
                break
            ways = _ways(readings, near=near, less=not kept)
            ranks = [
                one.table.ranks(ways, articles, near=near)
                for one, articles in zip(asked.tables, known, strict=True)
            ]
            best = [_best(rank, one) for rank, one in zip(ranks, asked.tables, strict=True)]
            for article, offer in self._once_each(best, ranks[0], limit, kept):
                sought = Understood(readings[int(language.numbers[article])], near)
                kept[article] = Suggestion(offer.text, offer.id, offer.anchor, offer.source, sought)
        return tuple(kept.values())

    def _once_each(
        self, best: Sequence[Iterator[_Ranked]], titles: Ranks, limit: int, kept: Collection[int]
    ) -> Iterator[tuple[int, OfferedText]]:
        """Yield each article and its offer, the best first, until `limit` are kept with those that
        were `kept` before: its title where that has what was typed too. Of articles that look the
        same the first comes.
        """
        alike, lines = self._library.alike, self._lines
        seen = set(kept)
        shown = {int(lines[n]) for n in kept} | {-1 - int(alike[n]) for n in kept}
        count = len(kept)
        for _, entry, article, table in merge(*best, key=lambda ranked: ranked[0]):
            if count >= limit:
                return
            if article in seen:
                continue
            seen.add(article)
            looks = {int(lines[article]), -1 - int(alike[article])}
            if shown.isdisjoint(looks):
                shown |= looks
                count += 1
                title = int(self._titles[article])
                by_title = title >= 0 and titles[title] != UNFOUND
                yield article, self._own.offer(title) if by_title else table.offer(entry)

    def _with(self, queries: Queries | None) -> _Asked:
        """Return what the queries add, kept until there are others."""
        if queries is None:
            return self._unasked
        held = self._asked
        if held.queries is not queries:
            held = self._asked = self._seen(queries)
        return held

    def _seen(self, queries: Queries) -> _Asked:
        own, language, table = self._unasked.tables[0], self._library.language, queries.table
        numbers = np.array([own.table.number(article) for article in queries.articles], np.int32)
        people = np.zeros(len(own.numbers) + 1, np.int64)
        people[numbers] = [queries.people[article] for article in queries.articles]
        popular = np.minimum(np.frexp(people)[1], MOST_POPULAR).astype(np.uint8)  # doublings
        spoken = np.append(language.numbers, 0).astype(np.int32)[numbers]
        size = np.zeros(len(table.article), np.uint8)
        for entry, article in enumerate(table.article):
            if numbers[article] < len(own.numbers):
                told = _size(table.offer(entry), language.names[spoken[article]])
                size[entry] = min(told, 255)
        return _Asked(queries, popular[:-1], (own, _Known(table, numbers, spoken, size)))


def _foreign(language: StoredColumn, prefer: str) -> Mask:
    """Return which articles are in a language other than the person's, none where that is not
    known.
    """
    base = base_language(prefer)
    theirs = np.array([base_language(name) == base for name in language.names], np.bool_)
    if not theirs.any():
        return np.zeros(len(language.numbers), np.bool_)
    return ~theirs[language.numbers]


def _ways(readings: Sequence[tuple[Reading, ...]], *, near: bool, less: bool) -> list[Way]:
    """Return the readings by language as ways to look. With `near` no synonyms are looked for, and
    `less` than all typed words only when asked for.
    """
    languages: dict[Reading, list[int]] = {}
    for number, found in enumerate(readings):
        for reading in found:
            again = reading.kind is Kind.CONTENT and len(reading.words) == len(found[0].words)
            content = reading.kind is Kind.CONTENT and less and not again
            if not near or reading.kind is Kind.TYPED or content:
                languages.setdefault(reading, []).append(number)
    ways = []
    for reading, numbers in languages.items():
        held = np.zeros(len(readings), np.bool_)
        held[numbers] = True
        ways.append(Way(reading, held))
    return sorted(ways, key=lambda way: way.reading.kind)


def _best(ranks: Ranks, known: _Known) -> Iterator[_Ranked]:
    """Yield the entries that were found, the best first; of equal ones the shorter text."""
    table, numbers = known.table, known.numbers
    found = np.flatnonzero(ranks != UNFOUND)
    order = found[np.argsort(ranks[found], kind="stable")]
    for start in range(0, len(order), CHUNK):
        some = order[start : start + CHUNK]
        columns = ranks[some].tolist(), some.tolist(), numbers[table.article[some]].tolist()
        yield from ((*row, table) for row in zip(*columns, strict=True))


def _lines(table: OfferTable, titles: Numbers, library: ArticleFacts) -> npt.NDArray[np.int64]:
    """Return a number for each article that is the same where title, collection and language are:
    their lines in a list could not be told apart.
    """
    language, collection = library.language, library.collection
    place = language.numbers.astype(np.int64) * len(collection.names) + collection.numbers
    nobody = len(table.folded) + np.arange(len(titles))  # without words, like no other
    key = np.where(titles >= 0, table.key[titles], nobody) if len(table.key) else nobody
    return key * (len(language.names) * len(collection.names)) + place


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
    offers = [offer for document in documents for offer in _offers(document)]
    language = {document.id: document.language for document in documents}
    table = table_of(offers, list(language), lambda one: _size(one, language[one.id]))
    for name, array in table.arrays.items():
        np.save(folder / _NAME.format(name), array)


def _digest(documents: Sequence[Document]) -> str:
    """Return a hash of everything that is suggested."""
    line = hashlib.sha256()
    for document in documents:
        headings = [(section.heading, section.anchor) for section in document.sections]
        words = (document.title, document.answers, document.keywords, headings)
        held = (document.id, document.language, *words)
        line.update(repr(held).encode("utf-8", "surrogatepass"))
    return line.hexdigest()


def _size(offer: OfferedText, language: str) -> int:
    """Return how many telling words an offer has; 0, so that it is never all that was typed, for a
    keyword of one word: many articles share it.
    """
    if offer.source is OfferSource.KEYWORD and len(pieces_of(offer.text)) == 1:
        return 0
    return size_of(offer.text, language)


def _offers(document: Document) -> Iterator[OfferedText]:
    yield OfferedText(document.title, document.id)
    for answer in document.answers:
        yield OfferedText(answer, document.id, "", OfferSource.ANSWER)
    for keyword in document.keywords:
        yield OfferedText(keyword, document.id, "", OfferSource.KEYWORD)
    for section in document.sections:
        yield OfferedText(section.heading, document.id, section.anchor, OfferSource.HEADING)


_ARRAYS = tuple(table_of([], []).arrays)
