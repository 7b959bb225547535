"""Searches that fail most, by their words.

Promises that words of fewer than k people are never shown, and that rows add up to all failed
searches. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from kb.insight.days.tally import FAILURES, Records, number_of_words
from kb.insight.rows import FailedRow
from kb.insight.wording import favourite

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


def common(failed: Records, k: int) -> tuple[int, ...]:
    """Return the numbers of the words that `k` or more people failed on, most searches first; at
    most MOST.
    """
    if not len(failed):
        return ()
    pairs = np.unique(_pairs(failed))
    words, people = np.unique(pairs["words"], return_counts=True)
    every, searches = np.unique(failed["words"], return_counts=True)
    assert (words == every).all()
    enough = people >= k
    order = np.lexsort((words[enough], -people[enough], -searches[enough]))
    return tuple(int(number) for number in words[enough][order][:MOST])


def _pairs(failed: Records) -> Records:
    """Return the words and visitors alone."""
    pairs = np.empty(len(failed), [("words", "<u8"), ("visitor", "<u8")])
    pairs["words"], pairs["visitor"] = failed["words"], failed["visitor"]
    return pairs


def failing_words(failed: Records, k: int, wordings: Mapping[int, str]) -> tuple[WordsRow, ...]:
    """Return a row for each of the `wordings` that `k` or more people failed on, most searches
    first, then the rest as one row without words; () when nothing failed.
    """
    if not len(failed):
        return ()
    held = failed[np.argsort(failed["words"], kind="stable")]
    numbers, starts = np.unique(held["words"], return_index=True)
    ends = np.append(starts[1:], len(held))
    rows: dict[int, WordsRow] = {}
    for number, start, end in zip(numbers.tolist(), starts, ends, strict=True):
        if words := wordings.get(number, ""):
            row = _row(held[start:end], words)
            if row.people >= k:
                rows[number] = row
    rest = held[~np.isin(held["words"], np.fromiter(rows, np.uint64))]
    others = [_row(rest, "", len(numbers) - len(rows))] if len(rest) else []
    shown = sorted(rows.values(), key=lambda row: (-row.searches, -row.people, row.words))
    return (*shown, *others)


def _row(rows: Records, words: str, wordings: int = 1) -> WordsRow:
    classes, counts = np.unique(rows["failure"], return_counts=True)
    return WordsRow(
        words=words,
        people=len(np.unique(rows["visitor"])),
        searches=len(rows),
        classes={FAILURES[c].value: int(n) for c, n in zip(classes, counts, strict=True)},
        wordings=wordings,
    )


def wordings_of(rows: Iterable[FailedRow]) -> dict[int, str]:
    """Return by number the wording that most people used."""
    groups: dict[int, list[tuple[str, str]]] = {}
    for row in rows:
        groups.setdefault(number_of_words(row.words_key), []).append((row.words, row.visitor))
    return {number: favourite(used) for number, used in groups.items()}
