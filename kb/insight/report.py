"""What a support lead reads: outcomes, deflection, failing searches, articles, tickets.

Promises that every figure carries its counts, its interval and the key of its definition, that
outcomes add up to all episodes, and that words of fewer than k people are never shown. Pure: it
adds up rows that `store` read; `reporting` joins the two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from kb.errors import InvalidInput
from kb.insight import breakdown, deflection
from kb.insight.breakdown import Change, FailedBy, Step
from kb.insight.definitions import DEFINITION_VERSION, of_failure
from kb.insight.deflection import Deflection
from kb.insight.estimates.estimate import Estimate
from kb.insight.facts import Failure, Outcome
from kb.insight.figure import Figure as Figure  # these are part of this interface
from kb.insight.figure import count as count
from kb.insight.figure import share as share
from kb.insight.rows import EpisodeRow as EpisodeRow
from kb.insight.rows import Facts as Facts
from kb.insight.rows import FailedRow as FailedRow
from kb.insight.wording import favourite

ORIGINS = ("asked", "policy", "demand", "outside")


@dataclass(frozen=True, slots=True)
class DateRange:
    """UTC days, both included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            problem = "The last day must not be before the first"
            raise InvalidInput(f"{problem}.", "Swap the two days.", fields={"until": problem})

    @property
    def start(self) -> datetime:
        """Return the first moment of the first day."""
        return datetime(self.first.year, self.first.month, self.first.day, tzinfo=UTC)

    @property
    def days(self) -> int:
        """Return how many days there are."""
        return (self.last - self.first).days + 1

    def before(self) -> DateRange:
        """Return as many days that end the day before."""
        return DateRange(self.first - timedelta(days=self.days), self.first - timedelta(days=1))

    @property
    def end(self) -> datetime:
        """Return the first moment after the last day."""
        return self.start + (self.last - self.first + timedelta(days=1))


@dataclass(frozen=True, slots=True)
class WordsRow:
    """Failed searches by the same words. `words` is "" for the row of all that are not shown,
    and `wordings` says how many different ones a row holds.
    """

    words: str
    people: int
    searches: int
    classes: Mapping[str, int]
    wordings: int = 1


@dataclass(frozen=True, slots=True)
class ArticleRow:
    """One article over the range; each count is of closed episodes."""

    slug: str
    opened: int
    read: int
    resolved: int
    unhelpful: int
    failed: Figure


@dataclass(frozen=True, slots=True)
class Report:
    """All of it. `outcomes` are shares of closed episodes, then "too early" of all episodes.

    `code` is the version of the product that made it; `older` counts episodes that were judged by
    an earlier definition.
    """

    range: DateRange
    at: datetime
    definition: int
    code: str
    older: int
    k_anonymity: int
    episodes: Figure
    closed: int
    outcomes: tuple[Figure, ...]
    deflection_lower: Figure
    deflection_upper: Figure
    unresolved: Figure
    searches: Figure
    failed: Figure
    failures: tuple[Figure, ...]
    failing_words: tuple[WordsRow, ...]
    articles: tuple[ArticleRow, ...]
    tickets: tuple[Figure, ...]
    deflection: Deflection
    outside: Figure
    steps: tuple[Step, ...]
    failed_by: tuple[FailedBy, ...]
    changes: tuple[Change, ...] = ()

    def bounds(self) -> tuple[Figure | Estimate, ...]:
        """Return deflection from its lower bound to its upper."""
        return self.deflection_lower, self.deflection.estimate, self.deflection_upper

    def of_survey(self) -> tuple[Figure | Estimate, ...]:
        """Return what the estimate rests on."""
        d = self.deflection
        return d.response, d.success, d.worst

    def of_holdout(self) -> tuple[Figure | Estimate, ...]:
        """Return what suggestions on the ticket form cause, and what that is worth."""
        d = self.deflection
        return (*d.rates, d.effect, d.avoided, d.cost, d.money)

    def compared(self) -> tuple[Figure, ...]:
        """Return the shares that are set beside those of another period."""
        bounds = (self.deflection_lower, self.deflection_upper)
        return (*bounds, self.outcomes[0], self.unresolved, self.failed)


def make_report(facts: Facts, span: DateRange, *, k: int, now: datetime, code: str = "") -> Report:
    """Return the report of the rows in `facts`; words need `k` distinct people to be shown."""
    closed = [row for row in facts.episodes if row.closed]
    ended = {row.id for row in facts.episodes if row.ended}
    failed = [row for row in facts.failed if row.episode_id in ended]
    searches = sum(int(row.data.get("searches", 0)) for row in facts.episodes if row.ended)
    lower, upper = _deflection(closed)
    unmet = sum(row.unresolved and row.ended for row in facts.episodes)
    return Report(
        range=span,
        at=now,
        definition=DEFINITION_VERSION,
        code=code,
        older=sum(row.definition < DEFINITION_VERSION for row in facts.episodes),
        k_anonymity=k,
        episodes=count("episodes", len(facts.episodes)),
        closed=len(closed),
        outcomes=_outcomes(closed, len(facts.episodes)),
        deflection_lower=lower,
        deflection_upper=upper,
        unresolved=share("unresolved", unmet, len(ended)),
        searches=count("searches", searches),
        failed=share("failed_share", len(failed), searches),
        failures=_failures(failed, searches),
        failing_words=failing_words(failed, k),
        articles=articles(closed),
        tickets=tuple(_tickets(origin, facts.tickets) for origin in ORIGINS),
        deflection=deflection.make(closed, facts.tiers, now=now, days=_elapsed(span, now)),
        outside=share("outside_matched", *facts.outside),
        steps=breakdown.steps(facts.episodes, span.first, span.last),
        failed_by=breakdown.failed_by(facts.episodes),
    )


def beside(report: Report, before: Report) -> Report:
    """Return the report with its shares beside those of the period before."""
    return replace(report, changes=breakdown.changes(report.compared(), before.compared()))


def _elapsed(span: DateRange, now: datetime) -> float:
    """Return how many days of the range have passed."""
    return max(0.0, (min(span.end, now) - span.start) / timedelta(days=1))


def _outcomes(closed: Sequence[EpisodeRow], total: int) -> tuple[Figure, ...]:
    """Return the share of each outcome; numerators add up to all episodes."""
    counts = Counter(row.outcome for row in closed)
    final = [outcome for outcome in Outcome if outcome is not Outcome.OPEN]
    shares = [share(outcome.value, counts[outcome], len(closed)) for outcome in final]
    return (*shares, share("open", total - len(closed), total))


def _deflection(closed: Sequence[EpisodeRow]) -> tuple[Figure, Figure]:
    counts = Counter(row.outcome for row in closed)
    sure = counts[Outcome.CONFIRMED]
    perhaps = sure + counts[Outcome.POTENTIAL]
    return (
        share("deflection_lower", sure, len(closed)),
        share("deflection_upper", perhaps, len(closed)),
    )


def _failures(failed: Sequence[FailedRow], searches: int) -> tuple[Figure, ...]:
    counts = Counter(row.failure for row in failed)
    return tuple(
        share(of_failure(failure).key, counts[failure], searches, key=failure.value)
        for failure in Failure
    )


def _tickets(origin: str, counts: Mapping[str, int]) -> Figure:
    return count("tickets", counts.get(origin, 0), key=f"tickets_{origin}", name=origin)


def failing_words(failed: Sequence[FailedRow], k: int) -> tuple[WordsRow, ...]:
    """Return rows of words that `k` or more people failed on, most searches first, then the rest
    as one row without words; () when nothing failed.
    """
    groups: dict[str, list[FailedRow]] = {}
    for one in failed:
        groups.setdefault(one.words_key, []).append(one)
    shown, hidden = [], []
    for rows in groups.values():
        row = _words_row(rows, favourite((r.words, r.visitor) for r in rows))
        if row.people >= k and row.words:
            shown.append(row)
        else:
            hidden += rows
    rest = [_words_row(hidden, "", wordings=len(groups) - len(shown))] if hidden else []
    return (*sorted(shown, key=lambda row: (-row.searches, -row.people, row.words)), *rest)


def _words_row(rows: Sequence[FailedRow], words: str, *, wordings: int = 1) -> WordsRow:
    classes = Counter(row.failure.value for row in rows)
    people = len({row.visitor for row in rows})
    return WordsRow(words, people, len(rows), dict(classes), wordings)


def articles(rows: Sequence[EpisodeRow]) -> tuple[ArticleRow, ...]:
    """Return one row for each article opened or judged in these episodes, most opened first."""
    touched: dict[str, list[Mapping[str, int]]] = {}
    for row in rows:
        for slug, marks in row.data.get("articles", {}).items():
            touched.setdefault(slug, []).append(marks)
    found = [_article(slug, marks) for slug, marks in touched.items()]
    return tuple(sorted(found, key=lambda row: (-row.opened, row.slug)))


def _article(slug: str, marks: Sequence[Mapping[str, int]]) -> ArticleRow:
    total: Counter[str] = Counter()
    for mark in marks:
        total.update(mark)
    resolved = sum(1 for mark in marks if mark.get("helpful") or mark.get("solved"))
    failed = share("article_failed", total["ticketed"], total["read"])
    return ArticleRow(slug, total["opened"], total["read"], resolved, total["unhelpful"], failed)
