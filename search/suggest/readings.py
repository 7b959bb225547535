"""The ways in which typed words can be read: as typed; without the words too common to look for and
by what inflections share; with a name replaced by the author's synonym for it.

A reading depends on the language of the article that is looked at: what is a common word in one is
a name in another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from search.text.analysis import (
    SPACELESS_LETTERS,
    base_language,
    capital_name,
    fold,
    pair_verb,
    stem,
    stop_words,
)
from search.text.query import Synonyms
from search.text.tokens import normal, tokens

LONGEST = 32  # letters of a word that count; the rest is cut off
MOST_WORDS = 24
MOST_SYNONYMS = 8  # readings with a synonym
ONE_EDIT_FROM, TWO_EDITS_FROM = 4, 8  # letters; shorter words and words with a digit match exactly
SHORTEST_STEM = 4
# Of a word that is complete, so many letters are no beginning of another: "in" is not "internet".
SHORT, SHORT_SYNONYM = 2, 3
SPACELESS = re.compile(f"[{SPACELESS_LETTERS}]")
WORD = re.compile(
    rf"[{SPACELESS_LETTERS}]|(?:(?![{SPACELESS_LETTERS}_])[\w\u0900-\u0dff])+(?:\+\+|#)?"
)
_SIMPLE = re.compile("[A-Za-z0-9 ]*")

Phrase = tuple[str, ...]


class Kind(IntEnum):
    """How far a reading is from what was typed."""

    TYPED = 0
    CONTENT = 1
    SYNONYM = 2


class Reading(NamedTuple):
    """Words that a text must all have, each in one of its forms, the first as typed; `size` counts
    those that are not common. Those in `whole` must be there as they are, others may be beginnings.
    """

    words: tuple[Phrase, ...]
    kind: Kind
    size: int
    whole: frozenset[str] = frozenset()


class Piece(NamedTuple):
    """A token and the folded words within it: parts of a name, or characters of a script without
    spaces.
    """

    surface: str
    words: list[str]


@dataclass(frozen=True, slots=True)
class _Group:
    """Names that mean the same, as folded words, "Wi-Fi" as one."""

    names: tuple[Phrase, ...]


class Thesaurus:
    """The author's synonyms by language, looked up by the first word of each name."""

    def __init__(self, synonyms: Synonyms) -> None:
        self._by_first: dict[str, dict[str, list[tuple[Phrase, _Group]]]] = {}
        for language, groups in synonyms.items():
            held = self._by_first.setdefault(language, {})
            for group in groups:
                cut = [words_of(each) for each in group]
                others = _Group(tuple(name for each in cut if (name := _joined(each))))
                for name in filter(None, map(_flat, cut)):
                    held.setdefault(name[0], []).append((name, others))

    def others(self, words: Phrase, language: str) -> Iterator[tuple[slice, Phrase]]:
        """Yield each place of a name in the words, with each other name of its group."""
        held = self._by_first.get(language) or self._by_first.get(base_language(language), {})
        for at, word in enumerate(words):
            for name, group in held.get(word, ()):
                place = slice(at, at + len(name))
                if words[place] == name:
                    own = "".join(name)
                    yield from ((place, each) for each in group.names if "".join(each) != own)


def words_of(text: str) -> list[list[str]]:
    """Return the folded words within each token of a text."""
    if _SIMPLE.fullmatch(text):  # most titles: every word is a token, and folding only lowers case
        return [[word[:LONGEST]] for word in text.lower().split()]
    return [piece.words for piece in pieces_of(text)]


def pieces_of(text: str) -> list[Piece]:
    """Return the tokens of a text with their words."""
    found = ((token.surface, fold(normal(token.surface))) for token in tokens(text))
    return [
        Piece(surface, [word[:LONGEST] for word in WORD.findall(folded) or [folded]])
        for surface, folded in found
        if folded
    ]


def telling(pieces: Sequence[Piece], language: str) -> list[bool]:
    """Return for each token whether it is more than a common word of the language. "Log in" and IT
    are.
    """
    stops, loud = stop_words(language), all(piece.surface.isupper() for piece in pieces)
    found, left = list[bool](), ""
    for surface, words in pieces:
        name = "".join(words) not in stops or pair_verb(left, surface, language)
        found.append(bool(name or (not loud and capital_name(left, surface, language))))
        left = surface
    return found


def size_of(text: str, language: str) -> int:
    """Return how many words of a text are not common ones."""
    pieces = pieces_of(text)
    kept = telling(pieces, language)
    return sum(len(piece.words) for piece, told in zip(pieces, kept, strict=True) if told)


def readings_of(
    pieces: Sequence[Piece], language: str, thesaurus: Thesaurus
) -> tuple[Reading, ...]:
    """Return the readings of what was typed for articles in a language, the nearest first."""
    kept = telling(pieces, language)
    flags = [
        (word, told) for piece, told in zip(pieces, kept, strict=True) for word in piece.words
    ][:MOST_WORDS]
    every = tuple(word for word, _ in flags)
    content = _forms(flags, language)
    whole = frozenset(word for word in every[:-1] if len(word) <= SHORT) - set(every[-1:])
    found = [Reading(tuple((word,) for word in every), Kind.TYPED, len(content), whole)]
    if content and content != found[0].words:
        found.append(Reading(content, Kind.CONTENT, len(content), whole))
    for place, other in thesaurus.others(every, language):
        if len(found) > MOST_SYNONYMS:
            break
        words = (
            *_forms(flags[: place.start], language),
            *((word,) for word in other),
            *_forms(flags[place.stop :], language),
        )
        short = {word for word in other if len(word) <= SHORT_SYNONYM}
        found.append(Reading(words, Kind.SYNONYM, len(words), whole | short))
    return tuple(found)


def edits_of(word: str) -> int:
    """Return how many edits are allowed in a typed word."""
    if len(word) < ONE_EDIT_FROM or any(char.isdigit() or char in "+#" for char in word):
        return 0
    return 1 if len(word) < TWO_EDITS_FROM else 2


def _forms(flags: Sequence[tuple[str, bool]], language: str) -> tuple[Phrase, ...]:
    return tuple((word, *_inflected(word, language)) for word, told in flags if told)


def _inflected(word: str, language: str) -> Phrase:
    """Return the beginnings by which the inflections of a word are found, beside itself."""
    if not word.isalpha():
        return ()
    found = stem(word, language)
    ends = (found, found[:-1] + "y") if found.endswith("i") else (found,)
    return tuple(end for end in ends if len(end) >= SHORTEST_STEM and not end.startswith(word))


def _flat(cut: Sequence[Sequence[str]]) -> Phrase:
    return tuple(word for words in cut for word in words)


def _joined(cut: Sequence[Sequence[str]]) -> Phrase:
    """Return the words of a name with the parts of each token as one."""
    apart = (SPACELESS.search("".join(words)) for words in cut)
    rows = (
        words if spaceless else ["".join(words)[:LONGEST]]
        for words, spaceless in zip(cut, apart, strict=True)
    )
    return _flat(tuple(rows))
