"""Hits from a ranking: the section that answers and its snippet.

Promises that a hit points into an article that the ranking contains. Knows no page: ids, anchors
and escaped text only.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from search.opened import Generation
from search.passages import Passage
from search.querying import STOP_WEIGHT
from search.ranking import Ranking
from search.snippets import snippet
from search.types import Hit

# Sections of the KCS article shape that say where and why, not what to do: shown as the section
# that answers only when they say clearly more.
ASIDES = frozenset({"cause", "environment", "causa", "entorno"})
ASIDE = 0.6
Numbers = npt.NDArray[np.int64]


def hits_of(
    generation: Generation, ranking: Ranking, numbers: Numbers, every: Numbers
) -> tuple[Hit, ...]:
    """Return a hit for each article number, in the given order; `every` holds those that say the
    same too.
    """
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
    for at, (word, cosine) in enumerate(zip(words, near, strict=True), first):
        score = (1 - weight) * word / most + weight * cosine
        if score > best[0] and _aside(generation, at):
            score *= ASIDE
        if score > best[0]:
            best = score, at
    return _passage(generation, best[1])


def _passage(generation: Generation, at: int) -> Passage:
    return Passage(*generation.passages[at].tolist())


def _aside(generation: Generation, at: int) -> bool:
    """Return whether a passage only surrounds the answer, as its section's heading says."""
    passage = _passage(generation, at)
    section = generation.documents[passage.document].sections[passage.section]
    return bool(section.path) and section.path[0].casefold() in ASIDES


def _around(text: str, passage: Passage) -> str:
    return text[passage.start : passage.end]


def _wanted(ranking: Ranking, language: str) -> frozenset[str]:
    """Return the terms to mark: what was asked for, without words such as "how" and "my"."""
    requests = [r for r in ranking.signals.requests if r.language == language]
    weighed = [pair for r in requests for s in r.sought for pair in s.alternatives.items()]
    return frozenset(term for term, weight in weighed if weight > STOP_WEIGHT)
