"""Spelling correction ("did you mean"): replaces a word that no readable article has by one or two
that some have.

Short words, capitals, codes, names of products, words whose stem is known and words that a model
knows are never changed, and a word that only articles outside the asker's audiences contain is
never offered. Only a likely slip in a lower-case word, within the language of the query, is
corrected without asking; whatever else is near is offered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
from rapidfuzz import process
from rapidfuzz.distance import OSA

from search.text.analysis import base_language, fold, stop_words
from search.text.lexicon import COMPOUNDING, WRITTEN, Lexicon, Mask, split_compound
from search.text.query import surface_parts
from search.text.tokens import Token, normal, query_tokens, tokens
from search.types import Document

SHORTEST = 4
# Many words are one edit from four letters: there only a missing letter is corrected.
SHORTEST_BETTER = 5
# A second edit is accepted only in words long enough to stay recognisable.
TWO_EDITS_FROM = 8
LONGEST = 40
# Each unknown word is compared with much of the vocabulary; a query has few that matter.
MOST_WORDS = 6
# A word with one of these before it means another thing, often the opposite.
_PREFIXES = ("un", "re", "dis", "de", "in", "im", "non", "mis", "pre", "des", "ent", "ver")


@dataclass(frozen=True, slots=True)
class Correction:
    """A query with its unknown words replaced, spelt as the articles do. `sure`: each is a likely
    slip, so it may be searched without asking if an article then answers.
    """

    text: str
    sure: bool


@dataclass(frozen=True, slots=True)
class _Better:
    """What a word may have been meant to be."""

    text: str
    sure: bool
    capitals: bool = False  # of a language whose nouns all have them


def words_of(document: Document) -> Iterator[tuple[str, str]]:
    """Yield the language and the folded form of each word of an article, with repeats; a word with
    accents also as it is written, under its language with WRITTEN before it.
    """
    language = document.language
    headings = " ".join(section.heading for section in document.sections)
    texts = [document.title, document.summary, headings, *document.answers, *document.keywords]
    for text in [*texts, *(section.text for section in document.sections)]:
        for token in tokens(text):
            yield from _forms(token.surface, language)


@lru_cache(maxsize=100_000)
def _forms(surface: str, language: str) -> tuple[tuple[str, str], ...]:
    """Return the language and form of each word of a token."""
    words = surface_parts(surface, language)
    every = (*words, "".join(words)) if len(words) > 1 else words
    found = [(language, word) for word in every if _plain(word)]
    lower = normal(surface).lower()
    if len(words) == 1 and lower != words[0] and _plain(lower) and _plain(words[0]):
        found.append((WRITTEN + language, lower))
    return tuple(found)


def _plain(word: str) -> bool:
    return SHORTEST - 1 <= len(word) <= LONGEST and word.isalpha()


class Speller:
    """The words that a set of audiences may see, indexed for near matches."""

    def __init__(self, lexicon: Lexicon, allowed: Mask) -> None:
        self._lexicon, self._allowed = lexicon, allowed
        self._counts = lexicon.counts(allowed)
        self._words: dict[str, int] = {}
        for language in lexicon.languages:
            words, numbers = lexicon.words(language)
            for word, count in zip(words, self._counts[numbers].tolist(), strict=True):
                if count:
                    self._words[word] = self._words.get(word, 0) + count
        self._choices = [word for word in self._words if len(word) >= SHORTEST_BETTER]
        self._lengths = np.array([len(word) for word in self._choices], np.int16)
        self._letters = _letters(self._choices, self._lengths)

    @cached_property
    def _written(self) -> dict[str, str]:
        """The commonest way in which articles write each word that has accents."""
        best: dict[str, tuple[int, str]] = {}
        for language in self._lexicon.languages:
            words, numbers = self._lexicon.written(language)
            for word, count in zip(words, self._counts[numbers].tolist(), strict=True):
                folded = fold(word)
                if count and (count, word) > best.get(folded, (0, "")):
                    best[folded] = count, word
        plain = self._words
        return {f: word for f, (count, word) in best.items() if 2 * count > plain.get(f, 0)}

    def correct(self, text: str) -> Correction | None:
        """Return the query with misspelt words replaced, None when there is nothing to change."""
        found = query_tokens(text)
        unknown = [t for t in found if self._unknown(t, text)][:MOST_WORDS]
        if not unknown:
            return None
        languages = self._languages([t for t in found if t not in unknown])
        # Of several words most of which nothing knows, none is a slip: they are of a language that
        # no article is in.
        pieces, last, sure = list[str](), 0, len(found) == 1 or 2 * len(unknown) <= len(found)
        for token in unknown:
            if better := self._better(token, languages):
                pieces += [text[last : token.start], better.text]
                named = not better.capitals and _named(token, found)
                last, sure = token.end, sure and better.sure and not named
        return Correction("".join([*pieces, text[last:]]), sure) if last else None

    def _unknown(self, token: Token, text: str) -> bool:
        """Return whether a token is a plain word that nothing knows and that is not half typed."""
        if text[token.end : token.end + 1] == "*":
            return False
        word = normal(token.surface)
        if not _may_change(token.surface, fold(word)):
            return False
        lexicon = self._lexicon
        if lexicon.is_known(word, self._allowed):
            return False
        unfinished = token.end == len(text) and (lexicon.begins_name(word) or self._begins(word))
        return not unfinished and not self._inside(word)

    def _begins(self, word: str) -> bool:
        return any(self._lexicon.beginning(fold(word), each) for each in self._lexicon.languages)

    def _inside(self, word: str) -> bool:
        """Return whether a word is part of compounds that articles have."""
        return any(self._lexicon.compounds(fold(word), each) for each in self._lexicon.languages)

    def _languages(self, known: Sequence[Token]) -> frozenset[str]:
        """Return the languages that know the most of the query's other words; all when none
        does.
        """
        votes = Counter[str]()
        for token in known:
            word = normal(token.surface)
            for language in self._lexicon.languages:
                common = fold(word) in stop_words(language)
                votes[language] += common or self._lexicon.has(word, language, self._allowed)
        most = max(votes.values(), default=0)
        return frozenset(each for each in self._lexicon.languages if votes[each] == most)

    def _better(self, token: Token, languages: frozenset[str]) -> _Better | None:
        word = normal(token.surface).lower()
        folded = fold(word)
        if near := self._near(folded):
            lexicon, counts = self._lexicon, self._counts
            spoken = [each for each in lexicon.languages if lexicon.count(near, each, counts)]
            within = [each for each in spoken if each in languages and _fits(word, each)]
            sure = (
                bool(within)
                and _likely(folded, near)
                and any(map(self._lexicon.is_checked, within))
            )
            return _Better(self._written.get(near, near), sure)
        if parts := " ".join(split_compound(folded, lambda part: self._words.get(part, 0))):
            spoken = [each for each in languages if base_language(each) in COMPOUNDING]
            return _Better(parts, bool(spoken), _with_capitals(spoken))
        return None

    def _near(self, word: str) -> str:
        """Return the likeliest word one or two edits away, "" when there is none."""
        edits = 2 if len(word) >= TWO_EDITS_FROM else 1
        found = process.extract(
            word, self._like(word, edits), scorer=OSA.distance, score_cutoff=edits, limit=8
        )
        ranked = sorted(
            found, key=lambda row: (row[1], *_unlike(word, row[0]), -self._words[row[0]])
        )
        return ranked[0][0] if ranked else ""

    def _like(self, word: str, edits: int) -> list[str]:
        """Return the few words that can be within `edits`: an edit changes the length by at most
        one and the set of letters by at most two.
        """
        mine = _letters([word], np.array([len(word)]))[0]
        near = np.abs(self._lengths - len(word)) <= edits
        near &= np.bitwise_count(self._letters ^ mine) <= 2 * edits
        return [self._choices[i] for i in np.flatnonzero(near)]


def _named(token: Token, found: Sequence[Token]) -> bool:
    """Return whether a capital letter shows a name: not at the beginning of several words."""
    return token.surface[:1].isupper() and (len(found) == 1 or token != found[0])


def _with_capitals(languages: Sequence[str]) -> bool:
    """Return whether a word may be of a language that writes every noun with a capital."""
    return any(base_language(each) in {"de", "lb"} for each in languages)


def _fits(word: str, language: str) -> bool:
    """Return whether a word may be of a language: English has no accents."""
    return word.isascii() or base_language(language) != "en"


def _likely(word: str, other: str) -> bool:
    """Return whether one may well be typed for the other: their beginnings agree, and neither is
    the other with a prefix that changes its meaning.
    """
    if any(word == before + other or other == before + word for before in _PREFIXES):
        return False
    return word[0] == other[0] or sorted(word[:2]) == sorted(other[:2])


def _letters(words: Sequence[str], lengths: npt.NDArray[np.int16]) -> npt.NDArray[np.uint32]:
    """Return each word's set of letters as bits; letters 32 code points apart share one."""
    if not words:
        return np.zeros(0, np.uint32)
    letters = np.frombuffer("".join(words).encode("utf-32-le", "surrogatepass"), np.uint32)
    starts = np.concatenate([[0], np.cumsum(lengths[:-1], dtype=np.int64)])
    return np.bitwise_or.reduceat(np.uint32(1) << (letters & np.uint32(31)), starts)


def _may_change(surface: str, word: str) -> bool:
    if not word.isalpha() or len(word) < SHORTEST or len(word) > LONGEST:
        return False
    return not surface.isupper() and surface[1:] == surface[1:].lower()


def _unlike(word: str, other: str) -> tuple[bool, bool]:
    """Return what makes a candidate less likely: a wrong first letter, or a wrong last one."""
    return word[0] != other[0], sorted(word) != sorted(other) and word[-1] != other[-1]
