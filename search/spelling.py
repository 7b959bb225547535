"""Did you mean: a word that no readable article has, to one that some have.

Promises never to touch short words, capitals, codes or words the model knows, and never to offer a
word that only articles outside the asker's audiences hold. Knows no ranking.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapidfuzz import process
from rapidfuzz.distance import OSA

from search.analysis import fold, stop_words
from search.postings import Postings
from search.querying import surface_parts
from search.tokens import Token, normal, tokens
from search.types import Document

SHORTEST = 4
# Four letters are one edit from many words: only a letter left out is believed there.
SHORTEST_BETTER = 5
# A second edit is believed only in words long enough to stay recognisable.
TWO_EDITS_FROM = 8
LONGEST = 40
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Correction:
    """The query with its unknown words replaced; `sure` when it may be searched unasked, which
    takes a list of good words to hold them against.
    """

    text: str
    sure: bool


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of each language ("en<tab>printer") with the articles that hold them."""

    texts: Sequence[str]
    postings: Postings


def words_of(document: Document) -> Iterator[str]:
    """Yield the folded words of an article, each as often as it stands there."""
    headings = " ".join(section.heading for section in document.sections)
    texts = [document.title, document.summary, headings, *document.answers, *document.keywords]
    for text in [*texts, *(section.text for section in document.sections)]:
        for token in tokens(text):
            yield from (w for w in surface_parts(token.surface, document.language) if _plain(w))


def _plain(word: str) -> bool:
    return SHORTEST - 1 <= len(word) <= LONGEST and word.isalpha()


class Speller:
    """The words that one set of audiences may see, ready for near matches."""

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
        self._stops = frozenset().union(*(stop_words(language) for language in languages))

    def correct(self, text: str) -> Correction | None:
        """Return the query with misspelt words replaced, None when nothing is to be changed."""
        pieces, last = list[str](), 0
        for token in tokens(text):
            if better := self._better(token):
                pieces += [text[last : token.start], better]
                last = token.end
        return Correction("".join([*pieces, text[last:]]), bool(self._known)) if last else None

    def _better(self, token: Token) -> str:
        """Return what the token is to be replaced by, "" for a word that is right as it is."""
        word = fold(normal(token.surface))
        if not _may_change(token.surface, word):
            return ""
        if word in self._words or word in self._stops or word in self._known:
            return ""
        return self._near(word)

    def _near(self, word: str) -> str:
        """Return the likeliest word one or two edits away, "" when there is none."""
        edits = 2 if len(word) >= TWO_EDITS_FROM else 1
        found = process.extract(
            word, self._choices, scorer=OSA.distance, score_cutoff=edits, limit=8
        )
        ranked = sorted(
            found, key=lambda row: (row[1], *_unlike(word, row[0]), -self._words[row[0]])
        )
        return ranked[0][0] if ranked else ""


def _counts(words: Postings, allowed: Mask) -> npt.NDArray[np.int64]:
    """Return for each word how many allowed articles hold it."""
    if not len(words.docs):
        return np.zeros(len(words.terms), np.int64)
    return np.add.reduceat(allowed[words.docs].astype(np.int64), words.starts[:-1])


def _may_change(surface: str, word: str) -> bool:
    if not word.isalpha() or len(word) < SHORTEST or len(word) > LONGEST:
        return False
    return not surface.isupper() and surface[1:] == surface[1:].lower()


def _unlike(word: str, other: str) -> tuple[bool, bool]:
    """Return what makes a candidate less likely: people seldom miss the first or last letter."""
    return word[0] != other[0], sorted(word) != sorted(other) and word[-1] != other[-1]
