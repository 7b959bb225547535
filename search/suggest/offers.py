"""Finds the texts that can be suggested while a person types, by their words, in flat arrays.

A typed word matches every word that begins with it, or with a prefix at most so many edits away. An
edit is a letter added, left out, replaced or swapped with its neighbour (optimal string alignment
distance: Damerau 1964 as restricted by Boytsov 2011). Entries are in order of preference, so that
an entry's number is its rank. A script without spaces is matched by its characters.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from search.suggest.readings import LONGEST, SPACELESS, Kind, Reading, edits_of, words_of

# -- The tree of prefixes --


_DEPTH = np.int16

Numbers = npt.NDArray[np.int32]
Letters = npt.NDArray[np.uint32]
Rows = npt.NDArray[np.int16]


class PrefixRange(NamedTuple):
    """The words `low` to `high` (exclusive), with a prefix `edits` edits from the typed word."""

    low: int
    high: int
    edits: int


class _Front(NamedTuple):
    """The prefixes of one length that are still near enough: nodes (m,), last letters (m,), rows of
    distances to each prefix of the typed word (m, n + 1), and their parents' rows.
    """

    nodes: Numbers
    letters: Letters
    rows: Rows
    before: Rows


@dataclass(frozen=True, slots=True)
class Prefixes:
    """The tree of all prefixes. Node i is a prefix that ends in `letters[i]`; the words `low[i]` to
    `high[i]` (exclusive) begin with it, and its extensions by one letter are the nodes
    `children[i]` to `children[i + 1]` (exclusive), by letter. Node 0 is "".
    """

    letters: Letters
    low: Numbers
    high: Numbers
    children: Numbers

    @classmethod
    def of(cls, words: Sequence[str]) -> Prefixes:
        """Return the tree of distinct words, each at most LONGEST letters, in ascending order."""
        letters, spans, children = [0], [(0, len(words))], list[int]()
        depths = [0]
        for node, (low, high) in enumerate(spans):  # the list grows while it is iterated
            children.append(len(spans))
            for letter, span in _branches(words, low, high, depth=depths[node]):
                letters.append(letter)
                spans.append(span)
                depths.append(depths[node] + 1)
        ends = np.array(spans, np.int32).reshape(-1, 2)
        return cls(
            np.array(letters, np.uint32),
            np.ascontiguousarray(ends[:, 0]),
            np.ascontiguousarray(ends[:, 1]),
            np.array([*children, len(spans)], np.int32),
        )

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> Prefixes:
        """Return the tree that `arrays` described."""
        return cls(**{name: arrays[name] for name in cls.__slots__})  # type: ignore[arg-type]

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return the arrays to store, by name."""
        return {name: getattr(self, name) for name in self.__slots__}

    def exact(self, typed: str, *, whole: bool = False) -> list[PrefixRange]:
        """Return the one range for a word as typed, [] when no word begins with it; of the `whole`
        word alone, [] when there is no such word.
        """
        node = 0
        for letter in typed[:LONGEST]:
            first, last = int(self.children[node]), int(self.children[node + 1])
            node = first + int(np.searchsorted(self.letters[first:last], ord(letter)))
            if node == last or self.letters[node] != ord(letter):
                return []
        low, high = int(self.low[node]), int(self.high[node])
        if whole:  # in ascending order the word itself is the first, before longer ones
            first, last = int(self.children[node]), int(self.children[node + 1])
            high = low + 1 if first == last or int(self.low[first]) > low else low
        return [PrefixRange(low, high, 0)] if low < high else []

    def near(self, typed: str, edits: int) -> list[PrefixRange]:
        """Return every range within `edits` edits, the furthest first. Ranges overlap: for each
        word the last one is the nearest.
        """
        word = np.array([ord(letter) for letter in typed[:LONGEST]], np.uint32)
        row = np.arange(len(word) + 1, dtype=_DEPTH)[None, :]
        front = _Front(np.zeros(1, np.int32), np.zeros(1, np.uint32), row, row)
        found = list[PrefixRange]()
        while len(front.nodes):
            near = front.rows[:, -1] <= edits
            spans = zip(self.low[front.nodes[near]], self.high[front.nodes[near]], strict=True)
            told = front.rows[near, -1].tolist()
            found += [PrefixRange(int(a), int(b), n) for (a, b), n in zip(spans, told, strict=True)]
            front = self._longer(front, word, edits)
        return sorted(found, key=lambda reading: -reading.edits)

    def _longer(self, front: _Front, word: Letters, edits: int) -> _Front:
        """Return the prefixes that are one letter longer and can still become near enough."""
        firsts = self.children[front.nodes]
        counts = self.children[front.nodes + 1] - firsts
        parents = np.repeat(np.arange(len(counts)), counts)
        offsets = np.repeat(firsts - (np.cumsum(counts) - counts), counts)
        nodes = (np.arange(len(parents)) + offsets).astype(np.int32)
        letters, above = self.letters[nodes], front.rows[parents]
        rows = _distances(
            above,
            front.before[parents],
            same=letters[:, None] == word,
            swapped=front.letters[parents][:, None] == word[1:],
        )
        # The lowest distance in a row never falls when the prefix gets longer.
        kept = rows.min(axis=1) <= edits
        return _Front(nodes[kept], letters[kept], rows[kept], above[kept])


def _branches(
    words: Sequence[str], low: int, high: int, *, depth: int
) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield each next letter after the prefix that words low to high share, with their range."""
    for letter, group in groupby(range(low, high), key=lambda i: words[i][depth : depth + 1]):
        if letter:
            first, *rest = group
            yield ord(letter), (first, first + len(rest) + 1)


def _distances(
    above: Rows, before: Rows, *, same: npt.NDArray[np.bool_], swapped: npt.NDArray[np.bool_]
) -> Rows:
    """Return the rows (m, n + 1) of the distance table that follow `above` and `before`.

    `same` (m, n): the new letter equals the typed one there; `swapped` (m, n - 1): the letter
    before it equals the typed one a place further on.
    """
    rows = above + _DEPTH(1)
    rows[:, 1:] = np.minimum(rows[:, 1:], above[:, :-1] + ~same)
    crossed = same[:, :-1] & swapped
    rows[:, 2:] = np.where(crossed, np.minimum(rows[:, 2:], before[:, :-2] + 1), rows[:, 2:])
    places = np.arange(rows.shape[1], dtype=_DEPTH)
    return np.minimum.accumulate(rows - places, axis=1) + places


# -- The table of offers --


NEAR_KEPT = 512  # words whose near ranges are cached
_FAR = 100  # more edits than any range has
_LAST_PLACE = 255
SIZE = "size"  # the array that tables of before do not have
UNFOUND = 0xFFFF
MOST_POPULAR = 15

Mask = npt.NDArray[np.bool_]
Ranks = npt.NDArray[np.uint16]
Arrays = Mapping[str, npt.NDArray[np.generic]]


class OfferSource(StrEnum):
    """Which text of an article matched, in order of preference."""

    TITLE = "title"
    ANSWER = "answer"
    HEADING = "heading"
    QUERY = "query"
    KEYWORD = "keyword"


@dataclass(frozen=True, slots=True)
class OfferedText:
    """A text that may be matched and where it leads: article id and anchor ("" for its top).

    A QUERY is one that the article solved.
    """

    text: str
    id: str
    anchor: str = ""
    source: OfferSource = OfferSource.TITLE


_SOURCES = tuple(OfferSource)
# The bits of a rank that the source decides: headings last; titles, questions, queries, keywords.
_STANDING = np.array([0, 1 << 6, 1 << 13, 2 << 6, 3 << 6], np.uint16)


class _Strings:
    """Texts in one UTF-8 blob: number i is `blob[starts[i]:starts[i + 1]]`."""

    def __init__(self, starts: npt.NDArray[np.int64], blob: npt.NDArray[np.uint8]) -> None:
        self._starts, self._blob = starts, blob

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < len(self):
            raise IndexError(number)
        first, last = int(self._starts[number]), int(self._starts[number + 1])
        return self._blob[first:last].tobytes().decode("utf-8")

    def below(self, text: str) -> int:
        """Return how many of these ascending texts are less than `text`."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self[middle] < text else (low, middle)
        return low


def _strings(texts: Sequence[str], name: str) -> dict[str, npt.NDArray[np.generic]]:
    held = [text.encode("utf-8") for text in texts]
    starts = np.cumsum([0, *map(len, held)]).astype(np.int64)
    return {f"{name}-starts": starts, f"{name}-blob": np.frombuffer(b"".join(held), np.uint8)}


class _Match(NamedTuple):
    """Entries that have every word of a reading: `entries` ascend, with the edits of each, and
    whether it begins with the words.
    """

    entries: Numbers
    edits: npt.NDArray[np.int16]
    begins: Mask


class Articles(NamedTuple):
    """What a search knows of the articles of a table, by number: the bits of a rank that each
    decides (see `article_ranks`), the number of its language; `size` counts the words of each entry
    that are not common.
    """

    ranks: Ranks
    language: Numbers
    size: npt.NDArray[np.uint8]


def article_ranks(allowed: Mask, foreign: Mask, popular: npt.NDArray[np.uint8]) -> Ranks:
    """Return the bits of a rank for each article, UNFOUND for one that may not be shown: those in
    another language than the person's come last, then the less popular (0 to MOST_POPULAR).
    """
    bits = (foreign.astype(np.uint16) << 14) | ((MOST_POPULAR - popular).astype(np.uint16) << 1)
    return np.where(allowed, bits, np.uint16(UNFOUND))


class Way(NamedTuple):
    """A reading of what was typed, and the languages (by number) of the articles it holds for."""

    reading: Reading
    languages: Mask


class _Looked:
    """What one search found for each word in a table, so that no word is looked up twice."""

    def __init__(self, table: OfferTable) -> None:
        self._table = table
        self._has: dict[tuple[str, bool], Mask] = {}
        self._fewest: dict[tuple[str, bool], npt.NDArray[np.int16]] = {}

    def has(self, forms: Sequence[str], whole: Collection[str]) -> Mask:
        """Return which entries have a word that begins with one of the forms, or is one that is in
        `whole`.
        """
        found = [self._one(form, form in whole) for form in forms]
        return np.logical_or.reduce(found) if len(found) > 1 else found[0]

    def _one(self, word: str, whole: bool) -> Mask:
        if (word, whole) not in self._has:
            self._has[word, whole] = self._table.beginning(word, whole=whole)
        return self._has[word, whole]

    def fewest(self, word: str, *, whole: bool) -> npt.NDArray[np.int16]:
        """Return how many edits each entry needs for the word, _FAR where too many."""
        if (word, whole) not in self._fewest:
            self._fewest[word, whole] = self._table.edits(word, whole=whole)
        return self._fewest[word, whole]


class OfferTable:
    """Entries, each a text of an article, in order of preference: by source, length and text.

    `article`, `source`, `key`, `size` (n,): the article's number, the index in `_SOURCES`, the
    number of the folded text, and how many of its words are not common (0 in tables that did not
    tell). `starts`, `entries`, `places`: the entries with each word, and its place in them.
    """

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self._prefixes = Prefixes.from_arrays(arrays)
        # From one keystroke to the next, all words but the last stay the same.
        self._nearest = lru_cache(maxsize=NEAR_KEPT)(self._prefixes.near)
        self._beginning = lru_cache(maxsize=NEAR_KEPT)(self._prefixes.exact)
        self.article: Numbers = arrays["article"]  # type: ignore[assignment]
        self.key: Numbers = arrays["key"]  # type: ignore[assignment]
        none = np.zeros(len(self.article), np.uint8)
        self.size: npt.NDArray[np.uint8] = arrays.get(SIZE, none)  # type: ignore[assignment]
        self._starts, self._places = arrays["starts"], arrays["places"]
        self._entries: Numbers = arrays["entries"]  # type: ignore[assignment]
        self._standing = _STANDING[arrays["source"]]
        texts = ("text", "anchor", "folded", "id")
        self._texts, self._anchors, self.folded, self.ids = (
            _Strings(arrays[f"{name}-starts"], arrays[f"{name}-blob"])  # type: ignore[arg-type]
            for name in texts
        )

    def offer(self, entry: int) -> OfferedText:
        """Return what an entry offers."""
        source = _SOURCES[int(self.arrays["source"][entry])]
        article = self.ids[int(self.article[entry])]
        return OfferedText(self._texts[entry], article, self._anchors[entry], source)

    def titles(self) -> Numbers:
        """Return the entry of each article's title, by its number; -1 for one without words."""
        found = np.full(len(self.ids), -1, np.int32)
        entries = np.flatnonzero(self.arrays["source"] == _SOURCES.index(OfferSource.TITLE))
        found[self.article[entries]] = entries
        return found

    def number(self, article: str) -> int:
        """Return an article's number, or the number of articles when there is none with that id."""
        order: Numbers = self.arrays["by-id"]  # type: ignore[assignment]
        low, high = 0, len(order)
        while low < high:
            middle = (low + high) // 2
            less = self.ids[int(order[middle])] < article
            low, high = (middle + 1, high) if less else (low, middle)
        found = low < len(order) and self.ids[int(order[low])] == article
        return int(order[low]) if found else len(order)

    def ranks(self, ways: Sequence[Way], articles: Articles, *, near: bool) -> Ranks:
        """Return the rank of every entry, the best lowest, UNFOUND where it may not be shown or no
        reading finds it: with `near` only those that need an edit, otherwise only those that need
        none.

        Ranked by: the person's language; headings last; the words themselves before synonyms;
        nothing beside the words; fewer edits; source; all typed words; popularity; a text that
        begins as typed.
        """
        ranks = np.full(len(self.article), UNFOUND, np.uint16)
        looked = _Looked(self)
        for reading, languages in ways:  # an entry that was found is not looked at again
            left = ranks == UNFOUND
            found = (
                self._near(reading, looked, left) if near else self._exact(reading, looked, left)
            )
            entries, of = found.entries, self.article[found.entries]
            rank = articles.ranks[of]
            shown = rank != UNFOUND
            if not languages.all():
                shown &= languages[articles.language[of]]
            rank |= self._standing[entries] | ~found.begins
            rank |= np.minimum(found.edits, 7).astype(np.uint16) << 8
            more = articles.size[entries] != reading.size if reading.size else np.True_
            rank |= more.astype(np.uint16) << 11
            rank |= np.uint16((reading.kind is Kind.SYNONYM) << 12 | (reading.kind > 0) << 5)
            ranks[entries] = np.where(shown, rank, np.uint16(UNFOUND))
        return ranks

    def beginning(self, word: str, *, whole: bool = False) -> Mask:
        """Return which entries have a word that begins so, or the whole word."""
        has = np.zeros(len(self.article), np.bool_)
        for reading in self._beginning(word, whole=whole):
            has[self._entries[self._span(reading)]] = True
        return has

    def edits(self, word: str, *, whole: bool = False) -> npt.NDArray[np.int16]:
        """Return how many edits each entry needs for a word, _FAR where more than are believed."""
        fewest = np.full(len(self.article), _FAR, np.int16)
        for reading in self._readings(word, whole=whole):
            fewest[self._entries[self._span(reading)]] = reading.edits
        return fewest

    def _exact(self, reading: Reading, looked: _Looked, left: Mask) -> _Match:
        has = left
        for forms in reading.words:
            has = has & looked.has(forms, reading.whole)
            if not has.any():
                break
        entries = np.flatnonzero(has).astype(np.int32)
        begins = np.zeros(len(entries), np.bool_)
        if len(entries):
            start = "".join(forms[0] for forms in reading.words)
            keys = self.key[entries]
            begins = keys >= self.folded.below(start)
            begins &= keys < self.folded.below(start + "\U0010ffff")
        return _Match(entries, np.zeros(len(entries), np.int16), begins)

    def _near(self, reading: Reading, looked: _Looked, left: Mask) -> _Match:
        """Return the entries that need an edit; they begin as typed if each word is in place."""
        typed = [forms[0] for forms in reading.words]
        edits = np.zeros(len(self.article), np.int16)
        if not any(map(edits_of, typed)):
            return _Match(np.empty(0, np.int32), edits[:0], np.empty(0, np.bool_))
        for word in typed:
            edits = edits + looked.fewest(word, whole=word in reading.whole)
            if edits.min(initial=_FAR) >= _FAR:
                break
        entries = np.flatnonzero((edits > 0) & (edits < _FAR) & left).astype(np.int32)
        begins = np.ones(len(entries), np.bool_)
        for place, word in enumerate(typed if len(entries) else ()):
            begins &= self._in_place(word, min(place, _LAST_PLACE))[entries]
        return _Match(entries, edits[entries], begins)

    def _in_place(self, word: str, place: int) -> Mask:
        """Return which entries have a word near enough at that place."""
        here = np.zeros(len(self.article), np.bool_)
        for reading in self._readings(word):
            span = self._span(reading)
            here[self._entries[span][self._places[span] == place]] = True
        return here

    def _readings(self, word: str, *, whole: bool = False) -> list[PrefixRange]:
        edits = edits_of(word)
        return self._nearest(word, edits) if edits else self._beginning(word, whole=whole)

    def _span(self, reading: PrefixRange) -> slice:
        return slice(int(self._starts[reading.low]), int(self._starts[reading.high]))


class _Entry(NamedTuple):
    """An offer with its words: (word, place) pairs, and all of them without spaces."""

    offer: OfferedText
    words: tuple[tuple[str, int], ...]
    folded: str


def table_of(
    offers: Iterable[OfferedText],
    articles: Sequence[str],
    size: Callable[[OfferedText], int] = lambda _: 0,
) -> OfferTable:
    """Return the table of these offers; `articles` has every id, in the order of their numbers, and
    `size` tells how many words of an offer are not common.
    """
    entries = _entries(offers)
    numbers = {article: number for number, article in enumerate(articles)}
    folded = sorted({entry.folded for entry in entries})
    keys = {text: number for number, text in enumerate(folded)}
    chosen = [entry.offer for entry in entries]
    return OfferTable(
        {
            "article": np.array([numbers[one.id] for one in chosen], np.int32),
            "source": np.array([_SOURCES.index(one.source) for one in chosen], np.uint8),
            SIZE: np.array([min(size(one), _LAST_PLACE) for one in chosen], np.uint8),
            "key": np.array([keys[entry.folded] for entry in entries], np.int32),
            "by-id": np.array(sorted(numbers.values(), key=lambda n: articles[n]), np.int32),
            **_postings(entries),
            **_strings([one.text for one in chosen], "text"),
            **_strings([one.anchor for one in chosen], "anchor"),
            **_strings(folded, "folded"),
            **_strings(articles, "id"),
        }
    )


def _entries(offers: Iterable[OfferedText]) -> list[_Entry]:
    """Return the entries in order of preference; equal folded texts of an article are one."""
    found: dict[tuple[str, str], _Entry] = {}
    for offer in sorted(offers, key=_preference):
        cut = words_of(offer.text)
        text = "".join(word for token in cut for word in token)
        if text:
            found.setdefault((offer.id, text), _Entry(offer, tuple(_placed(cut)), text))
    return list(found.values())


def _preference(offer: OfferedText) -> tuple[int, int, str, str]:
    return _SOURCES.index(offer.source), len(offer.text), offer.text, offer.id


def _postings(entries: Sequence[_Entry]) -> dict[str, npt.NDArray[np.generic]]:
    held: dict[str, dict[int, int]] = {}
    for number, entry in enumerate(entries):
        for word, place in entry.words:
            held.setdefault(word, {}).setdefault(number, place)
    words = sorted(held)
    rows = [held[word] for word in words]
    return {
        **Prefixes.of(words).arrays(),
        "starts": np.cumsum([0, *map(len, rows)]).astype(np.int64),
        "entries": np.array([number for row in rows for number in row], np.int32),
        "places": np.array([place for row in rows for place in row.values()], np.uint8),
    }


def _placed(cut: Sequence[Sequence[str]]) -> Iterator[tuple[str, int]]:
    """Yield each word with its place, and the parts of a name also as one word ("wifi" for
    "Wi-Fi").
    """
    place = 0
    for words in cut:
        for number, word in enumerate(words):
            yield word, min(place + number, _LAST_PLACE)
        if len(words) > 1 and not SPACELESS.search("".join(words)):
            yield "".join(words)[:LONGEST], min(place, _LAST_PLACE)
        place += len(words)
