"""Splits text into tokens, each with its place in the text.

Every token is a slice of the given text, so that a snippet can mark it. What a token means in a
language is decided in `analysis`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

# Vowel signs, viramas and joiners are not letters to Python, but belong inside a word.
_JOINERS = "\u00ad\u200d\u2060"
MARKS = (
    "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0dff"
    "\u0e31-\u0e4e\u0eb1-\u0ece\u102b-\u103e\u1056-\u109d\u17b4-\u17d3"
)
_LETTER = rf"(?:[^\W_]|[{_JOINERS}{MARKS}])"
# A flag or a name such as .NET: the sign belongs to a word that follows a space or a bracket.
_LEAD = r"(?:(?<![^\s(\[{\"'`=,|])(?:--?|\.)(?=[^\W\d_]))?"
# A name may hold these inside: wi-fi, user.name, sam_admin, 10.0.0.1, O'Brien, c:\temp, a/b no.
_HEBREW = "[\u05d0-\u05ea]"
_JOIN = rf"(?:[-._'’‑@\u200c]|::?\\?|\\\\?|__|(?<={_HEBREW})[\"״׳](?={_HEBREW}))"
_TOKEN = re.compile(rf"{_LEAD}[^\W_]{_LETTER}*(?:{_JOIN}{_LETTER}+)*(?:\+\+|#(?!\w)|\(\))?")
_PICTURE = re.compile(r"[\u2600-\u27bf\U0001f000-\U0001faff]")
ANY = re.compile(rf"{_TOKEN.pattern}|{_PICTURE.pattern}")
SHORT = 1000  # characters whose marks may be in any order: sorting them takes a millisecond
MOST_MARKS = 30
_UNSEEN = frozenset({"Cf", "Cc", "Cs"})


class Token(NamedTuple):
    """A word, name or code as written, and where: `text[start:end] == surface`."""

    surface: str
    start: int
    end: int


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of `text` in order."""
    for match in ANY.finditer(text):
        yield Token(match.group(), match.start(), match.end())


@lru_cache(maxsize=512)
def query_tokens(text: str) -> tuple[Token, ...]:
    """Return the tokens of a query, which several steps of a search ask for."""
    return tuple(tokens(text))


def composed(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
    """Return `text` in a normal form, in time linear in its length.

    Sorting a run of marks takes the square of its length: of a run longer than UAX #15 allows in
    stream-safe text, which no language has, only the first marks are kept.
    """
    if len(text) > SHORT and not text.isascii():
        kept, run = [], 0
        for char in text:
            run = run + 1 if unicodedata.combining(char) else 0
            if run <= MOST_MARKS:
                kept.append(char)
        text = "".join(kept)
    return unicodedata.normalize(form, text)


def normal(text: str) -> str:
    """Return `text` in one spelling of each character: NFKC, without invisible characters."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c for c in composed("NFKC", text) if unicodedata.category(c) not in _UNSEEN or c in "\n\t"
    )
