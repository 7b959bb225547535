"""Cuts articles into passages: the pieces that have a vector, a score and a snippet.

A passage is about 120 words, ends at a sentence end where it can, never crosses a heading, and is
given as offsets into its section's text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from search.types import Document, Section

WORDS = 120
# A remainder of fewer words is joined to the passage before it: too short to stand alone.
SHORTEST = 30
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\n+")
_WORD = re.compile(r"\S+")
# Scripts without spaces: this many characters count as a word.
_CHARACTERS_A_WORD = 6


# One row a passage: document, section, start, end; ordered by document, then by place.
Passages = npt.NDArray[np.int32]


class Passage(NamedTuple):
    """Text `start:end` of section `section` of document number `document`."""

    document: int
    section: int
    start: int
    end: int


def passages_of(document: Document, number: int) -> Iterator[Passage]:
    """Yield the passages of one article, in reading order; none for an article without text."""
    for index, section in enumerate(document.sections):
        for start, end in _pieces(section.text):
            yield Passage(number, index, start, end)


def _length(text: str) -> int:
    return max(len(_WORD.findall(text)), len(text) // (2 * _CHARACTERS_A_WORD))


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match in _SENTENCE.finditer(text):
        if match.start() > start:
            yield from _shorter(text, start, match.start())
        start = match.end()
    if start < len(text):
        yield from _shorter(text, start, len(text))


def _shorter(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield a sentence, cut at spaces when it is too long for a passage."""
    words = list(_WORD.finditer(text, start, end))
    if len(words) <= WORDS:
        step = 2 * WORDS * _CHARACTERS_A_WORD
        yield from ((at, min(at + step, end)) for at in range(start, end, step))
        return
    for first in range(0, len(words), WORDS):
        yield words[first].start(), words[min(first + WORDS, len(words)) - 1].end()


def _pieces(text: str) -> list[tuple[int, int]]:
    pieces: list[tuple[int, int]] = []
    start = end = -1
    count = 0
    for left, right in _sentences(text):
        length = _length(text[left:right])
        if start >= 0 and count + length > WORDS:
            pieces.append((start, end))
            start, count = -1, 0
        start, end, count = (left if start < 0 else start), right, count + length
    if start >= 0 and text[start:end].strip():
        _close(pieces, (start, end), count)
    return pieces


def _close(pieces: list[tuple[int, int]], last: tuple[int, int], count: int) -> None:
    if pieces and count < SHORTEST:
        pieces[-1] = (pieces[-1][0], last[1])
    else:
        pieces.append(last)


def passage_text(document: Document, passage: Passage) -> str:
    """Return the text that the model reads: title, heading path, then the passage itself."""
    section: Section = document.sections[passage.section]
    path = [part for part in section.path if part != document.title]
    head = ": ".join([part for part in (document.title, *path) if part])
    body = " ".join(section.text[passage.start : passage.end].split())
    return f"{head}. {body}" if head else body
