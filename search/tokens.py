"""Text cut into tokens, each with its place in the text.

Promises that every token is a slice of the given text, so that a snippet can mark it. Knows no
language: what a token means is the work of `analysis`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

# Vowel signs and viramas are no letters to Python, yet belong inside a word of these scripts.
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0dff\u0e31-\u0e4e"
_LETTER = rf"(?:[^\W_]|[{_MARKS}])"
# A name may hold these inside: wi-fi, user.name, sam_admin, 10.0.0.1, O'Brien, c:\temp, a/b no.
_JOIN = r"(?:[-._'’‑:\\@]|__)"
_TOKEN = re.compile(rf"{_LETTER}+(?:{_JOIN}{_LETTER}+)*(?:\+\+|#(?!\w))?")
_PICTURE = re.compile(r"[\u2600-\u27bf\U0001f300-\U0001faff]")
_ANY = re.compile(rf"{_TOKEN.pattern}|{_PICTURE.pattern}")


class Token(NamedTuple):
    """A word, name or code as written, and where: `text[start:end] == surface`."""

    surface: str
    start: int
    end: int


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of `text` in order."""
    for match in _ANY.finditer(text):
        yield Token(match.group(), match.start(), match.end())


def normal(text: str) -> str:
    """Return `text` in one spelling of each character: NFKC, without invisible characters."""
    composed = unicodedata.normalize("NFKC", text)
    return "".join(
        c for c in composed if unicodedata.category(c) not in {"Cf", "Cc"} or c in "\n\t"
    )
