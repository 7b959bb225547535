"""Suggestions while a person types: titles, answered questions and headings by their words' starts.

Promises only what the given articles hold. Knows no audience rule: the caller says which articles
are allowed.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from search.opened import plain
from search.types import Document

MOST_WORDS = 8


class Source(StrEnum):
    """Which part of an article a suggestion comes from; the order is that of preference."""

    TITLE = "title"
    ANSWER = "answer"
    HEADING = "heading"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A text to offer and where it leads: article id and anchor ("" for its top)."""

    text: str
    id: str
    anchor: str = ""
    source: Source = Source.TITLE


@dataclass(frozen=True, slots=True)
class _Entry:
    suggestion: Suggestion
    document: int
    words: tuple[str, ...]


class Suggester:
    """Every text that can be offered, found by the first letters of its words."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._entries = [e for n, d in enumerate(documents) for e in _entries(d, n)]
        starts = ((w, i) for i, entry in enumerate(self._entries) for w in set(entry.words))
        self._words = sorted(starts)

    def suggest(
        self, prefix: str, *, allowed: npt.NDArray[np.bool_], limit: int
    ) -> tuple[Suggestion, ...]:
        """Return suggestions whose words begin with the typed ones, in any order; best first."""
        typed = plain(prefix).split()[:MOST_WORDS]
        if not typed:
            return ()
        sets = [self._beginning(word) for word in typed]
        found = [self._entries[i] for i in set.intersection(*sets)]
        kept = sorted((e for e in found if allowed[e.document]), key=lambda e: _order(e, typed))
        return _without_repeats(kept, limit=limit)

    def _beginning(self, word: str) -> set[int]:
        first = bisect.bisect_left(self._words, (word, -1))
        last = bisect.bisect_left(self._words, (word + "\U0010ffff", -1))
        return {i for _, i in self._words[first:last]}


def _entries(document: Document, number: int) -> Iterator[_Entry]:
    texts = [(document.title, "", Source.TITLE)]
    texts += [(answer, "", Source.ANSWER) for answer in document.answers]
    texts += [(s.heading, s.anchor, Source.HEADING) for s in document.sections]
    for text, anchor, source in texts:
        if words := tuple(plain(text).split()):
            yield _Entry(Suggestion(text, document.id, anchor, source), number, words)


def _order(entry: _Entry, typed: Sequence[str]) -> tuple[bool, int, int, str]:
    begins = " ".join(entry.words).startswith(" ".join(typed))
    kind = list(Source).index(entry.suggestion.source)
    return not begins, kind, len(entry.suggestion.text), entry.suggestion.text


def _without_repeats(entries: Sequence[_Entry], *, limit: int) -> tuple[Suggestion, ...]:
    """Return one suggestion for each article and each text."""
    kept: list[Suggestion] = []
    seen: set[str] = set()
    for entry in entries:
        keys = {entry.suggestion.id, "text:" + " ".join(entry.words)}
        if seen.isdisjoint(keys) and len(kept) < limit:
            kept.append(entry.suggestion)
            seen |= keys
    return tuple(kept)
