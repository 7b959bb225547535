"""What readers did with each article: views, votes, failed searches and tickets.

One half is for whoever maintains an article: views, the share of helpful votes with an interval,
the reasons of the other votes, and the searches that led to it or failed near it. The words of a
search are shown only when `k` or more people used them. The other half is the report's ranking of
articles. There each resolved share is pulled towards the average of all articles, so that an
article with few readers is not first or last by chance.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kb.analytics.daily_counts import DailyTally
from kb.analytics.figures import Figure, share
from kb.tracking.query_text import favourite

# -- Views, votes and failed searches of one article --


# A failed search counts for the articles in its first NEAR results.
NEAR = 3
MOST_WORDS = 10


@dataclass(frozen=True, slots=True)
class Seen:
    """A view of an article; `words` and `words_key` are of the search that led there, or ""."""

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
    """A search that failed, with its first results."""

    visitor: str
    words: str
    words_key: str
    articles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wording:
    """Searches for the same words."""

    words: str
    people: int
    searches: int


@dataclass(frozen=True, slots=True)
class ArticleFigures:
    """One article: `helpful` counts each visitor's last vote; `reasons` are of unhelpful votes."""

    views: int
    people: int
    helpful: Figure
    reasons: Mapping[str, int] = field(default_factory=dict)
    led_here: tuple[Wording, ...] = ()
    failed_near: tuple[Wording, ...] = ()


def article_figures(
    seen: Sequence[Seen], votes: Iterable[Vote], failed: Iterable[FailedNear], *, k: int
) -> dict[str, ArticleFigures]:
    """Return the figures by article; an article without views, votes or failures is left out."""
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
    """Return the figures of an article without views, votes or failures."""
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


# -- Articles compared --


# Episodes with the average resolved share that are added to each article in `leaning`.
PRIOR = 10


@dataclass(frozen=True, slots=True)
class ArticleRow:
    """One article over the range; all counts are of closed episodes.

    `leaning` is the resolved share after adding PRIOR episodes with the average share of all
    articles; None where no article was opened.
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
    """Return one row for each article opened or voted on in closed episodes, most opened first."""
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
    """Return the resolved episodes, at most those opened: a vote may come without an opening."""
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
