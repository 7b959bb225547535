"""Spelling correction ("did you mean"): replaces a word that no readable article has by one or two
that some have.

Short words, capitals, codes and words that the model knows are never changed, and a word that only
articles outside the asker's audiences contain is never offered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapidfuzz import process
from rapidfuzz.distance import OSA

from search.index.postings import Postings
from search.text.analysis import fold, stop_words
from search.text.query import surface_parts
from search.text.tokens import Token, normal, tokens
from search.types import Document

SHORTEST = 4
# Many words are one edit from four letters: there only a missing letter is corrected.
SHORTEST_BETTER = 5
# A second edit is accepted only in words long enough to stay recognisable.
TWO_EDITS_FROM = 8
LONGEST = 40
# Each unknown word is compared with much of the vocabulary; a query has few that matter.
MOST_WORDS = 6
# Parts of a compound: words of four letters or more, and what German puts between two.
SHORTEST_PART = 4
_LINKS = ("", "s", "es", "n", "en")
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Correction:
    """A query with its unknown words replaced. `sure`: it may be searched without asking, which
    takes a list of known words to check against.
    """

    text: str
    sure: bool


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of each language ("en<tab>printer") with the articles that hold them."""

    texts: Sequence[str]
    postings: Postings


def words_of(document: Document) -> Iterator[str]:
    """Yield the folded words of an article, with repeats."""
    headings = " ".join(section.heading for section in document.sections)
    texts = [document.title, document.summary, headings, *document.answers, *document.keywords]
    for text in [*texts, *(section.text for section in document.sections)]:
        for token in tokens(text):
            words = surface_parts(token.surface, document.language)
            yield from filter(_plain, (*words, "".join(words)) if len(words) > 1 else words)


def _plain(word: str) -> bool:
    return SHORTEST - 1 <= len(word) <= LONGEST and word.isalpha()


class Speller:
    """The words that a set of audiences may see, indexed for near matches."""

    def __init__(
        self, words: Vocabulary, allowed: Mask, *, languages: Sequence[str], known: frozenset[str]
    ) -> None:
        self._known = known
        self._words: dict[str, int] = {}
        for key, count in zip(words.texts, _counts(words.postings, allowed), strict=True):
            language, _, word = key.partition("\t")
            if count and language in languages:
                self._words[word] = self._words.get(word, 0) + int(count)
        self._choices = [word for word in self._words if len(word) >= SHORTEST_BETTER]
        self._lengths = np.array([len(word) for word in self._choices], np.int16)
        self._letters = _letters(self._choices, self._lengths)
        self._stops = frozenset().union(*(stop_words(language) for language in languages))

    def correct(self, text: str) -> Correction | None:
        """Return the query with misspelt words replaced, None when there is nothing to change."""
        pieces, last, tried = list[str](), 0, 0
        for token in tokens(text):
            beginning = text[token.end : token.end + 1] == "*"
            if beginning or tried == MOST_WORDS or not self._unknown(token):
                continue
            tried += 1
            word = fold(normal(token.surface))
            if better := self._near(word) or self._parts(word):
                pieces += [text[last : token.start], better]
                last = token.end
        return Correction("".join([*pieces, text[last:]]), bool(self._known)) if last else None

    def _unknown(self, token: Token) -> bool:
        """Return whether a token is a plain word that neither the articles nor the model know."""
        word = fold(normal(token.surface))
        if not _may_change(token.surface, word):
            return False
        return not any(word in known for known in (self._words, self._stops, self._known))

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

    def _parts(self, word: str) -> str:
        """Return the two words that a compound consists of ("Druckertreiber"), "" when there are
        none.
        """
        best, held = "", 0
        for at in range(SHORTEST_PART, len(word) - SHORTEST_PART + 1):
            right = word[at:]
            for link in _LINKS:
                left = word[:at].removesuffix(link) if link else word[:at]
                least = min(self._words.get(left, 0), self._words.get(right, 0))
                if len(left) >= SHORTEST_PART and least > held:
                    best, held = f"{left} {right}", least
        return best


def _letters(words: Sequence[str], lengths: npt.NDArray[np.int16]) -> npt.NDArray[np.uint32]:
    """Return each word's set of letters as bits; letters 32 code points apart share one."""
    if not words:
        return np.zeros(0, np.uint32)
    letters = np.frombuffer("".join(words).encode("utf-32-le", "surrogatepass"), np.uint32)
    starts = np.concatenate([[0], np.cumsum(lengths[:-1], dtype=np.int64)])
    return np.bitwise_or.reduceat(np.uint32(1) << (letters & np.uint32(31)), starts)


def _counts(words: Postings, allowed: Mask) -> npt.NDArray[np.int64]:
    """Return for each word how many allowed articles contain it."""
    if not len(words.docs):
        return np.zeros(len(words.terms), np.int64)
    return np.add.reduceat(allowed[words.docs].astype(np.int64), words.starts[:-1])


def _may_change(surface: str, word: str) -> bool:
    if not word.isalpha() or len(word) < SHORTEST or len(word) > LONGEST:
        return False
    return not surface.isupper() and surface[1:] == surface[1:].lower()


def _unlike(word: str, other: str) -> tuple[bool, bool]:
    """Return what makes a candidate less likely: a wrong first letter, or a wrong last one."""
    return word[0] != other[0], sorted(word) != sorted(other) and word[-1] != other[-1]
