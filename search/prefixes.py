"""Words by their first letters, as typed or with a slip: a tree of prefixes in flat arrays.

Promises every word of which some prefix is what was typed, or at most so many edits from it. An
edit is a letter added, left out, replaced or swapped with its neighbour (optimal string alignment
distance: Damerau 1964 as restricted by Boytsov 2011). Knows words by number only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

LONGEST = 32  # letters of a word that are told apart
_DEPTH = np.int16

Numbers = npt.NDArray[np.int32]
Letters = npt.NDArray[np.uint32]
Rows = npt.NDArray[np.int16]


class Reading(NamedTuple):
    """The words `low` to `high` (exclusive) have a prefix that is `edits` edits from the typed."""

    low: int
    high: int
    edits: int


class _Front(NamedTuple):
    """The prefixes of one length still near enough: their nodes (m,), last letters (m,), rows of
    distances to each prefix of the typed word (m, n + 1), and their parents' rows.
    """

    nodes: Numbers
    letters: Letters
    rows: Rows
    before: Rows


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Node i is a prefix whose last letter is `letters[i]`; words `low[i]` to `high[i]` begin with
    it; its longer ones are the nodes `children[i]` to `children[i + 1]`, by letter. Node 0: "".
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
        for node, (low, high) in enumerate(spans):  # grows while it is walked
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
        """Return the tree that `arrays` gave."""
        return cls(**{name: arrays[name] for name in cls.__slots__})  # type: ignore[arg-type]

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return what to keep, by name."""
        return {name: getattr(self, name) for name in self.__slots__}

    def exact(self, typed: str) -> list[Reading]:
        """Return the one reading of a word as typed, [] when no word begins so."""
        node = 0
        for letter in typed[:LONGEST]:
            first, last = int(self.children[node]), int(self.children[node + 1])
            node = first + int(np.searchsorted(self.letters[first:last], ord(letter)))
            if node == last or self.letters[node] != ord(letter):
                return []
        return [Reading(int(self.low[node]), int(self.high[node]), 0)]

    def near(self, typed: str, edits: int) -> list[Reading]:
        """Return every reading within `edits` edits, the furthest first; spans overlap, and of a
        word's readings the last is its nearest.
        """
        word = np.array([ord(letter) for letter in typed[:LONGEST]], np.uint32)
        row = np.arange(len(word) + 1, dtype=_DEPTH)[None, :]
        front = _Front(np.zeros(1, np.int32), np.zeros(1, np.uint32), row, row)
        found = list[Reading]()
        while len(front.nodes):
            near = front.rows[:, -1] <= edits
            spans = zip(self.low[front.nodes[near]], self.high[front.nodes[near]], strict=True)
            told = front.rows[near, -1].tolist()
            found += [Reading(int(a), int(b), n) for (a, b), n in zip(spans, told, strict=True)]
            front = self._longer(front, word, edits)
        return sorted(found, key=lambda reading: -reading.edits)

    def _longer(self, front: _Front, word: Letters, edits: int) -> _Front:
        """Return the prefixes one letter longer that can still come near enough."""
        firsts = self.children[front.nodes]
        counts = self.children[front.nodes + 1] - firsts
        parents = np.repeat(np.arange(len(counts)), counts)
        offsets = np.repeat(firsts - (np.cumsum(counts) - counts), counts)
        nodes = (np.arange(len(parents)) + offsets).astype(np.int32)
        letters, above = self.letters[nodes], front.rows[parents]
        rows = _distances(
            above, front.before[parents], same=letters[:, None] == word,
            swapped=front.letters[parents][:, None] == word[1:],
        )  # fmt: skip
        # A row's least never falls from a prefix to a longer one.
        kept = rows.min(axis=1) <= edits
        return _Front(nodes[kept], letters[kept], rows[kept], above[kept])


def _branches(
    words: Sequence[str], low: int, high: int, *, depth: int
) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield each next letter after the prefix that words low to high share, with its words."""
    for letter, group in groupby(range(low, high), key=lambda i: words[i][depth : depth + 1]):
        if letter:
            first, *rest = group
            yield ord(letter), (first, first + len(rest) + 1)


def _distances(
    above: Rows, before: Rows, *, same: npt.NDArray[np.bool_], swapped: npt.NDArray[np.bool_]
) -> Rows:
    """Return the rows (m, n + 1) that follow `above` and `before` in the table of distances.

    `same` (m, n): the new letter is the typed one there; `swapped` (m, n - 1): the letter before
    it is the typed one a place further on.
    """
    rows = above + _DEPTH(1)
    rows[:, 1:] = np.minimum(rows[:, 1:], above[:, :-1] + ~same)
    crossed = same[:, :-1] & swapped
    rows[:, 2:] = np.where(crossed, np.minimum(rows[:, 2:], before[:, :-2] + 1), rows[:, 2:])
    places = np.arange(rows.shape[1], dtype=_DEPTH)
    return np.minimum.accumulate(rows - places, axis=1) + places
