"""The words of an article that answer, marked: safe HTML by construction.

Promises that everything from the article is escaped and that `<mark>` is the only markup. Knows no
index: text and the terms looked for come in.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape

from search.analysis import spellings
from search.tokens import Token, tokens

TARGET = 230
LONGEST = 260


def snippet(text: str, wanted: Collection[str], *, language: str) -> str:
    """Return the stretch of `text` (at most about 260 characters) richest in wanted terms."""
    flat = " ".join(text.split())
    found = _found(flat, frozenset(wanted), language=language)
    start, end = _window(flat, found, language=language)
    body = _marked(flat, found, span=(start, end))
    return ("… " if start else "") + body + (" …" if end < len(flat) else "")


def _found(text: str, wanted: frozenset[str], *, language: str) -> list[Token]:
    return [t for t in tokens(text) if not wanted.isdisjoint(spellings(t.surface, language))]


def _window(text: str, found: Sequence[Token], *, language: str) -> tuple[int, int]:
    """Return the span with most different words, the earliest of equals."""
    if len(text) <= LONGEST:
        return 0, len(text)
    best, score = 0, -1.0
    for token in found[:200]:
        start = _start(text, token.start)
        inside = [t for t in found if start <= t.start and t.end <= start + TARGET]
        kinds = len({spellings(t.surface, language) for t in inside})
        if kinds + 0.01 * len(inside) > score:
            best, score = start, kinds + 0.01 * len(inside)
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


def _marked(text: str, found: Sequence[Token], *, span: tuple[int, int]) -> str:
    start, end = span
    pieces, at = [], start
    for token in found:
        if token.start < at or token.end > end:
            continue
        pieces += [escape(text[at : token.start]), f"<mark>{escape(token.surface)}</mark>"]
        at = token.end
    return "".join([*pieces, escape(text[at:end])]).strip()
