"""The knowledge cycle: whether fewer people fail on a gap after it was answered.

The spans compared are of equal length, in whole UTC days, without the day of the answer. Gaps
reopened since are included, and no effect is given before it can be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from kb.analytics.definitions import DEFINITIONS
from kb.analytics.figures import Estimate, Unit
from kb.analytics.statistics import proportions
from kb.analytics.statistics.proportions import Pair, Ratio
from kb.analytics.ticket_metrics import Duration, duration

# -- Compared days --


LONGEST, SHORTEST = 28, 7  # days
# After this a search's episode has ended, the wait for a ticket is over, and the search is in its
# gap.
SETTLED = timedelta(days=2)
TOO_EARLY = f"too early: under {SHORTEST} days since the answer"


@dataclass(frozen=True, slots=True)
class ComparedDays:
    """The `days` days before `answered`, the day of the answer, and as many after it."""

    answered: date
    days: int

    @property
    def before(self) -> date:
        """Return the first day of the span before."""
        return self.answered - timedelta(days=self.days)

    @property
    def after(self) -> date:
        """Return the last day of the span after."""
        return self.answered + timedelta(days=self.days)

    @property
    def whole(self) -> bool:
        """Return whether the spans have their full length."""
        return self.days == LONGEST

    @property
    def start(self) -> datetime:
        """Return the first moment of the span before."""
        return datetime(self.before.year, self.before.month, self.before.day, tzinfo=UTC)


def spans(answered_at: datetime, now: datetime) -> ComparedDays | None:
    """Return the spans that can be compared by now, None where it is too early."""
    day = answered_at.astimezone(UTC).date()
    passed = ((now - SETTLED).astimezone(UTC).date() - day).days
    return ComparedDays(day, min(LONGEST, passed)) if passed >= SHORTEST else None


# -- Effects of answers --


FORGOTTEN = "the searches before are forgotten"
MERGED = "merged into another gap since"
NOBODY = "nobody failed before or after"
NOTHING_BEFORE = "no gap can be compared yet"


@dataclass(frozen=True, slots=True)
class AnsweredGap:
    """An answer to a gap: the article and commit, and when the gap was reopened because people
    failed on it again (None: not since). `people` are in the gap by the last grouping.
    """

    gap_id: str
    number: int
    name: str
    people: int
    merged: bool
    known_at: datetime
    answered_at: datetime
    article: str
    commit: str
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed searches of a gap, and the distinct people, before and after its answer; `first_at`
    is the first that is known.
    """

    before: int = 0
    people_before: int = 0
    after: int = 0
    people_after: int = 0
    first_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AnswerEffect:
    """An answer and what it changed. `pair` counts people who failed among all searches; it is None
    where nothing can be said, and `lacking` says why.
    """

    answer: AnsweredGap
    days: int
    failures: Failures
    pair: Pair | None
    ratio: Ratio | None
    lacking: str = ""

    @property
    def most_people(self) -> int:
        """Return the largest number of people known to be in the gap at one time."""
        found = self.failures
        return max(self.answer.people, found.people_before, found.people_after)


def effect(
    answer: AnsweredGap,
    spans: ComparedDays | None,
    failures: Failures | None,
    searches: Mapping[date, int],
) -> AnswerEffect:
    """Return what the answer changed. `failures` is None where the searches before are forgotten,
    `searches` counts all searches by day.
    """
    why = MERGED if answer.merged else "" if spans else TOO_EARLY
    why = why or ("" if failures else FORGOTTEN)
    held = failures or Failures()
    if spans is None or why:
        return AnswerEffect(answer, spans.days if spans else 0, held, None, None, why)
    days = [timedelta(days=each) for each in range(1, spans.days + 1)]
    pair = Pair(
        held.people_before,
        sum(searches.get(spans.answered - each, 0) for each in days),
        held.people_after,
        sum(searches.get(spans.answered + each, 0) for each in days),
    )
    found = proportions.ratio(pair)
    return AnswerEffect(answer, spans.days, held, pair, found, "" if found else NOBODY)


def overall(effects: Iterable[AnswerEffect]) -> Estimate:
    """Return the ratio over all answers whose effect is known."""
    pairs = [each.pair for each in effects if each.pair and not each.lacking]
    before, after = (sum(getattr(each, side) for each in pairs) for side in ("before", "after"))
    found = proportions.pooled(pairs)
    return Estimate(
        key="cycle_overall",
        name=DEFINITIONS["cycle_overall"].name,
        definition="cycle_overall",
        unit=Unit.RATIO,
        n=before + after,
        value=found.value if found else None,
        interval=(found.low, found.high or 0.0) if found else None,
        numerator=after,
        denominator=before,
        lacking="" if found else NOTHING_BEFORE,
    )


def waits(known: Sequence[tuple[datetime, datetime | None]], now: datetime) -> Duration:
    """Return the time from when each gap was first known to its first answer (None: not yet)."""
    ended = [max(0.0, (answer - since).total_seconds()) for since, answer in known if answer]
    rest = [max(0.0, (now - since).total_seconds()) for since, answer in known if not answer]
    return duration("cycle_time", ended, rest)
