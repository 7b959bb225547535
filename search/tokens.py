"""Text cut into tokens, each with its place in the text.

Promises that every token is a slice of the given text, so that a snippet can mark it. Knows no
language: what a token means is the work of `analysis`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from string import ascii_lowercase
from typing import NamedTuple

# Vowel signs, viramas and joiners are no letters to Python, yet belong inside a word.
_MARKS = (
    "\u00ad\u200d\u2060\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0dff"
    "\u0e31-\u0e4e\u0eb1-\u0ece\u102b-\u103e\u1056-\u109d\u17b4-\u17d3"
)
_LETTER = rf"(?:[^\W_]|[{_MARKS}])"
# A flag or a name such as .NET: the sign belongs to a word that follows a space or a bracket.
_LEAD = r"(?:(?<![^\s(\[{\"'`=,|])(?:--?|\.)(?=[^\W\d_]))?"
# A name may hold these inside: wi-fi, user.name, sam_admin, 10.0.0.1, O'Brien, c:\temp, a/b no.
_HEBREW = "[\u05d0-\u05ea]"
_JOIN = rf"(?:[-._'’‑@\u200c]|::?\\?|\\\\?|__|(?<={_HEBREW})[\"״׳](?={_HEBREW}))"
_TOKEN = re.compile(rf"{_LEAD}[^\W_]{_LETTER}*(?:{_JOIN}{_LETTER}+)*(?:\+\+|#(?!\w)|\(\))?")
_PICTURE = re.compile(r"[\u2600-\u27bf\U0001f000-\U0001faff]")
_ANY = re.compile(rf"{_TOKEN.pattern}|{_PICTURE.pattern}")
_UNSEEN = frozenset({"Cf", "Cc", "Cs"})


_PLAIN = frozenset(a + b for a in ascii_lowercase for b in ascii_lowercase if b not in "iy")


class Token(NamedTuple):
    """A word, name or code as written, and where: `text[start:end] == surface`."""

    surface: str
    start: int
    end: int


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of `text` in order."""
    for match in _ANY.finditer(text):
        yield Token(match.group(), match.start(), match.end())


def tokens_beginning(text: str, initials: Collection[str]) -> Iterator[Token]:
    """Yield the tokens of `text` but plain English letters that begin otherwise than with one of
    the initials (two letters, lower case): stemmers change no more than a second y into i.
    """
    for match in _ANY.finditer(text):
        surface = match[0]
        start = surface[:2].lower()
        if start not in initials and start in _PLAIN and surface[1:].islower():
            continue
        yield Token(surface, match.start(), match.end())


def normal(text: str) -> str:
    """Return `text` in one spelling of each character: NFKC, without invisible characters."""
    if text.isascii() and text.isprintable():
        return text
    composed = unicodedata.normalize("NFKC", text)
    return "".join(c for c in composed if unicodedata.category(c) not in _UNSEEN or c in "\n\t")
