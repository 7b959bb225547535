"""Why a failed search failed: the first of seven causes that holds.

Promises one cause for every search from the same facts, with what shows it. Pure; thresholds are
explained in docs/gaps.md.

What tells wording from a true gap is the estimated chance that an article answers. That estimate
assumes that OUTSIDE of all searches have no answer (`search.confidence`). Of failed searches more
have none; taken as even odds, an article answers where the estimate is 1 - OUTSIDE or more: the
same evidence, another prior (Bayes).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rapidfuzz.distance import OSA

from kb.gaps.facts import Best, Diagnosis, Facts, Kind, Look
from kb.gaps.gap import Cause
from kb.tracking.query_text import folded
from search.confidence import OUTSIDE

ANSWERS = 1 - OUTSIDE
SEEN = 3  # places that people look at; what comes later was not offered to them
BETTER = 0.1  # by how much a hidden article must beat what the person got
# Cosine from which an article in another language is about the same thing, with the bundled model.
ACROSS = 0.35
HOLDS = 0.5  # share of the query's information from which the words themselves are there
SHORTEST = 3  # letters; of shorter words any two are one letter apart
OUT_OF_DATE = "out-of-date"  # the reason that readers give

Rule = Callable[[Facts], Diagnosis | None]


def diagnose(facts: Facts) -> Diagnosis:
    """Return the first cause that holds; a true gap when none does."""
    for rule in RULES:
        found = rule(facts)
        if found is not None:
            return found
    return Diagnosis(Cause.TRUE_GAP, "", _shown(facts.own))


def _typo(facts: Facts) -> Diagnosis | None:
    """Another spelling finds the answer, or the person found it by one."""
    own, typed, best = facts.own, facts.typed, facts.own.best
    if typed is not None and best and _may(facts, best):
        sure = own.confidence >= ANSWERS
        worse = typed.confidence + BETTER <= own.confidence or typed.rank(best.slug) != 1
        if sure and worse:
            told = _shown(own) | {"spelling": own.text, "as_typed": round(typed.confidence, 4)}
            return Diagnosis(Cause.TYPO, best.slug, told)
    later = facts.aftermath.later
    if facts.found and later and _same_but_spelling(facts.words, later):
        told = {"spelling": later, "how": facts.aftermath.how}
        return Diagnosis(Cause.TYPO, facts.found.slug, told)
    return None


def _same_but_spelling(words: str, later: str) -> bool:
    """Return whether two wordings differ in one word, and that by one or two letters."""
    one, other = folded(words).split(), folded(later).split()
    differing = [pair for pair in zip(one, other, strict=False) if pair[0] != pair[1]]
    if len(one) != len(other) or len(differing) != 1:
        return False
    [(wrong, right)] = differing
    if min(len(wrong), len(right)) < SHORTEST:
        return False
    return OSA.distance(wrong, right) <= (1 if len(right) < 6 else 2)


def _closed(facts: Facts) -> Diagnosis | None:
    return _hidden(facts, facts.closed, Kind.CLOSED, Cause.NOT_PERMITTED)


def _draft(facts: Facts) -> Diagnosis | None:
    """An article is written and not shown, or shown and called out of date by who read it."""
    found = _hidden(facts, facts.unpublished, Kind.UNPUBLISHED, Cause.DRAFT)
    if found is not None:
        return found
    for slug, reason in facts.aftermath.refuted.items():
        best = facts.own.best
        overdue = best is not None and best.slug == slug and best.overdue
        if reason == OUT_OF_DATE or (overdue and facts.own.confidence >= facts.own.floor):
            return Diagnosis(Cause.DRAFT, slug, {"reason": reason, "overdue": overdue})
    return None


def _hidden(facts: Facts, look: Look | None, kind: Kind, cause: Cause) -> Diagnosis | None:
    """Return the cause where what the person could not see answers better than what they saw."""
    if facts.found is not None and facts.found.kind is kind:
        return Diagnosis(cause, facts.found.slug, {"how": facts.aftermath.how})
    if facts.found is not None or look is None or look.best is None or look.best.kind is not kind:
        return None
    sure = look.confidence >= ANSWERS
    better = look.confidence >= facts.own.confidence + BETTER or _nearer(look.best, facts.own.best)
    if sure and better:
        told = _shown(look) | {"own": round(facts.own.confidence, 4)}
        return Diagnosis(cause, look.best.slug, told)
    return None


def _nearer(best: Best, other: Best | None) -> bool:
    if other is None:
        return True
    return best.cosine >= other.cosine + BETTER or best.coverage >= other.coverage + BETTER


def _language(facts: Facts) -> Diagnosis | None:
    """The article that answers is in another language than the words."""
    wider = facts.unfiltered
    if wider and wider.best and wider.confidence >= max(wider.floor, facts.own.confidence + BETTER):
        return Diagnosis(Cause.LANGUAGE, wider.best.slug, _shown(wider) | {"filtered": True})
    best = facts.found or facts.own.best
    if best is None or not facts.language or best.language == facts.language:
        return None
    if facts.found is not None or best.cosine >= ACROSS or best.coverage >= HOLDS:
        told = _shown(facts.own) | {"asked": facts.language, "language": best.language}
        return Diagnosis(Cause.LANGUAGE, best.slug, told)
    return None


def _low(facts: Facts) -> Diagnosis | None:
    """The article that answered in the end is found by these words, too far down."""
    if facts.found is None:
        return None
    rank = facts.own.rank(facts.found.slug)
    if rank > SEEN:
        told = _shown(facts.own) | {"rank": rank, "how": facts.aftermath.how}
        return Diagnosis(Cause.RANKS_LOW, facts.found.slug, told)
    return None


def _wording(facts: Facts) -> Diagnosis | None:
    """An article answers it, and its words are not those that people used."""
    if facts.found is not None:
        told = _shown(facts.own) | {"how": facts.aftermath.how, "later": facts.aftermath.later}
        return Diagnosis(Cause.WORDING, facts.found.slug, told)
    best = facts.own.best
    if best is not None and facts.own.confidence >= ANSWERS and _may(facts, best):
        return Diagnosis(Cause.WORDING, best.slug, _shown(facts.own))
    return None


def _may(facts: Facts, best: Best) -> bool:
    """Return whether the article can be the answer: nobody opened it in vain."""
    return best.slug not in facts.aftermath.refuted


RULES: tuple[Rule, ...] = (_closed, _draft, _typo, _language, _low, _wording)


def _shown(look: Look) -> dict[str, Any]:
    best = look.best
    told: dict[str, Any] = {"confidence": round(look.confidence, 4)}
    if best is not None:
        told |= {"cosine": round(best.cosine, 3), "coverage": round(best.coverage, 3)}
    return told


def odds(confidence: float) -> float:
    """Return the log odds that a failed search of that confidence is answered; even: 0."""
    bounded = min(max(confidence, 1e-4), 1 - 1e-4)
    return math.log(bounded / (1 - bounded)) - math.log(ANSWERS / (1 - ANSWERS))


def of_gap(found: Sequence[tuple[Diagnosis, int]]) -> tuple[Cause | None, Mapping[str, int]]:
    """Return the cause of a gap and the people by cause, from its questions' causes with the people
    who asked each; None of none.

    A cause of another kind that most people share is the gap's. Else the mean log odds of all
    questions decide between wording and a true gap: many weak signs make a strong one.
    """
    people: Counter[str] = Counter()
    for diagnosis, count in found:
        people[diagnosis.cause.value] += count
    if not people:
        return None, {}
    first = min(people, key=lambda each: (-people[each], each))
    plain = {Cause.WORDING.value, Cause.TRUE_GAP.value}
    if first not in plain and people[first] * 2 > people.total():
        return Cause(first), dict(people)
    return _by_odds(found, people), dict(people)


def _by_odds(found: Sequence[tuple[Diagnosis, int]], people: Mapping[str, int]) -> Cause:
    weighed = [
        (odds(float(each.evidence.get("own", each.evidence["confidence"]))), count)
        for each, count in found
        if "confidence" in each.evidence
    ]
    total = sum(count for _, count in weighed)
    mean = sum(value * count for value, count in weighed) / total if total else 0.0
    known = sum(people.get(cause.value, 0) for cause in Cause if cause is not Cause.TRUE_GAP)
    if mean < 0 and known * 2 <= sum(people.values()):
        return Cause.TRUE_GAP
    answered = {name: count for name, count in people.items() if name != Cause.TRUE_GAP.value}
    return Cause(min(answered, key=lambda each: (-answered[each], each), default="wording"))
