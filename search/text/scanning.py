"""Finds the words of a text that may begin with given letters, without looking at the others.

A text is read once into a form in which letters can be looked for: lower case, without accents,
character by character. Scripts without case or spaces, and letters that stand for several, are read
word by word instead.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from search.text.analysis import base_language, fold
from search.text.tokens import ANY, normal

_HUMP = re.compile(r"[A-Z](?<=[a-z][A-Z])")
# Latin, Greek and Cyrillic letters, punctuation and pictures.
_EASY = re.compile("[\x00-\u052f\u1e00-\u2bff\ufe0e\ufe0f\U0001f000-\U0001faff]*")
_UNCLEAR = "\x00"
_EARLY_SHARP_S = re.compile(r"\b\w?ß")
# Their stemmers take away beginnings of words.
_WITH_PREFIXES = frozenset({"ar"})


_FOREIGN = re.compile(r"[^\x00-\x7f]")


@lru_cache(maxsize=4096)
def _letter(char: str) -> str:
    """Return a character as it is looked for."""
    if unicodedata.combining(char) or unicodedata.category(char) in {"Cf", "Cc", "Mn"}:
        return char if char in "\ufe0e\ufe0f" else _UNCLEAR
    if not char.isalnum():
        return char
    plain = "s" if char == "ß" else fold(normal(char))
    return plain if len(plain) == 1 else _UNCLEAR


def _plain(found: re.Match[str]) -> str:
    return _letter(found.group())


class Scan(NamedTuple):
    """A text on one line, the form in which letters are looked for ("" when it has none), and the
    places where a word in camel case goes on.
    """

    text: str
    letters: str
    humps: tuple[int, ...]


def scan(text: str, language: str) -> Scan:
    """Return a text in the form in which words are looked for."""
    if text.isascii():
        letters = text.lower()
    elif not _EASY.fullmatch(text) or base_language(language) in _WITH_PREFIXES:
        letters = ""
    else:
        letters = _FOREIGN.sub(_plain, text.lower())
        if (
            _UNCLEAR in letters
            or len(letters) != len(text)
            or ("ß" in text and _EARLY_SHARP_S.search(text))
        ):
            letters = ""
    humps = tuple(match.start() for match in _HUMP.finditer(text)) if letters else ()
    return Scan(text, letters, humps)


def words_beginning(found: Scan, initials: frozenset[str]) -> list[re.Match[str]]:
    """Return the tokens that contain a word which may begin with one of the initials (lower case),
    as matches: far fewer than all.
    """
    text, letters, humps = found
    if not letters:
        return list(ANY.finditer(text))
    places = list(humps)
    for start in initials:
        at = letters.find(start)
        while at >= 0:
            if at == 0 or not letters[at - 1].isalnum():
                places.append(at)
            at = letters.find(start, at + 1)
    places.sort()
    rows: list[re.Match[str]] = []
    seen = 0
    for at in places:
        if at >= seen:
            end = text.find(" ", at)
            seen = len(text) if end < 0 else end
            rows += ANY.finditer(text, text.rfind(" ", 0, at) + 1, seen)
    return rows
