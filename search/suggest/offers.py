"""Finds the texts that can be suggested while a person types, by their words, in flat arrays.

A typed word matches every word that begins with it, or with a prefix at most so many edits away. An
edit is a letter added, left out, replaced or swapped with its neighbour (optimal string alignment
distance: Damerau 1964 as restricted by Boytsov 2011). Entries are in order of preference, so that
an entry's number is its rank. A script without spaces is matched by its characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from search.text.analysis import SPACELESS_LETTERS, fold
from search.text.tokens import normal, tokens

# -- The tree of prefixes --


LONGEST = 32  # letters of a word that count; the rest is cut off
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

    def exact(self, typed: str) -> list[PrefixRange]:
        """Return the one range for a word as typed, [] when no word begins with it."""
        node = 0
        for letter in typed[:LONGEST]:
            first, last = int(self.children[node]), int(self.children[node + 1])
            node = first + int(np.searchsorted(self.letters[first:last], ord(letter)))
            if node == last or self.letters[node] != ord(letter):
                return []
        return [PrefixRange(int(self.low[node]), int(self.high[node]), 0)]

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


ONE_EDIT_FROM, TWO_EDITS_FROM = 4, 8  # letters; shorter words and words with a digit match exactly
NEAR_KEPT = 512  # words whose near ranges are cached
_FAR = 100  # more edits than any range has
_LAST_PLACE = 255
_SPACELESS = re.compile(f"[{SPACELESS_LETTERS}]")
_WORD = re.compile(
    rf"[{SPACELESS_LETTERS}]|(?:(?![{SPACELESS_LETTERS}_])[\w\u0900-\u0dff])+(?:\+\+|#)?"
)

_SIMPLE = re.compile("[A-Za-z0-9 ]*")

Mask = npt.NDArray[np.bool_]
Arrays = Mapping[str, npt.NDArray[np.generic]]


class OfferSource(StrEnum):
    """Where a suggestion comes from, in order of preference."""

    TITLE = "title"
    ANSWER = "answer"
    HEADING = "heading"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A text to suggest and where it leads: article id and anchor ("" for its top).

    A QUERY is to be searched for; its article is the one that solved it.
    """

    text: str
    id: str
    anchor: str = ""
    source: OfferSource = OfferSource.TITLE


_SOURCES = tuple(OfferSource)


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
    """Entries that have every typed word: `entries` ascend, with the edits of each, and whether it
    begins with the typed words.
    """

    entries: Numbers
    edits: npt.NDArray[np.int16]
    begins: Mask


class OfferTable:
    """Entries, each a text of an article, in order of preference: by source, length and text.

    `article`, `source`, `key` (n,): the article's number, the index in `_SOURCES`, and the number
    of the folded text. `starts`, `entries`, `places`: the entries with each word, and its place in
    them.
    """

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self._prefixes = Prefixes.from_arrays(arrays)
        # From one keystroke to the next, all words but the last stay the same.
        self._nearest = lru_cache(maxsize=NEAR_KEPT)(self._prefixes.near)
        self.article: Numbers = arrays["article"]  # type: ignore[assignment]
        self.key: Numbers = arrays["key"]  # type: ignore[assignment]
        self._starts, self._places = arrays["starts"], arrays["places"]
        self._entries: Numbers = arrays["entries"]  # type: ignore[assignment]
        texts = ("text", "anchor", "folded", "id")
        self._texts, self._anchors, self.folded, self.ids = (
            _Strings(arrays[f"{name}-starts"], arrays[f"{name}-blob"])  # type: ignore[arg-type]
            for name in texts
        )

    def suggestion(self, entry: int) -> Suggestion:
        """Return the suggestion of an entry."""
        source = _SOURCES[int(self.arrays["source"][entry])]
        article = self.ids[int(self.article[entry])]
        return Suggestion(self._texts[entry], article, self._anchors[entry], source)

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

    def best(self, typed: Sequence[str], allowed: Mask, *, near: bool) -> Numbers:
        """Return the allowed entries that have every typed word, best first: with `near` only those
        that need an edit, otherwise only those that need none.
        """
        found = self._near(typed) if near else self._exact(typed)
        shown = allowed[self.article[found.entries]]
        rank = 2 * found.edits[shown] + ~found.begins[shown]
        return found.entries[shown][np.argsort(rank, kind="stable")]

    def _exact(self, typed: Sequence[str]) -> _Match:
        has = np.ones(len(self.article), np.bool_)
        for word in typed:
            one = np.zeros(len(has), np.bool_)
            for reading in self._prefixes.exact(word):
                one[self._entries[self._span(reading)]] = True
            has &= one
        entries = np.flatnonzero(has).astype(np.int32)
        start = "".join(typed)
        keys = self.key[entries]
        begins = keys >= self.folded.below(start)
        begins &= keys < self.folded.below(start + "\U0010ffff")
        return _Match(entries, np.zeros(len(entries), np.int16), begins)

    def _near(self, typed: Sequence[str]) -> _Match:
        """Return the entries that need an edit; they begin as typed if each word is in place."""
        edits = np.zeros(len(self.article), np.int16)
        begins = np.ones(len(edits), np.bool_)
        if not any(map(_edits, typed)):
            return _Match(np.empty(0, np.int32), edits[:0], begins[:0])
        for place, word in enumerate(typed):
            fewest, here = np.full(len(edits), _FAR, np.int16), np.zeros(len(edits), np.bool_)
            for reading in self._readings(word):
                span = self._span(reading)
                fewest[self._entries[span]] = reading.edits
                here[self._entries[span][self._places[span] == min(place, _LAST_PLACE)]] = True
            edits += fewest
            begins &= here
            if edits.min(initial=_FAR) >= _FAR:
                break
        entries = np.flatnonzero((edits > 0) & (edits < _FAR)).astype(np.int32)
        return _Match(entries, edits[entries], begins[entries])

    def _readings(self, word: str) -> list[PrefixRange]:
        edits = _edits(word)
        return self._nearest(word, edits) if edits else self._prefixes.exact(word)

    def _span(self, reading: PrefixRange) -> slice:
        return slice(int(self._starts[reading.low]), int(self._starts[reading.high]))


class _Entry(NamedTuple):
    """A suggestion with its words: (word, place) pairs, and all of them without spaces."""

    suggestion: Suggestion
    words: tuple[tuple[str, int], ...]
    folded: str


def table_of(offers: Iterable[Suggestion], articles: Sequence[str]) -> OfferTable:
    """Return the table of these suggestions; `articles` has every id, in the order of their
    numbers.
    """
    entries = _entries(offers)
    numbers = {article: number for number, article in enumerate(articles)}
    folded = sorted({entry.folded for entry in entries})
    keys = {text: number for number, text in enumerate(folded)}
    chosen = [entry.suggestion for entry in entries]
    return OfferTable(
        {
            "article": np.array([numbers[one.id] for one in chosen], np.int32),
            "source": np.array([_SOURCES.index(one.source) for one in chosen], np.uint8),
            "key": np.array([keys[entry.folded] for entry in entries], np.int32),
            "by-id": np.array(sorted(numbers.values(), key=lambda n: articles[n]), np.int32),
            **_postings(entries),
            **_strings([one.text for one in chosen], "text"),
            **_strings([one.anchor for one in chosen], "anchor"),
            **_strings(folded, "folded"),
            **_strings(articles, "id"),
        }
    )


def _entries(offers: Iterable[Suggestion]) -> list[_Entry]:
    """Return the entries in order of preference; equal folded texts of an article are one."""
    found: dict[tuple[str, str], _Entry] = {}
    for offer in sorted(offers, key=_preference):
        cut = words_of(offer.text)
        text = "".join(word for token in cut for word in token)
        if text:
            found.setdefault((offer.id, text), _Entry(offer, tuple(_placed(cut)), text))
    return list(found.values())


def _preference(offer: Suggestion) -> tuple[int, int, str, str]:
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


# -- Words of a text ----------------------------------------------------------------------------


def words_of(text: str) -> list[list[str]]:
    """Return the folded words within each token: parts of a name, or characters of a script without
    spaces.
    """
    if _SIMPLE.fullmatch(text):  # most titles: every word is a token, and folding only lowers case
        return [[word[:LONGEST]] for word in text.lower().split()]
    folded = [fold(normal(token.surface)) for token in tokens(text)]
    return [[word[:LONGEST] for word in _WORD.findall(text) or [text]] for text in folded if text]


def _placed(cut: Sequence[Sequence[str]]) -> Iterator[tuple[str, int]]:
    """Yield each word with its place, and the parts of a name also as one word ("wifi" for
    "Wi-Fi").
    """
    place = 0
    for words in cut:
        for number, word in enumerate(words):
            yield word, min(place + number, _LAST_PLACE)
        if len(words) > 1 and not _SPACELESS.search("".join(words)):
            yield "".join(words)[:LONGEST], min(place, _LAST_PLACE)
        place += len(words)


def _edits(word: str) -> int:
    """Return how many edits are allowed in a typed word."""
    if len(word) < ONE_EDIT_FROM or any(char.isdigit() or char in "+#" for char in word):
        return 0
    return 1 if len(word) < TWO_EDITS_FROM else 2
