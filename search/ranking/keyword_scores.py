"""Keyword scores of a search: BM25F impacts summed, and neighbouring words of the query.

Two neighbouring words are looked for as they stand ("not working") and with the stop words between
them left out ("connect to the VPN": "connect VPN"). Results are arrays over all articles (or
passages), 0 where nothing matches; shares are in [0, 1].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from search.index.postings import Ordinals, Postings, Values
from search.text.analysis import document_terms, fold, stop_words, terms
from search.text.lexicon import WRITTEN
from search.text.query import MAX_TERMS, Identifier, Request, Sought
from search.text.tokens import Token, normal, query_tokens

# -- Neighbouring words and words as typed --


Floats = npt.NDArray[np.float32]
Rows = Sequence[tuple[str, ...]]


@lru_cache(maxsize=32)
def _stop_terms(language: str) -> frozenset[str]:
    return frozenset(terms(word, language)[0] for word in stop_words(language) if word)


def plain_pairs(rows: Rows) -> Iterator[str]:
    """Yield each pair of neighbouring terms of a text (see `document_terms`)."""
    return (f"{left} {right}" for left, right in pairwise(row[0] for row in rows))


def telling_pairs(rows: Rows, language: str) -> Iterator[str]:
    """Yield each pair of neighbouring terms once the stop words are left out."""
    stops = _stop_terms(language)
    kept = [row for row in rows if row[0] not in stops]
    return plain_pairs(kept)


def adjacent(postings: Postings, text: str, *, languages: Sequence[str], size: int) -> Floats:
    """Return for each of `size` articles the mean share of the query's pairs that it contains."""
    best = np.zeros(size, np.float32)
    for language in languages:
        rows = document_terms(text, language)[:MAX_TERMS]
        both = (list(plain_pairs(rows)), list(telling_pairs(rows, language)))
        shares = [
            _share(postings, [(language, pair) for pair in pairs], size=size)
            for pairs in both
            if pairs
        ]
        if shares:
            np.maximum(best, np.sum(shares, axis=0) / 2, out=best)
    return best


def as_typed(postings: Postings, text: str, *, languages: Sequence[str], size: int) -> Floats:
    """Return for each article the share of the query's words (without stop words) that it contains
    exactly as typed. `postings` are the vocabulary's.
    """
    best = np.zeros(size, np.float32)
    words = [_written(token) for token in query_tokens(text)][:MAX_TERMS]
    for language in languages:
        stops = stop_words(language)
        kept = [word for word in words if word[1] not in stops] or words
        if kept:
            keys = [(before + language, word) for before, word in kept]
            np.maximum(best, _share(postings, keys, size=size), out=best)
    return best


def _written(token: Token) -> tuple[str, str]:
    """Return a word folded, and what comes before its language in the vocabulary; one typed with
    accents as it is: "niño" is not "nino".
    """
    folded, lower = fold(token.surface), normal(token.surface).lower()
    return (WRITTEN, lower) if lower != folded and folded.isalpha() else ("", folded)


def _share(postings: Postings, wanted: Sequence[tuple[str, str]], *, size: int) -> Floats:
    """Return the share of (language, term) keys in each document."""
    rows = [docs for key in wanted if len(docs := postings.find(*key)[0])]
    if not rows:
        return _nothing(size)
    held = np.bincount(np.concatenate(rows), minlength=size)
    return held.astype(np.float32) / np.float32(len(wanted))


# -- Keyword scores and coverage --


Row = tuple[Ordinals, Values]
# A word of a script without spaces has about two characters, each of them in two pairs.
PAIRS_A_WORD = 2.0


@dataclass(frozen=True, slots=True)
class Part:
    """A word, or a pair of characters, asked for in a language: the `terms` of which one must be
    there, the articles that have it, ascending, and its information.
    """

    language: str
    terms: tuple[str, ...]
    held: Ordinals
    information: float


@dataclass(frozen=True, slots=True)
class KeywordScores:
    """Scores (n,), and the share in [0, 1] of the query's information (by idf) in each document;
    `absent` is the share that no document has. `parts` are what was asked for.
    """

    scores: Floats
    coverage: Floats
    absent: float
    parts: tuple[Part, ...]


def match(postings: Postings, requests: Sequence[Request], *, size: int) -> KeywordScores:
    """Return keyword scores of `size` documents for a query as understood in each language."""
    found = [_found(postings, request) for request in requests]
    parts = [
        list(_parts(postings, request, rows, size=size))
        for request, rows in zip(requests, found, strict=True)
    ]
    coverage = [_covered(each, size=size) for each in parts]
    return KeywordScores(
        summed([row for rows in found for row in rows], size=size),
        coverage[0] if len(coverage) == 1 else np.max([_nothing(size), *coverage], axis=0),
        min((_missing(each) for each in parts), default=1.0),
        tuple(part for each in parts for part in each),
    )


def scores(postings: Postings, requests: Sequence[Request], *, size: int) -> Floats:
    """Return only the scores of `match`."""
    return summed([row for request in requests for row in _found(postings, request)], size=size)


def _found(postings: Postings, request: Request) -> list[Row]:
    return [_best(postings, request.language, sought=sought) for sought in request.sought]


def _parts(
    postings: Postings, request: Request, found: Sequence[Row], *, size: int
) -> Iterator[Part]:
    """Yield what was asked for, not what was added to the query (joined spellings, other names); of
    a text without spaces each pair of characters, whose information adds up to that of words.
    """
    language = request.language
    for sought, (docs, _) in zip(request.sought, found, strict=True):
        if not sought.asked:
            continue
        for pair in sought.pairs:
            held = postings.find(language, pair)[0]
            told = information(len(held), sought, size=size) / PAIRS_A_WORD
            yield Part(language, (pair,), held, told)
        if not sought.pairs:
            terms = sought.telling or tuple(sought.alternatives)
            if sought.telling:
                docs = _joined([postings.find(language, term)[0] for term in terms])
            yield Part(language, terms, docs, information(len(docs), sought, size=size))


def _covered(parts: Sequence[Part], *, size: int) -> Floats:
    """Return the share of the query's information in each document."""
    rows = [(p.held, np.full(len(p.held), p.information, np.float32)) for p in parts]
    return summed(rows, size=size) / np.float32(sum(p.information for p in parts) or 1.0)


def _missing(parts: Sequence[Part]) -> float:
    """Return the share of the query's information that no document has."""
    mass = sum(part.information for part in parts)
    return sum(p.information for p in parts if not len(p.held)) / mass if mass else 1.0


def spoken(
    passages: Postings, parts: Sequence[Part], *, language: str, article: int, span: range
) -> float:
    """Return the share of the query's information in the passage of an article, which is in
    `language`, that has the most of it, with what the article says outside its passages (keywords,
    answered questions). `span` are the numbers of its passages.
    """
    within, mass, outside = np.zeros(max(1, len(span))), 0.0, 0.0
    for part in parts:
        if part.language != language:
            continue
        mass += part.information
        if _has(part.held, article):
            here = _inside(passages, part, span=span)
            if len(here):
                within[here] += part.information
            else:
                outside += part.information
    return float(within.max() + outside) / mass if mass else 0.0


def _has(ascending: Ordinals, number: int) -> bool:
    at = int(ascending.searchsorted(number))
    return at < len(ascending) and int(ascending[at]) == number


def _inside(postings: Postings, part: Part, *, span: range) -> npt.NDArray[np.int64]:
    """Return which passages of a span have a part, numbered from its first."""
    found = set[int]()
    for term in part.terms:
        docs = postings.find(part.language, term)[0]
        first, last = docs.searchsorted([span.start, span.stop])
        found.update((docs[first:last] - span.start).tolist())
    return np.array(sorted(found), np.int64)


def _joined(rows: Sequence[Ordinals]) -> Ordinals:
    return rows[0] if len(rows) == 1 else np.unique(np.concatenate(rows))


def _nothing(size: int) -> Floats:
    return np.zeros(size, np.float32)


def summed(rows: Sequence[Row], *, size: int) -> Floats:
    """Return the sum of the values at each document."""
    if not rows:
        return _nothing(size)
    docs, values = (np.concatenate(column) for column in zip(*rows, strict=True))
    return np.bincount(docs, values, minlength=size).astype(np.float32)


def information(df: int, sought: Sought, *, size: int) -> float:
    """Return the information in one thing asked for: BM25's idf of `df` documents in `size`,
    weighted.
    """
    return float(np.log(1 + (size - df + 0.5) / (df + 0.5))) * max(sought.alternatives.values())


def _best(postings: Postings, language: str, *, sought: Sought) -> Row:
    """Return the documents that contain one thing asked for, each once, with its value there."""
    weights = sought.alternatives.values()
    rows = [
        (docs, values if weight == 1 else weight * values)
        for term, weight in sought.alternatives.items()
        for docs, values in [postings.find(language, term)]
        if len(docs)
    ]
    if len(rows) == 1:
        return rows[0]
    if not rows:
        return postings.find(language, "")
    docs = np.sort(np.concatenate([found for found, _ in rows]))
    docs = docs[np.flatnonzero(np.diff(docs, prepend=-1))]
    best = np.zeros(len(docs), np.float32)
    parts = len(weights) > 1 and max(weights) < 1
    for found, values in rows:
        at = np.searchsorted(docs, found)
        if parts:  # the parts of a compound add up
            best[at] += values
        else:
            best[at] = np.maximum(best[at], values)
    return docs, best


def held(
    postings: Postings, requests: Sequence[Request], *, size: int
) -> Mapping[str, npt.NDArray[np.bool_]]:
    """Return for each identifier in the query which articles contain it.

    Looser forms (a number without letters) count only when no article has the exact one.
    """
    found: dict[str, npt.NDArray[np.bool_]] = {}
    for request in requests:
        for identifier in request.identifiers:
            row = found.setdefault(identifier.surface, np.zeros(size, bool))
            row |= _holds(postings, request.language, terms=identifier.exact, size=size)
    for request in requests:
        for identifier in request.identifiers:
            _loosen(found, postings, identifier, language=request.language)
    return found


def _loosen(
    found: dict[str, npt.NDArray[np.bool_]],
    postings: Postings,
    identifier: Identifier,
    *,
    language: str,
) -> None:
    row = found[identifier.surface]
    if not row.any():
        found[identifier.surface] = row | _holds(
            postings, language, terms=identifier.loose, size=len(row)
        )


def _holds(
    postings: Postings, language: str, *, terms: Sequence[str], size: int
) -> npt.NDArray[np.bool_]:
    row = np.zeros(size, bool)
    for term in terms:
        row[postings.find(language, term)[0]] = True
    return row
