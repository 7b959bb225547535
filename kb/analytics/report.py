"""The report for a support lead: outcomes, deflection, failing searches, articles, tickets.

It adds up the counts of days that `service` reads. Every figure carries its counts, its interval
and the key of its definition. The outcomes add up to all episodes. Words used by fewer than k
people are never shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from kb.analytics import deflection as analytics_deflection
from kb.analytics import search_metrics
from kb.analytics.article_metrics import ArticleRow, article_rows
from kb.analytics.daily_counts import DailyTally, EpisodeKind, Records, added, number
from kb.analytics.definitions import DEFINITION_VERSION
from kb.analytics.deflection import Deflection
from kb.analytics.figures import Estimate, Figure, TierCost, count, share
from kb.analytics.model import Failure, Outcome
from kb.analytics.search_metrics import (
    FailedBy,
    FunnelStep,
    GroupedFailures,
    Quality,
    ShareChange,
    TimeStep,
    WordsRow,
    failing_words,
    funnel,
    grouped,
    over_time,
    quality,
)
from kb.errors import InvalidInput

ORIGINS = ("asked", "policy", "demand", "outside")


@dataclass(frozen=True, slots=True)
class DateRange:
    """A range of UTC days, first and last included."""

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
        """Return the number of days."""
        return (self.last - self.first).days + 1

    def before(self) -> DateRange:
        """Return the range of the same length that ends the day before this one."""
        return DateRange(self.first - timedelta(days=self.days), self.first - timedelta(days=1))

    @property
    def end(self) -> datetime:
        """Return the first moment after the last day."""
        return self.start + (self.last - self.first + timedelta(days=1))


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """The inputs of a report.

    `days` are in order; `tickets` are by origin; `outside` is (matched, all) for tickets of other
    systems; `wordings` are by number of words. `marks` are the sums over all days, for days without
    marks of their own. `whole` is the sum of the days and `failing` its failed searches grouped by
    words, if already computed. If `words` is False, the report leaves out failing words and
    failures.
    """

    days: Mapping[date, DailyTally]
    tickets: Mapping[str, int] = field(default_factory=dict)
    tiers: Mapping[int, TierCost] = field(default_factory=dict)
    outside: tuple[int, int] = (0, 0)
    wordings: Mapping[int, str] = field(default_factory=dict)
    marks: Mapping[str, Mapping[str, int]] | None = None
    whole: DailyTally | None = None
    failing: GroupedFailures | None = None
    words: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """The whole report. `outcomes` are shares of closed episodes; the last, "open", is of all.

    `code` is the version of the product that made it; `older` counts episodes judged by an earlier
    version of the definitions.
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
    steps: tuple[TimeStep, ...]
    failed_by: tuple[FailedBy, ...]
    funnel: tuple[FunnelStep, ...]
    quality: Quality
    quality_steps: tuple[Quality, ...]
    changes: tuple[ShareChange, ...] = ()

    def bounds(self) -> tuple[Figure | Estimate, ...]:
        """Return the lower bound, the estimate and the upper bound of deflection."""
        return self.deflection_lower, self.deflection.estimate, self.deflection_upper

    def of_survey(self) -> tuple[Figure | Estimate, ...]:
        """Return the survey figures on which the estimate rests."""
        d = self.deflection
        return d.response, d.success, d.worst

    def of_holdout(self) -> tuple[Figure | Estimate, ...]:
        """Return the effect of suggestions on the ticket form, and its value in money."""
        d = self.deflection
        return (*d.rates, d.effect, d.avoided, d.cost, d.money)

    def compared(self) -> tuple[Figure, ...]:
        """Return the shares that are compared with another period."""
        bounds = (self.deflection_lower, self.deflection_upper)
        return (*bounds, self.outcomes[0], self.unresolved, self.failed)


def make_report(
    facts: ReportFacts, span: DateRange, *, k: int, now: datetime, code: str = ""
) -> Report:
    """Return the report; words are shown only if `k` or more distinct people used them."""
    days = tuple(facts.days.values())
    whole = facts.whole or added(days)
    if facts.marks is not None:
        whole.marks = {slug: Counter(marks) for slug, marks in facts.marks.items()}
    kinds, searches = whole.kinds, whole.sums["searches"]
    episodes, closed = number(kinds), number(kinds, closed=True)
    lower, upper = _deflection(kinds, closed)
    return Report(
        range=span,
        at=now,
        definition=DEFINITION_VERSION,
        code=code,
        older=sum(n for kind, n in kinds.items() if kind.definition < DEFINITION_VERSION),
        k_anonymity=k,
        episodes=count("episodes", episodes),
        closed=closed,
        outcomes=_outcomes(kinds, closed, episodes),
        deflection_lower=lower,
        deflection_upper=upper,
        unresolved=share(
            "unresolved", number(kinds, unresolved=True, ended=True), number(kinds, ended=True)
        ),
        searches=count("searches", searches),
        failed=share("failed_share", whole.sums["failed"], searches),
        failures=_failures(whole.failed, searches) if facts.words else (),
        failing_words=failing_words(facts.failing or grouped(whole.failed), k, facts.wordings)
        if facts.words
        else (),
        articles=article_rows(whole),
        tickets=tuple(_tickets(origin, facts.tickets) for origin in ORIGINS),
        deflection=analytics_deflection.make(
            days, whole, facts.tiers, now=now, elapsed=_elapsed(span, now)
        ),
        outside=share("outside_matched", *facts.outside),
        steps=search_metrics.steps(facts.days, span.first, span.last),
        failed_by=search_metrics.failed_by(whole.asked),
        funnel=funnel(kinds),
        quality=quality(whole, span.first, span.last),
        quality_steps=over_time(facts.days, span.first, span.last),
    )


def beside(report: Report, before: Report) -> Report:
    """Return the report with `changes`: its shares compared with those of `before`."""
    return replace(report, changes=search_metrics.changes(report.compared(), before.compared()))


def _elapsed(span: DateRange, now: datetime) -> float:
    """Return how many days of the range have passed."""
    return max(0.0, (min(span.end, now) - span.start) / timedelta(days=1))


def _outcomes(kinds: Mapping[EpisodeKind, int], closed: int, episodes: int) -> tuple[Figure, ...]:
    """Return the share of each outcome; numerators add up to all episodes."""
    shares = [
        share(outcome.value, number(kinds, closed=True, outcome=outcome.value), closed)
        for outcome in Outcome
        if outcome is not Outcome.OPEN
    ]
    return (*shares, share("open", episodes - closed, episodes))


def _deflection(kinds: Mapping[EpisodeKind, int], closed: int) -> tuple[Figure, Figure]:
    sure = number(kinds, closed=True, outcome=Outcome.CONFIRMED.value)
    perhaps = sure + number(kinds, closed=True, outcome=Outcome.POTENTIAL.value)
    return share("deflection_lower", sure, closed), share("deflection_upper", perhaps, closed)


def _failures(failed: Records, searches: int) -> tuple[Figure, ...]:
    return tuple(
        share(
            failure.key,
            int((failed["failure"] == failure.code).sum()),
            searches,
            key=failure.value,
        )
        for failure in Failure
    )


def _tickets(origin: str, counts: Mapping[str, int]) -> Figure:
    return count("tickets", counts.get(origin, 0), key=f"tickets_{origin}", name=origin)
