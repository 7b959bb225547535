"""Makes hits from a ranking: the section that answers best and a snippet of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from search.index.opened import Generation
from search.ranking.excerpts import Wanted, excerpt
from search.ranking.hybrid import Ranking
from search.text.passages import Passage
from search.text.query import STOP_WEIGHT
from search.types import Hit, Section

# Sections of a KCS article that say where and why, not what to do: chosen only when they score
# clearly higher.
ASIDES = frozenset({"cause", "environment", "causa", "entorno"})
ASIDE = 0.6
# What a word counts that was added to the query; of the others the information does.
ADDED = 0.5
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
    wanted: Mapping[str, Wanted],
    duplicates: tuple[str, ...],
) -> Hit:
    document, signals = generation.documents[number], ranking.signals
    passage = _best_passage(generation, ranking, number)
    section, start, end = Section("", (), document.summary), 0, len(document.summary)
    if passage is not None:
        section, start, end = document.sections[passage.section], passage.start, passage.end
    shown = excerpt(section, start, end, wanted[document.language], language=document.language)
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
        for group in [(pair,) for pair in one.pairs] or [kept]:
            if fresh := [term for term in group if term not in terms]:
                terms |= dict.fromkeys(fresh, len(weights))
                weights.append(max(told.get(term, ADDED) for term in group))
    small = tuple(one for request in requests for one in request.numbered)
    return Wanted(terms, tuple(weights), small)
