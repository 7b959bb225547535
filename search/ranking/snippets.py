"""Makes hits from a ranking: the section that answers best and a snippet of it.

Everything from the article is escaped and `<mark>` is the only markup.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from html import escape

import numpy as np
import numpy.typing as npt

from search.index.opened import Generation
from search.ranking.hybrid import Ranking
from search.text.analysis import CODE, fold, is_pair, spellings
from search.text.passages import Passage
from search.text.query import STOP_WEIGHT
from search.text.tokens import Token, tokens_beginning
from search.types import Hit

# -- Snippets --


TARGET = 230
LONGEST = 260
# How many starting points of a snippet are tried.
MOST_WINDOWS = 40
# A word shares its first two letters with its stem, and three if the stem is at least this long.
LONG_STEM = 5
Found = tuple[Token, tuple[str, ...]]


def snippet(text: str, wanted: Collection[str], *, language: str) -> str:
    """Return the part of `text` (at most about 260 characters) richest in wanted terms, as HTML."""
    flat = " ".join(text.split())
    found = _found(flat, frozenset(wanted), language=language)
    start, end = _window(flat, found)
    body = _marked(flat, found, span=(start, end))
    return ("… " if start else "") + body + (" …" if end < len(flat) else "")


def _found(text: str, wanted: frozenset[str], *, language: str) -> list[Found]:
    """Return the tokens that are wanted, each with its terms."""
    stems = (term.lstrip(CODE) for term in wanted)
    initials = frozenset(stem[: 3 if len(stem) >= LONG_STEM else 2] for stem in stems)
    every = (
        (token, spellings(token.surface, language)) for token in tokens_beginning(text, initials)
    )
    return [
        part
        for token, terms in every
        if not wanted.isdisjoint(terms)
        for part in _runs(token, terms, wanted)
    ]


def _runs(token: Token, terms: tuple[str, ...], wanted: frozenset[str]) -> Iterator[Found]:
    """Yield the token, or of a text without spaces the runs of characters whose pairs are wanted: a
    single shared character is no match.
    """
    if token.surface.isascii() or not any(map(is_pair, terms)):
        yield token, terms
        return
    folded = fold(token.surface)
    if len(folded) != len(token.surface):
        yield token, tuple(term for term in terms if term in wanted)
        return
    start = end = -1
    for at in range(len(folded)):
        held = folded[at : at + 2] in wanted and is_pair(folded[at : at + 2])
        if held and at > end:
            if end > start:
                yield _piece(token, start, end)
            start = at
        if held:
            end = at + 2
    if end > start:
        yield _piece(token, start, end)


def _piece(token: Token, start: int, end: int) -> Found:
    surface = token.surface[start:end]
    return Token(surface, token.start + start, token.start + end), (surface,)


def _window(text: str, found: Sequence[Found]) -> tuple[int, int]:
    """Return the span with the most different words, the earliest if several are equal."""
    if len(text) <= LONGEST:
        return 0, len(text)
    starts, ends = [token.start for token, _ in found], [token.end for token, _ in found]
    best, score = 0, -1.0
    for at in starts[:MOST_WINDOWS]:
        start = _start(text, at)
        inside = found[bisect_left(starts, start) : bisect_right(ends, start + TARGET)]
        worth = len({terms for _, terms in inside}) + 0.01 * len(inside)
        if worth > score:
            best, score = start, worth
    return best, _end(text, best)


def _start(text: str, at: int) -> int:
    """Return a start, of a sentence or a word, that leaves some words before `at`."""
    earliest = max(0, min(at - 60, len(text) - TARGET))
    if earliest == 0:
        return 0
    sentence = max(text.rfind(mark, earliest, at) for mark in (". ", "? ", "! ", "。"))
    if sentence > 0:
        return sentence + (1 if text[sentence] == "。" else 2)
    space = text.find(" ", earliest, at)
    return space + 1 if space >= 0 else earliest


def _end(text: str, start: int) -> int:
    if len(text) <= start + LONGEST:
        return len(text)
    space = text.rfind(" ", start + TARGET // 2, start + TARGET)
    return space if space > 0 else start + TARGET


def _marked(text: str, found: Sequence[Found], *, span: tuple[int, int]) -> str:
    start, end = span
    pieces, at = [], start
    for token, _ in found:
        if token.start < at or token.end > end:
            continue
        pieces += [escape(text[at : token.start]), f"<mark>{escape(token.surface)}</mark>"]
        at = token.end
    return "".join([*pieces, escape(text[at:end])]).strip()


# -- Hits --


# Sections of a KCS article that say where and why, not what to do: chosen only when they score
# clearly higher.
ASIDES = frozenset({"cause", "environment", "causa", "entorno"})
ASIDE = 0.6
Numbers = npt.NDArray[np.int64]


def hits_of(
    generation: Generation, ranking: Ranking, numbers: Numbers, every: Numbers
) -> tuple[Hit, ...]:
    """Return a hit for each article number, in the given order; `every` also has the duplicates."""
    wanted = {language: _wanted(ranking, language) for language in generation.manifest.languages}
    return tuple(
        _hit(generation, ranking, number, wanted, _duplicates(generation, number, every))
        for number in numbers.tolist()
    )


def _duplicates(generation: Generation, number: int, every: Numbers) -> tuple[str, ...]:
    if not generation.repetitive:
        return ()
    alike = every[generation.alike[every] == generation.alike[number]]
    return tuple(generation.documents.ids[other] for other in alike.tolist() if other != number)


def _hit(
    generation: Generation,
    ranking: Ranking,
    number: int,
    wanted: Mapping[str, frozenset[str]],
    duplicates: tuple[str, ...],
) -> Hit:
    document, signals = generation.documents[number], ranking.signals
    passage = _best_passage(generation, ranking, number)
    text, anchor, heading = document.summary, "", ""
    if passage is not None:
        section = document.sections[passage.section]
        text, anchor, heading = _around(section.text, passage), section.anchor, section.heading
    return Hit(
        id=document.id,
        score=float(ranking.fused[number]),
        anchor=anchor,
        heading=heading,
        snippet=snippet(text, wanted[document.language], language=document.language),
        parts={
            "keyword": float(signals.keyword[number]),
            "semantic": float(signals.cosines[number]),
            "exact": float(max(signals.exact[number], signals.title[number])),
            "weight": ranking.weight,
        },
        duplicates=duplicates,
    )


def _best_passage(generation: Generation, ranking: Ranking, number: int) -> Passage | None:
    starts, signals = generation.passage_starts, ranking.signals
    first, last = int(starts[number]), int(starts[number + 1])
    if first == last:
        return None
    words = signals.passage_keyword[first:last].tolist()
    near = signals.passage_cosines[first:last].tolist()
    most, weight, best = max(words) or 1.0, ranking.weight, (-1.0, first)
    named = _with_codes(generation, ranking, number, range(first, last))
    for at, (word, cosine) in enumerate(zip(words, near, strict=True), first):
        score = (1 - weight) * word / most + weight * cosine + (at in named)
        if score > best[0] and _aside(generation, at):
            score *= ASIDE
        if score > best[0]:
            best = score, at
    return _passage(generation, best[1])


def _with_codes(
    generation: Generation, ranking: Ranking, number: int, span: range
) -> frozenset[int]:
    """Return the passages of an article that have a code of the query."""
    requests = [r for r in ranking.signals.requests if r.identifiers]
    language = generation.documents[number].language if requests else ""
    found = set[int]()
    for request in requests:
        if request.language == language:
            for term in (term for one in request.identifiers for term in one.exact):
                docs = generation.passage_terms.find(language, term)[0]
                start, end = docs.searchsorted([span.start, span.stop])
                found.update(docs[start:end].tolist())
    return frozenset(found)


def _passage(generation: Generation, at: int) -> Passage:
    return Passage(*generation.passages[at].tolist())


def _aside(generation: Generation, at: int) -> bool:
    """Return whether a passage only surrounds the answer, by its section's heading."""
    passage = _passage(generation, at)
    section = generation.documents[passage.document].sections[passage.section]
    return bool(section.path) and section.path[0].casefold() in ASIDES


def _around(text: str, passage: Passage) -> str:
    return text[passage.start : passage.end]


def _wanted(ranking: Ranking, language: str) -> frozenset[str]:
    """Return the terms to mark: what was asked for, without words such as "how" and "my"; of a code
    the whole, so that no other one is marked.
    """
    requests = [r for r in ranking.signals.requests if r.language == language]
    wanted = set[str]()
    for one in (sought for request in requests for sought in request.sought):
        named = [term for term, weight in one.alternatives.items() if weight > STOP_WEIGHT]
        wanted.update(one.telling or one.pairs or named)
    return frozenset(wanted)
