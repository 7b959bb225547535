"""Makes hits from a ranking: the section that answers best and a snippet of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search.index.opened import Generation
from search.index.postings import Ordinals
from search.ranking.excerpts import Wanted, excerpt
from search.ranking.hybrid import Ranking
from search.text.passages import Passage
from search.text.query import STOP_WEIGHT
from search.text.shape import STEP, line_shapes
from search.types import Document, Hit, Section

# Sections of a KCS article that say where and why, not what to do: chosen only when they score
# clearly higher.
ASIDES = frozenset({"cause", "environment", "causa", "entorno"})
ASIDE = 0.6
# What a word counts that was added to the query; of the others the information does.
ADDED = 0.5
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a query asks of the articles in one language: what is marked, the passages with each of
    its codes, ascending, and the numbers of steps.
    """

    wanted: Wanted
    coded: tuple[Ordinals, ...]
    steps: frozenset[int]


def hits_of(
    generation: Generation, ranking: Ranking, numbers: Numbers, every: Numbers
) -> tuple[Hit, ...]:
    """Return a hit for each article number, in the given order; `every` also has the duplicates."""
    asked: dict[str, _Asked] = {}
    hits = []
    for number in numbers.tolist():
        document = generation.documents[number]
        if (of := asked.get(document.language)) is None:
            of = asked[document.language] = _asked(generation, ranking, document.language)
        duplicates = _duplicates(generation, number, every)
        hits.append(_hit(generation, ranking, number, document=document, of=of, others=duplicates))
    return tuple(hits)


def _duplicates(generation: Generation, number: int, every: Numbers) -> tuple[str, ...]:
    if not generation.repetitive:
        return ()
    alike = every[generation.alike[every] == generation.alike[number]]
    return tuple(generation.documents.ids[other] for other in alike.tolist() if other != number)


def _hit(
    generation: Generation,
    ranking: Ranking,
    number: int,
    *,
    document: Document,
    of: _Asked,
    others: tuple[str, ...],
) -> Hit:
    signals = ranking.signals
    passage = _best_passage(generation, ranking, number, document=document, of=of)
    if passage is not None:
        section, start, end = document.sections[passage.section], passage.start, passage.end
    else:
        section, start, end = Section("", (), document.summary), 0, len(document.summary)
    shown = excerpt(section, start, end, of.wanted, language=document.language)
    return Hit(
        id=document.id,
        score=float(ranking.fused[number]),
        anchor=section.anchor,
        heading=section.heading,
        snippet=shown.html,
        blocks=shown.blocks,
        parts={
            "keyword": float(signals.keyword[number]),
            "semantic": float(signals.cosines[number]),
            "exact": float(max(signals.exact[number], signals.title[number])),
            "weight": ranking.weight,
        },
        duplicates=others,
    )


def _best_passage(
    generation: Generation, ranking: Ranking, number: int, *, document: Document, of: _Asked
) -> Passage | None:
    starts, signals = generation.passage_starts, ranking.signals
    first, last = int(starts[number]), int(starts[number + 1])
    rows = generation.passages[first:last].tolist()
    if len(rows) < 2:
        return Passage(*rows[0]) if rows else None
    words = signals.passage_keyword[first:last].tolist()
    near = signals.passage_cosines[first:last].tolist()
    most, weight, score_of_best, best = max(words) or 1.0, ranking.weight, -1.0, rows[0]
    named = _with_codes(of.coded, first, last) if of.coded else frozenset()
    for at, (word, cosine, row) in enumerate(zip(words, near, rows, strict=True), first):
        score = (1 - weight) * word / most + weight * cosine + (at in named)
        if of.steps and _has_step(document, Passage(*row), of.steps):
            score += 1
        if score > score_of_best:
            path = document.sections[row[1]].path
            if path and path[0].casefold() in ASIDES:
                score *= ASIDE
        if score > score_of_best:
            score_of_best, best = score, row
    return Passage(*best)


def _has_step(document: Document, passage: Passage, numbers: frozenset[int]) -> bool:
    """Return whether a passage has a step of one of these numbers."""
    section = document.sections[passage.section]
    shapes = line_shapes(section.shape)
    first = section.text.count("\n", 0, passage.start)
    end = first + section.text.count("\n", passage.start, passage.end) + 1
    return any(one.kind == STEP and one.number in numbers for one in shapes[first:end])


def _with_codes(coded: Sequence[Ordinals], first: int, last: int) -> frozenset[int]:
    """Return the passages from `first` to before `last` that have a code of the query."""
    found = set[int]()
    for docs in coded:
        start, end = docs.searchsorted([first, last])
        found.update(docs[start:end].tolist())
    return frozenset(found)


def _asked(generation: Generation, ranking: Ranking, language: str) -> _Asked:
    requests = [r for r in ranking.signals.requests if r.language == language]
    codes = [code for r in requests for one in r.identifiers for code in one.exact]
    coded = (generation.passage_terms.find(language, code)[0] for code in codes)
    small = {one for request in requests for one in request.numbered if one.is_step}
    steps = frozenset(int(one.number) for one in small)
    return _Asked(_wanted(ranking, language), tuple(d for d in coded if len(d)), steps)


def _wanted(ranking: Ranking, language: str) -> Wanted:
    """Return what to mark: what was asked for, without words such as "how" and "my"; of a code the
    whole, so that no other one is marked.
    """
    signals = ranking.signals
    told = {t: p.information for p in signals.parts if p.language == language for t in p.terms}
    requests = [request for request in signals.requests if request.language == language]
    terms, weights = dict[str, int](), list[float]()
    for one in (sought for request in requests for sought in request.sought):
        named = [term for term, weight in one.alternatives.items() if weight > STOP_WEIGHT]
        kept = one.telling or tuple(named)
        for group in [[pair] for pair in one.pairs] or [list(kept)]:
            if fresh := [term for term in group if term not in terms]:
                terms |= dict.fromkeys(fresh, len(weights))
                weights.append(max(told.get(term, ADDED) for term in group))
    small = tuple(one for request in requests for one in request.numbered)
    return Wanted(terms, tuple(weights), small)
