"""Diagnoses why a failed search failed: the first of seven causes that holds.

The same facts, and the same episodes in any order, give the same result. Synonyms are only returned
when `k` people or more replaced the one by the other. Thresholds are explained in docs/gaps.md.

What tells wording from a true gap is the estimated probability that an article answers. That
estimate assumes that the share OUTSIDE of all searches has no answer (`search.ranking.confidence`).
Of failed searches more have none; at even odds, an article answers where the estimate is 1 -
OUTSIDE or more: the same evidence, another prior (Bayes).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rapidfuzz.distance import OSA

from kb.analytics import episodes as analytics_episodes
from kb.analytics.model import Episode, Search
from kb.gaps.model import (
    AfterFailure,
    Best,
    Diagnosis,
    DiagnosisFacts,
    RootCause,
    SearchAttempt,
    Visibility,
)
from kb.tracking.events import EventKind
from kb.tracking.query_text import folded
from search.ranking.confidence import OUTSIDE
from search.text.analysis import stem, stop_words

# -- After a failed search --


# What a person says outweighs what an agent found, and that outweighs reading alone.
STRENGTH = {"said": 3, "ticket": 2, "read": 1}
LONGEST_TERM = 3  # words in one side of a synonym
FEW = 2  # readings from which an article that was only read counts as the answer


@dataclass(frozen=True, slots=True)
class Refined:
    """One person's reformulation: words that failed, and later words that led to an article."""

    visitor: str
    words: str
    later: str
    article: str
    language: str


@dataclass(frozen=True, slots=True)
class Synonym:
    """Words that `people` people replaced by `instead`, and then found what they needed."""

    words: str
    instead: str
    people: int
    language: str
    article: str


def after_failure(
    episodes: Iterable[Episode], searches: Collection[str], resolved: Mapping[str, str]
) -> AfterFailure:
    """Return what people did after these searches, in all episodes together.

    `resolved` maps a search to the article with which an agent resolved its ticket.
    """
    votes: Counter[str] = Counter()
    how: dict[str, str] = {}
    later: dict[str, Counter[str]] = {}
    refuted: dict[str, str] = {}
    for slug in resolved.values():
        _vote(votes, how, slug, "ticket")
    for episode in episodes:
        for search, after in _own(episode, searches):
            refuted |= _refuted(episode, search)
            for slug, way, words in _found(episode, search, after):
                _vote(votes, how, slug, way)
                later.setdefault(slug, Counter())[words] += 1
    slug = _best(votes, how)
    led = later.get(slug, Counter())
    words = min(led, key=lambda each: (-led[each], each), default="")
    opened = {name: why for name, why in refuted.items() if name != slug}
    return AfterFailure(slug, how.get(slug, ""), words, dict(sorted(opened.items())))


def _vote(votes: Counter[str], how: dict[str, str], slug: str, way: str) -> None:
    votes[slug] += STRENGTH[way]
    if STRENGTH[way] > STRENGTH.get(how.get(slug, ""), 0):
        how[slug] = way


def _best(votes: Mapping[str, int], how: Mapping[str, str]) -> str:
    """Return the article with most votes; one that was only read needs FEW readers."""
    ranked = sorted(votes, key=lambda slug: (-votes[slug], slug))
    believed = (slug for slug in ranked if how[slug] != "read" or votes[slug] >= FEW)
    return next(believed, "")


def _own(episode: Episode, searches: Collection[str]) -> list[tuple[Search, tuple[Search, ...]]]:
    """Return those of `searches` that are in the episode, each with the searches after it."""
    found = analytics_episodes.searches(episode)
    return [
        (search, found[at + 1 :])
        for at, search in enumerate(found)
        if any(each in searches for each in search.ids)
    ]


def _refuted(episode: Episode, search: Search) -> dict[str, str]:
    """Return the articles opened from the search that did not help, with the reason given."""
    found = {
        reading.article: ""
        for reading in analytics_episodes.readings(episode)
        if reading.search_id in search.ids
        and reading.seconds is not None
        and reading.seconds < analytics_episodes.READ_S
    }
    for slug, vote in analytics_episodes.votes(episode).items():
        if vote.search_id in search.ids and not analytics_episodes.is_helpful(vote):
            found[slug] = str(vote.data.get("reason", ""))
    return found


def _found(episode: Episode, search: Search, after: Sequence[Search]) -> list[tuple[str, str, str]]:
    """Return (article, how, words that led to it) of each article that helped after the search."""
    words = {each: one.words for one in (search, *after) for each in one.ids}
    said = {
        act.article: words.get(act.search_id or "", "")
        for act in analytics_episodes.approvals(episode)
        if act.article and act.at >= search.at
    }
    read = {
        reading.article: words.get(reading.search_id, "")
        for reading in analytics_episodes.useful_readings(episode)
        if reading.at >= search.at and reading.search_id not in search.ids
    }
    down = {
        slug
        for slug, vote in analytics_episodes.votes(episode).items()
        if not analytics_episodes.is_helpful(vote)
    }
    ways = [(slug, "read", by) for slug, by in read.items() if slug not in said]
    ways += [(slug, "said", by) for slug, by in said.items()]
    return [(slug, way, by) for slug, way, by in ways if slug not in down]


# -- synonyms -----------------------------------------------------------------------------------


def refinements(episodes: Iterable[Episode], searches: Collection[str]) -> list[Refined]:
    """Return the reformulations from one of these searches to words that worked."""
    ways = []
    for episode in episodes:
        if not episode.of(EventKind.SEARCH):
            continue
        for search, after in _own(episode, searches):
            for slug, _, words in _found(episode, search, after):
                if words and words != search.words:
                    ways.append(
                        Refined(episode.visitor, search.words, words, slug, search.language)
                    )
    return ways


def synonyms(ways: Iterable[Refined], *, k: int) -> tuple[Synonym, ...]:
    """Return words that `k` distinct people or more replaced by others on the way to one article,
    most people first.
    """
    people: dict[tuple[str, str, str, str], set[str]] = {}
    for way in ways:
        pair = _replaced(way.words, way.later, way.language or "en")
        if pair:
            people.setdefault((*pair, way.language or "en", way.article), set()).add(way.visitor)
    found = [
        Synonym(words, instead, len(who), language, article)
        for (words, instead, language, article), who in people.items()
        if len(who) >= k
    ]
    return tuple(sorted(found, key=lambda one: (-one.people, one.words, one.instead)))


def _replaced(words: str, later: str, language: str) -> tuple[str, str] | None:
    """Return the words that were replaced and those that replaced them; None where there are none,
    or too many for a synonym.
    """
    one, other = _telling(words, language), _telling(later, language)
    gone = [word for stemmed, word in one.items() if stemmed not in other]
    new = [word for stemmed, word in other.items() if stemmed not in one]
    if not gone or not new or max(len(gone), len(new)) > LONGEST_TERM:
        return None
    return " ".join(gone), " ".join(new)


def _telling(words: str, language: str) -> dict[str, str]:
    common = stop_words(language)
    return {stem(word, language): word for word in folded(words).split() if word not in common}


# -- Root causes --


ANSWERS = 1 - OUTSIDE
SEEN = 3  # hits that people look at; later ones count as not seen
BETTER = 0.1  # by how much a hidden article must beat what the person got
# Cosine from which an article in another language is about the same thing, with the bundled model.
ACROSS = 0.35
HOLDS = 0.5  # share of the query's information from which the words themselves are there
SHORTEST = 3  # letters; shorter words are too alike for one to be a misspelling
OUT_OF_DATE = "out-of-date"  # the reason that readers give

Rule = Callable[[DiagnosisFacts], Diagnosis | None]


def diagnose(facts: DiagnosisFacts) -> Diagnosis:
    """Return the first cause that holds; a true gap when none does."""
    for rule in RULES:
        found = rule(facts)
        if found is not None:
            return found
    return Diagnosis(RootCause.TRUE_GAP, "", _shown(facts.own))


def _typo(facts: DiagnosisFacts) -> Diagnosis | None:
    """Another spelling finds the answer, or led the person to it."""
    own, typed, best = facts.own, facts.typed, facts.own.best
    if typed is not None and best and _may(facts, best):
        sure = own.confidence >= ANSWERS
        worse = typed.confidence + BETTER <= own.confidence or typed.rank(best.slug) != 1
        if sure and worse:
            told = _shown(own) | {"spelling": own.text, "as_typed": round(typed.confidence, 4)}
            return Diagnosis(RootCause.TYPO, best.slug, told)
    later = facts.aftermath.later
    if facts.found and later and _same_but_spelling(facts.words, later):
        told = {"spelling": later, "how": facts.aftermath.how}
        return Diagnosis(RootCause.TYPO, facts.found.slug, told)
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


def _closed(facts: DiagnosisFacts) -> Diagnosis | None:
    return _hidden(facts, facts.closed, Visibility.CLOSED, RootCause.NOT_PERMITTED)


def _draft(facts: DiagnosisFacts) -> Diagnosis | None:
    """The article that answers is unpublished, or its readers called it out of date."""
    found = _hidden(facts, facts.unpublished, Visibility.UNPUBLISHED, RootCause.DRAFT)
    if found is not None:
        return found
    for slug, reason in facts.aftermath.refuted.items():
        best = facts.own.best
        overdue = best is not None and best.slug == slug and best.overdue
        if reason == OUT_OF_DATE or (overdue and facts.own.confidence >= facts.own.floor):
            return Diagnosis(RootCause.DRAFT, slug, {"reason": reason, "overdue": overdue})
    return None


def _hidden(
    facts: DiagnosisFacts, look: SearchAttempt | None, kind: Visibility, cause: RootCause
) -> Diagnosis | None:
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


def _language(facts: DiagnosisFacts) -> Diagnosis | None:
    """The article that answers is in another language than the words."""
    wider = facts.unfiltered
    if wider and wider.best and wider.confidence >= max(wider.floor, facts.own.confidence + BETTER):
        return Diagnosis(RootCause.LANGUAGE, wider.best.slug, _shown(wider) | {"filtered": True})
    best = facts.found or facts.own.best
    if best is None or not facts.language or best.language == facts.language:
        return None
    if facts.found is not None or best.cosine >= ACROSS or best.coverage >= HOLDS:
        told = _shown(facts.own) | {"asked": facts.language, "language": best.language}
        return Diagnosis(RootCause.LANGUAGE, best.slug, told)
    return None


def _low(facts: DiagnosisFacts) -> Diagnosis | None:
    """The article that answered in the end is a hit of these words, but too far down."""
    if facts.found is None:
        return None
    rank = facts.own.rank(facts.found.slug)
    if rank > SEEN:
        told = _shown(facts.own) | {"rank": rank, "how": facts.aftermath.how}
        return Diagnosis(RootCause.RANKS_LOW, facts.found.slug, told)
    return None


def _wording(facts: DiagnosisFacts) -> Diagnosis | None:
    """An article answers, but in other words than people used."""
    if facts.found is not None:
        told = _shown(facts.own) | {"how": facts.aftermath.how, "later": facts.aftermath.later}
        return Diagnosis(RootCause.WORDING, facts.found.slug, told)
    best = facts.own.best
    if best is not None and facts.own.confidence >= ANSWERS and _may(facts, best):
        return Diagnosis(RootCause.WORDING, best.slug, _shown(facts.own))
    return None


def _may(facts: DiagnosisFacts, best: Best) -> bool:
    """Return whether the article can be the answer: it is not one that did not help."""
    return best.slug not in facts.aftermath.refuted


RULES: tuple[Rule, ...] = (_closed, _draft, _typo, _language, _low, _wording)


def _shown(look: SearchAttempt) -> dict[str, Any]:
    best = look.best
    told: dict[str, Any] = {"confidence": round(look.confidence, 4)}
    if best is not None:
        told |= {"cosine": round(best.cosine, 3), "coverage": round(best.coverage, 3)}
    return told


def odds(confidence: float) -> float:
    """Return the log odds that a failed search of that confidence is answered; 0 is even."""
    bounded = min(max(confidence, 1e-4), 1 - 1e-4)
    return math.log(bounded / (1 - bounded)) - math.log(ANSWERS / (1 - ANSWERS))


def of_gap(found: Sequence[tuple[Diagnosis, int]]) -> tuple[RootCause | None, Mapping[str, int]]:
    """Return the root cause of a gap (None without diagnoses) and the people by cause. `found`
    holds the diagnosis of each question with the number of people who asked it.

    A cause other than wording or a true gap is the gap's when most people share it. Otherwise the
    mean log odds of all questions decide between the two: many weak signs make a strong one.
    """
    people: Counter[str] = Counter()
    for diagnosis, count in found:
        people[diagnosis.cause.value] += count
    if not people:
        return None, {}
    first = min(people, key=lambda each: (-people[each], each))
    plain = {RootCause.WORDING.value, RootCause.TRUE_GAP.value}
    if first not in plain and people[first] * 2 > people.total():
        return RootCause(first), dict(people)
    return _by_odds(found, people), dict(people)


def _by_odds(found: Sequence[tuple[Diagnosis, int]], people: Mapping[str, int]) -> RootCause:
    weighed = [
        (odds(float(each.evidence.get("own", each.evidence["confidence"]))), count)
        for each, count in found
        if "confidence" in each.evidence
    ]
    total = sum(count for _, count in weighed)
    mean = sum(value * count for value, count in weighed) / total if total else 0.0
    known = sum(
        people.get(cause.value, 0) for cause in RootCause if cause is not RootCause.TRUE_GAP
    )
    if mean < 0 and known * 2 <= sum(people.values()):
        return RootCause.TRUE_GAP
    answered = {name: count for name, count in people.items() if name != RootCause.TRUE_GAP.value}
    return RootCause(min(answered, key=lambda each: (-answered[each], each), default="wording"))
