"""Searches that fail most, by their words.

Promises that words of fewer than k people are never shown, and that rows add up to all failed
searches. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from kb.insight.days.tally import Numbers, Records, distinct
from kb.insight.facts import Failure

MOST = 50  # wordings shown, those of most searches; the others are one row


@dataclass(frozen=True, slots=True)
class WordsRow:
    """Failed searches by the same words. `words` is "" for the row of all that are not shown,
    and `wordings` says how many different ones a row holds.
    """

    words: str
    people: int
    searches: int
    classes: Mapping[str, int]
    wordings: int = 1


@dataclass(frozen=True, slots=True)
class Grouped:
    """Failed searches in the order of their words; those of `numbers[n]` are the rows from
    `starts[n]` to before `starts[n + 1]`.
    """

    rows: Records
    numbers: Numbers
    starts: Numbers

    def of(self, place: int) -> Records:
        """Return the rows of the words at a place of `numbers`."""
        rows: Records = self.rows[self.starts[place] : self.starts[place + 1]]
        return rows

    def most(self, k: int) -> Iterator[int]:
        """Give the places of words that `k` or more people failed on, most searches first."""
        searches = np.diff(self.starts.astype(np.int64))
        for place in np.lexsort((self.numbers, -searches)).tolist():
            if searches[place] < k:
                return  # no more people than searches
            if _people(self.of(place)) >= k:
                yield place


def grouped(failed: Records) -> Grouped:
    """Return failed searches by their words."""
    rows = failed[np.argsort(failed["words"], kind="stable")]
    words = rows["words"]
    first = np.ones(len(rows), bool)
    first[1:] = words[1:] != words[:-1]
    starts = np.append(np.flatnonzero(first), len(rows)).astype(np.uint64)
    return Grouped(rows, words[first], starts)


def common(found: Grouped, k: int) -> tuple[int, ...]:
    """Return the numbers of the words that `k` or more people failed on, most searches first; at
    most MOST.
    """
    places = found.most(k)
    return tuple(int(found.numbers[place]) for place, _ in zip(places, range(MOST), strict=False))


def failing_words(found: Grouped, k: int, wordings: Mapping[int, str]) -> tuple[WordsRow, ...]:
    """Return a row for each of the `wordings` that `k` or more people failed on, most searches
    first, then the rest as one row without words; () when nothing failed.
    """
    shown, hidden = [], np.ones(len(found.rows), bool)
    for number, words in wordings.items():
        place = int(np.searchsorted(found.numbers, np.uint64(number)))
        if not words or place >= len(found.numbers) or found.numbers[place] != number:
            continue
        row = _row(found.of(place), words)
        if row.people >= k:
            shown.append(row)
            hidden[found.starts[place] : found.starts[place + 1]] = False
    rest = found.rows[hidden]
    others = [_row(rest, "", len(found.numbers) - len(shown))] if len(rest) else []
    shown.sort(key=lambda row: (-row.searches, -row.people, row.words))
    return (*shown, *others)


def _row(rows: Records, words: str, wordings: int = 1) -> WordsRow:
    by_code = np.bincount(rows["failure"], minlength=256)
    return WordsRow(
        words=words,
        people=_people(rows),
        searches=len(rows),
        classes={
            failure.value: int(by_code[failure.code])
            for failure in Failure
            if by_code[failure.code]
        },
        wordings=wordings,
    )


def _people(rows: Records) -> int:
    return len(distinct(rows["visitor"]))
