"""When a search that failed is answered; pure.

Promises that nobody is told of what they were shown already: an answer is a text that came after
the search. Knows no engine and no database.

A letter claims more than a list of results, so it asks for more than the engine's floor. With these
three numbers 83 of 114 questions were answered by the right article and none by another
(docs/benchmarks.md, `replaying`); with the floor alone, nine were by another.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from kb.analytics.model import Failure
from kb.gaps.answers.parts import Since
from search.types import Results

SURE = 0.9  # estimated probability that a hit answers
LEAD = 0.1  # fused score before the best article that was there already
RISE = 0.1  # of the probability, where the same article was shown then
LOOKED_AT = 5  # hits compared
_NOT_FOUND = frozenset({Failure.ZERO.value, Failure.WEAK.value})


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked again once for all who asked it: the words, and as whom."""

    words_key: str
    language: str
    audience: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One search that failed: `failure` is its class, `shown` the articles it showed then with
    `confidence`. It was asked last of what was live at `asked_at`. `id` is a search's, or a
    subscription's when `by_subscription`.
    """

    id: str
    at: datetime
    words: str
    question: Question
    failure: str
    asked_at: datetime
    shown: tuple[str, ...] = ()
    confidence: float = 0.0
    visitor: str = ""
    by_subscription: bool = False


def answer(asked: Asked, found: Results, live: Mapping[str, Since]) -> str:
    """Return the slug of the article that answers now and could not then, "" where none does."""
    then = asked.at.timestamp()
    newer = {hit.id for hit in found.hits if hit.id in live and live[hit.id].latest > then}
    if not (slug := sure(found, newer)):
        return ""
    first, times = found.hits[0], live[slug]
    if times.answering(first.anchor) <= then:
        return ""
    if slug in asked.shown and not _better(asked, found, times.section(first.anchor) > then):
        return ""
    return slug


def sure(found: Results, newer: Collection[str]) -> str:
    """Return the article of `newer` ones that answers for certain: first, believed, and well before
    every other; "" where none does.
    """
    if not found.hits or not found.answerable or found.confidence < SURE:
        return ""
    first = found.hits[0]
    rival = next((hit for hit in found.hits[1:] if hit.id not in newer), None)
    clear = rival is None or first.score - rival.score >= LEAD
    return first.id if clear and first.id in newer else ""


def _better(asked: Asked, found: Results, rewritten: bool) -> bool:
    """Whether an article that was shown then answers otherwise now: found well where it was found
    badly, or rewritten where it was seen and did not help.
    """
    if asked.failure in _NOT_FOUND:
        return found.confidence >= asked.confidence + RISE
    return rewritten
