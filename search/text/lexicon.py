"""The words of a corpus by language: which it has, which begin or end with what was typed, and the
names of products, which are never taken for a misspelt word.

Words are folded; a word whose stem the corpus has counts as known.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import log

import numpy as np
import numpy.typing as npt

from search.index.postings import Hashes, Postings, hash_of
from search.text.analysis import base_language, fold, is_pair, stem, stop_words, terms
from search.text.tokens import normal, query_tokens, tokens

# The vocabulary also has the words that are written with accents, as written, under the language
# with this before it.
WRITTEN = "="
ENGLISH = "en"
# Languages that write compounds as one word.
COMPOUNDING = frozenset({"da", "de", "fi", "hu", "is", "nb", "nl", "nn", "no", "sv"})
# What German puts between two parts of a compound.
LINKS = ("", "s", "es", "n", "en")
# A part of a compound, the beginning of an unfinished word, and the beginning of a name.
SHORTEST_PART, SHORTEST_BEGINNING, SHORTEST_NAME = 4, 4, 4
# How many words a part or a beginning stands for, the commonest first.
MOST_EXPANSIONS = 12
REMEMBERED = 512  # queries
Mask = npt.NDArray[np.bool_]
_NOTHING = np.empty(0)
Counts = npt.NDArray[np.int64]


def folded_names(given: Iterable[str]) -> tuple[str, ...]:
    """Return each name and each of its words, folded, ascending."""
    found = set[str]()
    for name in given:
        words = [fold(normal(token.surface)) for token in tokens(name)]
        found.update(word for word in (*words, "".join(words)) if len(word) > 1)
    return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of one language, ascending, and the number of each in the postings."""

    words: list[str]
    numbers: npt.NDArray[np.int32]

    def starting(self, start: str) -> range:
        """Return the places of the words that begin so."""
        return range(bisect_left(self.words, start), bisect_left(self.words, start + "\U0010ffff"))


class RightWords:
    """The right words of a language: `hashes` ascending, and `more` as folded text."""

    def __init__(self, language: str, hashes: Hashes, more: Collection[str] = frozenset()) -> None:
        self._language, self._hashes, self._more = language, hashes, more

    def __contains__(self, word: str) -> bool:
        """Return whether a word is right."""
        if fold(word) in self._more:
            return True
        return any(self._holds(form) for form in right_forms(word, self._language))

    def _holds(self, form: str) -> bool:
        wanted = np.uint64(hash_of(self._language, form))
        at = int(self._hashes.searchsorted(wanted))
        return at < len(self._hashes) and bool(self._hashes[at] == wanted)


def right_forms(word: str, language: str) -> tuple[str, ...]:
    """Return the forms of which one must be on the list."""
    if language == ENGLISH:
        return (fold(word),)
    return _stems(word, language)


def _stems(word: str, language: str) -> tuple[str, ...]:
    """Return the stem of a word, and that of the word without accents where it differs."""
    return tuple(dict.fromkeys((stem(word, language), stem(fold(word), language))))


def split_compound(word: str, size: Callable[[str], int]) -> tuple[str, ...]:
    """Return the two words that a folded compound consists of ("Druckertreiber"), () when there are
    none. `size` tells how many articles have a word: of several pairs the commonest is taken.
    """
    best: tuple[str, ...] = ()
    held = 0
    for at in range(SHORTEST_PART, len(word) - SHORTEST_PART + 1):
        for link in LINKS:
            left, right = word[:at].removesuffix(link), word[at:]
            least = min(size(left), size(right))
            if len(left) >= SHORTEST_PART and least > held:
                best, held = (left, right), least
    return best


class Lexicon:
    """The words of a generation. `texts` has "language<tab>word" for each row of `postings`, whose
    documents are the articles with that word; `stems` has the postings of stems. `names` are those
    of products, folded, ascending; `right` are words that are spelt right, by language.
    """

    def __init__(
        self,
        texts: Sequence[str],
        postings: Postings,
        stems: Postings,
        *,
        names: Sequence[str] = (),
        right: Mapping[str, RightWords] | None = None,
    ) -> None:
        self.postings = postings
        self._stems = stems
        self._names = names
        self._right = right or {}
        rows: dict[str, list[tuple[str, int]]] = {}
        for number, key in enumerate(texts):
            language, _, word = key.partition("\t")
            rows.setdefault(language, []).append((word, number))
        self._by_language = {language: _sorted(found) for language, found in rows.items()}
        # Several steps of a search ask for these.
        self.spoken_in = lru_cache(maxsize=REMEMBERED)(self._spoken_in)
        self.is_unfinished = lru_cache(maxsize=REMEMBERED)(self._is_unfinished)
        self.is_english = lru_cache(maxsize=REMEMBERED)(self._is_english)
        self.languages = tuple(sorted(name for name in rows if not name.startswith(WRITTEN)))

    @cached_property
    def sizes(self) -> Counts:
        """How many articles have each word, by its number."""
        return np.diff(self.postings.starts)

    def counts(self, allowed: Mask) -> Counts:
        """Return for each word, by its number, how many allowed articles have it."""
        docs, starts = self.postings.docs, self.postings.starts
        if not len(docs):
            return np.zeros(max(0, len(starts) - 1), np.int64)
        return np.add.reduceat(allowed[docs].astype(np.int64), starts[:-1])

    def words(self, language: str) -> tuple[list[str], npt.NDArray[np.int32]]:
        """Return the words of a language, ascending, and the number of each."""
        held = self._by_language.get(language)
        return (held.words, held.numbers) if held else ([], np.empty(0, np.int32))

    def written(self, language: str) -> tuple[list[str], npt.NDArray[np.int32]]:
        """Return the words of a language that have accents, as written, and their numbers."""
        return self.words(WRITTEN + language)

    def has(self, word: str, language: str, allowed: Mask | None = None) -> bool:
        """Return whether an (allowed) article in a language has a word or one with its stem, or
        articles have half of its pairs of characters.
        """
        if not word.isascii() and (pairs := [t for t in terms(word, language) if is_pair(t)]):
            found = sum(len(self._stems.find(language, pair)[0]) > 0 for pair in pairs)
            return 2 * found >= len(pairs)
        return any(
            len(docs) and (allowed is None or bool(allowed[docs].any()))
            for term in _stems(word, language)
            for docs in [self._stems.find(language, term)[0]]
        )

    def worth(self, word: str, allowed: Mask | None = None) -> float:
        """Return how much a word tells of what to look for, 0 for stop words and for words that no
        (allowed) article has: its information, and squared how much an article is about it at most
        (its BM25F score without idf). A rare word that is only mentioned somewhere tells little.
        """
        plain = normal(word)
        if any(fold(plain) in stop_words(each) for each in self.languages):
            return 0.0
        rows = (
            self._stems.find(language, term)
            for language in self.languages
            for term in _stems(plain, language)
        )
        docs, values = max(rows, key=lambda row: len(row[0]), default=(_NOTHING, _NOTHING))
        if not len(docs) or (allowed is not None and not allowed[docs].any()):
            return 0.0
        if allowed is not None:
            docs, values = docs[allowed[docs]], values[allowed[docs]]
        idf = log(self._articles / (len(docs) + 1)) + 1
        return (float(values.max()) / idf) ** 2 * log((1 + self._articles) / len(docs))

    @cached_property
    def _articles(self) -> int:
        return int(self._stems.docs.max(initial=0)) + 1

    def is_name(self, word: str) -> bool:
        """Return whether a word is the name of a product, or part of one."""
        return _held(self._names, fold(word))

    def begins_name(self, word: str) -> bool:
        """Return whether the name of a product may be half typed here."""
        folded = fold(word)
        at = bisect_left(self._names, folded)
        begun = at < len(self._names) and self._names[at].startswith(folded)
        return begun and len(folded) >= SHORTEST_NAME

    def may_name(self, text: str) -> bool:
        """Return whether a text has a name of a product, or ends in the beginning of one, that is
        no other word.
        """
        words = [normal(token.surface) for token in query_tokens(text)]
        whole = any(self.is_name(word) and not self.is_right(word, ENGLISH) for word in words)
        last = words[-1] if words else ""
        return whole or (bool(last) and not self.is_right(last, ENGLISH) and self.begins_name(last))

    def is_known(self, word: str, allowed: Mask | None = None) -> bool:
        """Return whether the articles or a list of stop words, right words or names has a word."""
        folded = fold(word)
        return self.is_name(word) or any(
            folded in stop_words(language)
            or self.is_right(word, language)
            or self.has(word, language, allowed)
            for language in self.languages
        )

    def _spoken_in(self, text: str) -> frozenset[str]:
        """Return which languages, of the articles' and English, know the most of a query's words,
        without regions; none when that is less than half: it is in another one.
        """
        words = [normal(token.surface) for token in query_tokens(text)]
        votes = {
            base_language(each): sum(
                fold(word) in stop_words(each) or self.has(word, each) or self.is_right(word, each)
                for word in words
                if word.isascii() or base_language(each) != ENGLISH
            )
            for each in {*self.languages, ENGLISH}
        }
        most = max(votes.values(), default=0)
        if 2 * most < sum(not self.is_name(word) for word in words):
            return frozenset()
        return frozenset(language for language, count in votes.items() if count == most)

    def _is_english(self, text: str) -> bool:
        """Return whether each word of a query that is no name and no code is English."""
        own = [each for each in self.languages if base_language(each) == ENGLISH] or [ENGLISH]
        words = [normal(token.surface) for token in query_tokens(text)]
        return all(
            self.is_name(word)
            or self.is_right(word, ENGLISH)
            or any(fold(word) in stop_words(each) or self.has(word, each) for each in own)
            for word in words
            if word.isalpha()
        )

    def absent_names(self, text: str, allowed: Mask) -> frozenset[str]:
        """Return the words of a query that name something which no allowed article has: a product
        on a list, or an unknown word with a capital that does not begin a sentence.
        """
        found = query_tokens(text)
        return frozenset(
            token.surface
            for number, token in enumerate(found)
            if token.surface.isalpha()
            and self._is_named(token.surface, alone=len(found) == 1, first=number == 0)
            and not any(self.has(normal(token.surface), each, allowed) for each in self.languages)
        )

    def _is_named(self, surface: str, *, alone: bool, first: bool) -> bool:
        """Return whether a word names something rather than being a word of a language."""
        word = normal(surface)
        capital = surface[:1].isupper() and (alone or not first)
        if self.is_name(word):
            return capital or not self._is_right_somewhere(word)
        # With accents it is rather a word of a language that no article is in.
        plain = word.isascii() and len(word) > 2
        return capital and plain and not self._is_right_somewhere(word)

    def _is_right_somewhere(self, word: str) -> bool:
        return any(self.is_right(word, each) for each in {*self.languages, ENGLISH})

    def is_right(self, word: str, language: str) -> bool:
        """Return whether a word is on a list of right words of a language."""
        held = self._right.get(base_language(language))
        return held is not None and word in held

    def is_checked(self, language: str) -> bool:
        """Return whether there is a list of right words of a language."""
        return base_language(language) in self._right

    def beginning(self, start: str, language: str) -> list[str]:
        """Return the commonest words of a language that begin with a folded text and go on."""
        held = self._by_language.get(language)
        if held is None or len(start) < SHORTEST_BEGINNING:
            return []
        return self._commonest(held, held.starting(start))

    def _is_unfinished(self, text: str) -> bool:
        """Return whether a query may end in a half-typed word, which nothing knows."""
        last = query_tokens(text)[-1] if query_tokens(text) else None
        if last is None or last.end != len(text) or not last.surface.isalpha():
            return False
        word = normal(last.surface)
        return not self.is_known(word) and any(
            self.beginning(fold(word), language) for language in self.languages
        )

    def completed(self, text: str) -> str:
        """Return a query whose last word is half typed with the commonest word that begins so."""
        if not self.is_unfinished(text):
            return text
        last = query_tokens(text)[-1]
        start = fold(normal(last.surface))
        found = [
            (-self.count(word, language, self.sizes), word)
            for language in self.languages
            for word in self.beginning(start, language)
        ]
        return text[: last.start] + min(found)[1]

    def compounds(self, part: str, language: str) -> list[str]:
        """Return the commonest compounds that begin or end with a folded word."""
        if base_language(language) not in COMPOUNDING or len(part) < SHORTEST_PART:
            return []
        held = self._by_language.get(language)
        if held is None:
            return []
        longer = len(part) + SHORTEST_PART - 1
        found = [at for at in held.starting(part) if len(held.words[at]) >= longer]
        return self._commonest(held, found) + self.kinds(part, language)

    def kinds(self, part: str, language: str) -> list[str]:
        """Return the commonest compounds that end with a folded word: what it is a kind of."""
        turned = self._turned.get(language)
        if turned is None or len(part) < SHORTEST_PART:
            return []
        longer = len(part) + SHORTEST_PART - 1
        found = [at for at in turned.starting(part[::-1]) if len(turned.words[at]) >= longer]
        return [word[::-1] for word in self._commonest(turned, found)]

    def parts(self, word: str, language: str) -> tuple[str, ...]:
        """Return the two words that a folded compound of a language consists of, () for none."""
        if base_language(language) not in COMPOUNDING:
            return ()
        return split_compound(word, lambda part: self.count(part, language, self.sizes))

    def count(self, word: str, language: str, counts: Counts) -> int:
        """Return the entry of `counts` (see `counts`) for a folded word, 0 when there is none."""
        words, numbers = self.words(language)
        at = bisect_left(words, word)
        return int(counts[numbers[at]]) if at < len(words) and words[at] == word else 0

    @cached_property
    def _turned(self) -> dict[str, _Words]:
        """The words of languages with compounds, spelt backwards."""
        return {
            language: _sorted(
                (word[::-1], number)
                for word, number in zip(held.words, held.numbers.tolist(), strict=True)
            )
            for language, held in self._by_language.items()
            if base_language(language) in COMPOUNDING
        }

    def _commonest(self, held: _Words, places: Iterable[int]) -> list[str]:
        found = [(-int(self.sizes[held.numbers[at]]), held.words[at]) for at in places]
        return [word for _, word in sorted(found)[:MOST_EXPANSIONS]]


def _sorted(rows: Iterable[tuple[str, int]]) -> _Words:
    ordered = sorted(rows)
    return _Words([word for word, _ in ordered], np.array([n for _, n in ordered], np.int32))


def _held(ascending: Sequence[str], word: str) -> bool:
    at = bisect_left(ascending, word)
    return at < len(ascending) and ascending[at] == word
