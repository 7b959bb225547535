"""What readers did with each article: opened, helpful or not, failed nearby, followed by a ticket.

Promises for every article how often it was seen, how many say that it helped with an interval, why
others say that it did not, and the searches that led to it or failed near it, whose words are only
told when `k` distinct people used them. Pure: adds up rows that `figures.store` read.

Promises that an article of few readers is not first or last by chance: its resolved share leans on
that of all articles. Pure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kb.analytics.daily_counts import DailyTally
from kb.analytics.figures import Figure, share
from kb.tracking.query_text import favourite

# -- What readers did with each article, as the people who keep it need to know --


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
class ArticleFigures:
    """One article: `helpful` counts each visitor's last vote, `reasons` those against it."""

    views: int
    people: int
    helpful: Figure
    reasons: Mapping[str, int] = field(default_factory=dict)
    led_here: tuple[Wording, ...] = ()
    failed_near: tuple[Wording, ...] = ()


def article_figures(
    seen: Sequence[Seen], votes: Iterable[Vote], failed: Iterable[FailedNear], *, k: int
) -> dict[str, ArticleFigures]:
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
        slug: ArticleFigures(
            views=views[slug],
            people=len(people[slug]),
            helpful=_helpful(last.get(slug, ())),
            reasons=Counter(vote.reason for vote in last.get(slug, ()) if not vote.helpful),
            led_here=wordings(led[slug], k),
            failed_near=wordings(near[slug], k),
        )
        for slug in sorted({*views, *last, *near})
    }


def nothing() -> ArticleFigures:
    """Return what is known of an article that nobody met."""
    return ArticleFigures(0, 0, _helpful(()))


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


# -- Articles beside each other: what was opened, what resolved, what a ticket followed --


# How many readings of the average article an article starts with.
PRIOR = 10


@dataclass(frozen=True, slots=True)
class ArticleRow:
    """One article over the range; each count is of closed episodes. `leaning` is the resolved share
    as it is with PRIOR episodes of the average article added, None where nothing was opened at all.
    """

    slug: str
    opened: int
    read: int
    resolved: int
    unhelpful: int
    failed: Figure
    share: Figure
    leaning: float | None
    reasons: Mapping[str, int] = field(default_factory=dict)


def article_rows(whole: DailyTally) -> tuple[ArticleRow, ...]:
    """Return one row for each article opened or judged in closed episodes, most opened first."""
    opened = sum(marks["opened"] for marks in whole.marks.values())
    resolved = sum(_resolved(marks) for marks in whole.marks.values())
    average = resolved / opened if opened else None
    reasons: dict[str, dict[str, int]] = {}
    for (slug, reason), number in whole.reasons.items():
        reasons.setdefault(slug, {})[reason] = number
    rows = [
        _row(slug, marks, average, reasons.get(slug, {})) for slug, marks in whole.marks.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.opened, row.slug)))


def _resolved(marks: Mapping[str, int]) -> int:
    """Return resolved episodes in which it was opened; a vote can come by another way."""
    return min(marks["resolved"], marks["opened"])


def _row(
    slug: str, marks: Mapping[str, int], average: float | None, reasons: Mapping[str, int]
) -> ArticleRow:
    opened, resolved = marks["opened"], _resolved(marks)
    return ArticleRow(
        slug=slug,
        opened=opened,
        read=marks["read"],
        resolved=marks["resolved"],
        unhelpful=marks["unhelpful"],
        failed=share("article_failed", marks["ticketed"], marks["read"]),
        share=share("article_share", resolved, opened),
        leaning=None if average is None else (resolved + PRIOR * average) / (opened + PRIOR),
        reasons=reasons,
    )
