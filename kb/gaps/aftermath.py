"""What people did after a failed search: what answered them in the end, what did not.

Promises the same account from the same episodes in any order, and only pairs of words that `k`
people or more went through. Pure; knows no database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kb.analytics import episodes as analytics_episodes
from kb.analytics.model import Episode, Search
from kb.gaps.facts import Aftermath
from kb.tracking.events import EventKind
from kb.tracking.query_text import folded
from search.analysis import stem, stop_words

# What a person says counts before what an agent found, and that before mere reading.
STRENGTH = {"said": 3, "ticket": 2, "read": 1}
LONGEST_TERM = 3  # words in one side of a synonym
FEW = 2  # readings alone that name one article before it is believed to have answered


@dataclass(frozen=True, slots=True)
class Refined:
    """One person's way from words that failed to words that led to an article."""

    visitor: str
    words: str
    later: str
    article: str
    language: str


@dataclass(frozen=True, slots=True)
class Synonym:
    """Words that `people` replaced by others and then found what they needed."""

    words: str
    instead: str
    people: int
    language: str
    article: str


def aftermath(
    episodes: Iterable[Episode], searches: Collection[str], resolved: Mapping[str, str]
) -> Aftermath:
    """Return what came after these searches, in all episodes together.

    `resolved` names by search the article with which an agent resolved its ticket.
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
    return Aftermath(slug, how.get(slug, ""), words, dict(sorted(opened.items())))


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
    """Return the searches of an episode that are asked about, each with those that came after."""
    found = analytics_episodes.searches(episode)
    return [
        (search, found[at + 1 :])
        for at, search in enumerate(found)
        if any(each in searches for each in search.ids)
    ]


def _refuted(episode: Episode, search: Search) -> dict[str, str]:
    """Return what was opened from the search in vain, with the reason that was given."""
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
    """Return (article, how, words that led to it) of what met the need after the search."""
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
    """Return each person's way from one of these searches to words that worked."""
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
    """Return words replaced by others on the way to one article by `k` distinct people or more,
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
    """Return what of the words gave way to what, None where nothing small and telling did."""
    one, other = _telling(words, language), _telling(later, language)
    gone = [word for stemmed, word in one.items() if stemmed not in other]
    new = [word for stemmed, word in other.items() if stemmed not in one]
    if not gone or not new or max(len(gone), len(new)) > LONGEST_TERM:
        return None
    return " ".join(gone), " ".join(new)


def _telling(words: str, language: str) -> dict[str, str]:
    common = stop_words(language)
    return {stem(word, language): word for word in folded(words).split() if word not in common}
