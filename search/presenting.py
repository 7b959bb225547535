"""Hits from a ranking: the section that answers and its snippet.

Promises that a hit points into an article that the ranking contains. Knows no page: ids, anchors
and escaped text only.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from search.opened import Generation
from search.passages import Passage
from search.ranking import Ranking
from search.snippets import snippet
from search.types import Hit


def hits_of(generation: Generation, ranking: Ranking, numbers: Iterable[int]) -> tuple[Hit, ...]:
    """Return a hit for each article number, in the given order."""
    return tuple(_hit(generation, ranking, int(number)) for number in numbers)


def _hit(generation: Generation, ranking: Ranking, number: int) -> Hit:
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
        snippet=snippet(text, _wanted(ranking, document.language), language=document.language),
        parts={
            "keyword": float(signals.keyword[number]),
            "semantic": float(signals.cosines[number]),
            "exact": float(max(signals.exact[number], signals.title[number])),
            "weight": ranking.weight,
        },
    )


def _best_passage(generation: Generation, ranking: Ranking, number: int) -> Passage | None:
    owners, signals = generation.passage_documents, ranking.signals
    first, last = np.searchsorted(owners, [number, number + 1])
    if first == last:
        return None
    words = signals.passage_keyword[first:last]
    best = float(words.max(initial=0.0))
    scores = (words / best if best else words) * (1 - ranking.weight)
    scores = scores + ranking.weight * signals.passage_cosines[first:last]
    return generation.passages[int(first) + int(np.argmax(scores))]


def _around(text: str, passage: Passage) -> str:
    return text[passage.start : passage.end]


def _wanted(ranking: Ranking, language: str) -> frozenset[str]:
    requests = [r for r in ranking.signals.requests if r.language == language]
    return frozenset(t for r in requests for s in r.sought for t in s.alternatives)
