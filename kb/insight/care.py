"""What readers did with each article, as the people who keep it need to know.

Promises for every article how often it was seen, how many say that it helped with an interval, why
others say that it did not, and the searches that led to it or failed near it, whose words are only
told when `k` distinct people used them. Pure: adds up rows that `figures.store` read.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kb.insight.report import Figure, share
from kb.tracking.query_text import favourite

# An article this far up in a failed search is what the search failed around.
NEAR = 3
MOST_WORDS = 10


@dataclass(frozen=True, slots=True)
class Seen:
    """A visitor fetched an article; `words` and `words_key` of the search that led there, or ""."""

    article: str
    visitor: str
    words: str = ""
    words_key: str = ""


@dataclass(frozen=True, slots=True)
class Vote:
    """A visitor's vote on an article; `reason` is "" for a helpful one."""

    article: str
    visitor: str
    at: datetime
    helpful: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FailedNear:
    """A search that failed, with the articles it named first."""

    visitor: str
    words: str
    words_key: str
    articles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wording:
    """Searches by the same words."""

    words: str
    people: int
    searches: int


@dataclass(frozen=True, slots=True)
class Care:
    """One article: `helpful` counts each visitor's last vote, `reasons` those against it."""

    views: int
    people: int
    helpful: Figure
    reasons: Mapping[str, int] = field(default_factory=dict)
    led_here: tuple[Wording, ...] = ()
    failed_near: tuple[Wording, ...] = ()


def care(
    seen: Sequence[Seen], votes: Iterable[Vote], failed: Iterable[FailedNear], *, k: int
) -> dict[str, Care]:
    """Return by article what its keepers should know; articles that nobody met are not there."""
    views, people = Counter(row.article for row in seen), defaultdict[str, set[str]](set)
    led, near = defaultdict[str, list[Seen]](list), defaultdict[str, list[FailedNear]](list)
    for row in seen:
        people[row.article].add(row.visitor)
        led[row.article].append(row)
    for search in failed:
        for slug in search.articles[:NEAR]:
            near[slug].append(search)
    last = _last(votes)
    return {
        slug: Care(
            views=views[slug],
            people=len(people[slug]),
            helpful=_helpful(last.get(slug, ())),
            reasons=Counter(vote.reason for vote in last.get(slug, ()) if not vote.helpful),
            led_here=wordings(led[slug], k),
            failed_near=wordings(near[slug], k),
        )
        for slug in sorted({*views, *last, *near})
    }


def nothing() -> Care:
    """Return what is known of an article that nobody met."""
    return Care(0, 0, _helpful(()))


def _last(votes: Iterable[Vote]) -> dict[str, list[Vote]]:
    """Return each visitor's last vote, by article."""
    kept: dict[tuple[str, str], Vote] = {}
    for vote in sorted(votes, key=lambda one: one.at):
        kept[vote.article, vote.visitor] = vote
    found: dict[str, list[Vote]] = {}
    for vote in kept.values():
        found.setdefault(vote.article, []).append(vote)
    return found


def _helpful(votes: Sequence[Vote]) -> Figure:
    return share("article_helpful", sum(vote.helpful for vote in votes), len(votes))


def wordings(rows: Iterable[Seen | FailedNear], k: int) -> tuple[Wording, ...]:
    """Return the words that `k` or more people searched for, most people first."""
    groups: dict[str, list[Seen | FailedNear]] = {}
    for row in rows:
        if row.words_key:
            groups.setdefault(row.words_key, []).append(row)
    found = [
        Wording(favourite((r.words, r.visitor) for r in group), people, len(group))
        for group in groups.values()
        if (people := len({row.visitor for row in group})) >= k
    ]
    told = [one for one in found if one.words]
    return tuple(sorted(told, key=lambda one: (-one.people, -one.searches, one.words))[:MOST_WORDS])
