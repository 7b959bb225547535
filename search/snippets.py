"""The words of an article that answer, marked: safe HTML by construction.

Promises that everything from the article is escaped and that `<mark>` is the only markup. Knows no
index: text and the terms looked for come in.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from html import escape

from search.analysis import CODE, spellings
from search.tokens import Token, tokens_beginning

TARGET = 230
LONGEST = 260
# Beginnings of a snippet that are tried.
MOST_WINDOWS = 40
# Letters that a word and its stem begin with: two, and three where the stem has so many.
LONG_STEM = 5
Found = tuple[Token, tuple[str, ...]]


def snippet(text: str, wanted: Collection[str], *, language: str) -> str:
    """Return the stretch of `text` (at most about 260 characters) richest in wanted terms."""
    flat = " ".join(text.split())
    found = _found(flat, frozenset(wanted), language=language)
    start, end = _window(flat, found)
    body = _marked(flat, found, span=(start, end))
    return ("… " if start else "") + body + (" …" if end < len(flat) else "")


def _found(text: str, wanted: frozenset[str], *, language: str) -> list[Found]:
    """Return the tokens that are wanted, each with its terms."""
    stems = (term.lstrip(CODE) for term in wanted)
    initials = frozenset(stem[: 3 if len(stem) >= LONG_STEM else 2] for stem in stems)
    every = (
        (token, spellings(token.surface, language)) for token in tokens_beginning(text, initials)
    )
    return [(token, terms) for token, terms in every if not wanted.isdisjoint(terms)]


def _window(text: str, found: Sequence[Found]) -> tuple[int, int]:
    """Return the span with most different words, the earliest of equals."""
    if len(text) <= LONGEST:
        return 0, len(text)
    starts, ends = [token.start for token, _ in found], [token.end for token, _ in found]
    best, score = 0, -1.0
    for at in starts[:MOST_WINDOWS]:
        start = _start(text, at)
        inside = found[bisect_left(starts, start) : bisect_right(ends, start + TARGET)]
        worth = len({terms for _, terms in inside}) + 0.01 * len(inside)
        if worth > score:
            best, score = start, worth
    return best, _end(text, best)


def _start(text: str, at: int) -> int:
    """Return where to begin so that `at` has some words before it: a sentence or word start."""
    earliest = max(0, min(at - 60, len(text) - TARGET))
    if earliest == 0:
        return 0
    sentence = max(text.rfind(mark, earliest, at) for mark in (". ", "? ", "! ", "。"))
    if sentence > 0:
        return sentence + (1 if text[sentence] == "。" else 2)
    space = text.find(" ", earliest, at)
    return space + 1 if space >= 0 else earliest


def _end(text: str, start: int) -> int:
    if len(text) <= start + LONGEST:
        return len(text)
    space = text.rfind(" ", start + TARGET // 2, start + TARGET)
    return space if space > 0 else start + TARGET


def _marked(text: str, found: Sequence[Found], *, span: tuple[int, int]) -> str:
    start, end = span
    pieces, at = [], start
    for token, _ in found:
        if token.start < at or token.end > end:
            continue
        pieces += [escape(text[at : token.start]), f"<mark>{escape(token.surface)}</mark>"]
        at = token.end
    return "".join([*pieces, escape(text[at:end])]).strip()
