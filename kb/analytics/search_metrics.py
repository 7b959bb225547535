"""How well search does: failing queries, the funnel, quality, and breakdowns of a report.

Breakdowns by day, week or dimension add up to the whole. Rows of failing words add up to all failed
searches, and words used by fewer than k people are never shown. Each step of the funnel contains
the next, and its outcomes add up to the episodes that stopped there. Each quality figure carries
its counts, for a range and for its days or weeks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from kb.analytics.daily_counts import (
    DIMENSIONS,
    STAGES,
    DailyTally,
    EpisodeKind,
    Numbers,
    Records,
    SearchGroup,
    counts,
    distinct,
    quantile,
)
from kb.analytics.figures import Figure, share
from kb.analytics.model import Failure, Outcome
from kb.analytics.statistics.proportions import newcombe

# -- Breakdowns, and comparison with the period before --


BY_DAY = 35  # longest range in days that is shown by day; a longer one is shown by week


@dataclass(frozen=True, slots=True)
class TimeStep:
    """The episodes that started in one day or week, by outcome; not yet closed ones are "open"."""

    first: date
    last: date
    outcomes: Mapping[str, int]

    @property
    def total(self) -> int:
        """Return the number of episodes."""
        return sum(self.outcomes.values())


@dataclass(frozen=True, slots=True)
class FailedBy:
    """Failed searches of one value of a dimension; `kind` is one of DIMENSIONS."""

    kind: str
    value: str
    share: Figure
    classes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ShareChange:
    """A share now and in the period before, with the interval of the difference."""

    now: Figure
    before: Figure
    difference: float | None
    interval: tuple[float, float] | None


def places(first: date, last: date) -> tuple[tuple[date, date], ...]:
    """Return the steps of a range as (first day, last day): days, or weeks if it is long."""
    length = 1 if (last - first).days < BY_DAY else 7
    starts = range(0, (last - first).days + 1, length)
    return tuple(
        (first + timedelta(days=n), min(last, first + timedelta(days=n + length - 1)))
        for n in starts
    )


def steps(days: Mapping[date, DailyTally], first: date, last: date) -> tuple[TimeStep, ...]:
    """Return the outcomes by day or by week, every step of the range in order."""
    found: dict[date, Counter[str]] = {day: _outcomes(tally) for day, tally in days.items()}
    return tuple(_step(found, *place) for place in places(first, last))


def _outcomes(tally: DailyTally) -> Counter[str]:
    found: Counter[str] = Counter()
    for kind, number in tally.kinds.items():
        found[kind.outcome if kind.closed else Outcome.OPEN.value] += number
    return found


def _step(found: Mapping[date, Counter[str]], first: date, last: date) -> TimeStep:
    within = [counts for day, counts in found.items() if first <= day <= last]
    return TimeStep(
        first, last, {each.value: sum(counts[each] for counts in within) for each in Outcome}
    )


def failed_by(asked: Mapping[SearchGroup, int]) -> tuple[FailedBy, ...]:
    """Return failed searches by dimension, in each the values with most searches first."""
    kinds: dict[str, dict[str, Counter[str]]] = {by: {} for by in DIMENSIONS}
    for one, number in asked.items():
        kinds[one.by].setdefault(one.value, Counter())[one.failure] += number
    return tuple(
        _failed_by(kind, value, classes)
        for kind, values in kinds.items()
        for value, classes in sorted(values.items(), key=lambda one: (-one[1].total(), one[0]))
    )


def _failed_by(kind: str, value: str, classes: Counter[str]) -> FailedBy:
    failed = {failure: number for failure, number in classes.items() if failure}
    figure = share(
        "failed_by", sum(failed.values()), classes.total(), key=f"{kind}_{value}", name=value
    )
    return FailedBy(kind, value, figure, failed)


def changes(now: Sequence[Figure], before: Sequence[Figure]) -> tuple[ShareChange, ...]:
    """Return each share compared with the one of the same key in the period before."""
    earlier = {figure.key: figure for figure in before}
    return tuple(_change(figure, earlier[figure.key]) for figure in now if figure.key in earlier)


def _change(now: Figure, before: Figure) -> ShareChange:
    pairs = [(figure.numerator, figure.denominator or 0) for figure in (now, before)]
    known = now.value is not None and before.value is not None
    difference = (now.value or 0) - (before.value or 0) if known else None
    return ShareChange(now, before, difference, newcombe(pairs[0], pairs[1]))


# -- Failing words --


MOST = 50  # wordings shown, those with most searches; the others are in one row


@dataclass(frozen=True, slots=True)
class WordsRow:
    """Failed searches for the same words. `words` is "" in the row of all that are not shown;
    `wordings` is the number of different ones in a row.
    """

    words: str
    people: int
    searches: int
    classes: Mapping[str, int]
    wordings: int = 1


@dataclass(frozen=True, slots=True)
class GroupedFailures:
    """Failed searches sorted by words. Rows `starts[n]` to `starts[n + 1]` are of `numbers[n]`."""

    rows: Records
    numbers: Numbers
    starts: Numbers

    def of(self, place: int) -> Records:
        """Return the rows of the words `numbers[place]`."""
        rows: Records = self.rows[self.starts[place] : self.starts[place + 1]]
        return rows

    def most(self, k: int) -> Iterator[int]:
        """Give the places of words that failed for `k` or more people, most searches first."""
        searches = np.diff(self.starts.astype(np.int64))
        for place in np.lexsort((self.numbers, -searches)).tolist():
            if searches[place] < k:
                return  # there cannot be more people than searches
            if _people(self.of(place)) >= k:
                yield place


def grouped(failed: Records) -> GroupedFailures:
    """Return failed searches grouped by their words."""
    rows = failed[np.argsort(failed["words"], kind="stable")]
    words = rows["words"]
    first = np.ones(len(rows), bool)
    first[1:] = words[1:] != words[:-1]
    starts = np.append(np.flatnonzero(first), len(rows)).astype(np.uint64)
    return GroupedFailures(rows, words[first], starts)


def common(found: GroupedFailures, k: int) -> tuple[int, ...]:
    """Return the numbers of the words that failed for `k` or more people, most searches first, at
    most MOST.
    """
    places = found.most(k)
    return tuple(int(found.numbers[place]) for place, _ in zip(places, range(MOST), strict=False))


def failing_words(
    found: GroupedFailures, k: int, wordings: Mapping[int, str]
) -> tuple[WordsRow, ...]:
    """Return a row for each of the `wordings` that failed for `k` or more people, most searches
    first, then one row without words for the rest; () when nothing failed.
    """
    shown, hidden = [], np.ones(len(found.rows), bool)
    for number, words in wordings.items():
        place = int(np.searchsorted(found.numbers, np.uint64(number)))
        if not words or place >= len(found.numbers) or found.numbers[place] != number:
            continue
        row = _row(found.of(place), words)
        if row.people >= k:
            shown.append(row)
            hidden[found.starts[place] : found.starts[place + 1]] = False
    rest = found.rows[hidden]
    others = [_row(rest, "", len(found.numbers) - len(shown))] if len(rest) else []
    shown.sort(key=lambda row: (-row.searches, -row.people, row.words))
    return (*shown, *others)


def _row(rows: Records, words: str, wordings: int = 1) -> WordsRow:
    by_code = np.bincount(rows["failure"], minlength=256)
    return WordsRow(
        words=words,
        people=_people(rows),
        searches=len(rows),
        classes={
            failure.value: int(by_code[failure.code])
            for failure in Failure
            if by_code[failure.code]
        },
        wordings=wordings,
    )


def _people(rows: Records) -> int:
    return len(distinct(rows["visitor"]))


# -- Funnel from a search to the outcome --


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """Closed episodes that reached a stage; `outcomes` are of those that got no further."""

    stage: str
    reached: Figure
    outcomes: Mapping[str, int]


def funnel(kinds: Mapping[EpisodeKind, int]) -> tuple[FunnelStep, ...]:
    """Return the steps: searched, opened an article, read one."""
    by_stage: dict[str, Counter[str]] = {stage: Counter() for stage in STAGES}
    for kind, number in kinds.items():
        if kind.closed:
            by_stage[kind.stage][kind.outcome] += number
    steps = STAGES[1:]
    all_of_them = sum(by_stage[stage].total() for stage in steps)
    return tuple(
        FunnelStep(
            stage,
            share(f"funnel_{stage}", sum(by_stage[one].total() for one in steps[n:]), all_of_them),
            dict(by_stage[stage]),
        )
        for n, stage in enumerate(steps)
    )


# -- Quality --


NEAR_TOP = 3


@dataclass(frozen=True, slots=True)
class Quality:
    """The quality of the searches of some days. `rank` is the mean rank of the first hit opened, 1
    for the top, over `ranked` searches. `median_ms` and `slow_ms` (the 95th percentile) are
    response times over `timed` searches.
    """

    first: date
    last: date
    searches: int
    failed: Figure
    clicked: Figure
    top: Figure
    near_top: Figure
    reworded: Figure
    rank: float | None
    ranked: int
    median_ms: float | None
    slow_ms: float | None
    timed: int


def quality(tally: DailyTally, first: date, last: date) -> Quality:
    """Return the figures of these days."""
    searches = tally.sums["searches"]
    ranks = {rank: number for rank, number in tally.ranks.items() if rank}
    ranked = sum(ranks.values())
    return Quality(
        first=first,
        last=last,
        searches=searches,
        failed=share("failed_share", tally.sums["failed"], searches),
        clicked=share("clicked", tally.ranks.total(), searches),
        top=share("clicked_top", ranks.get(1, 0), ranked),
        near_top=share(
            "clicked_near_top", sum(n for rank, n in ranks.items() if rank <= NEAR_TOP), ranked
        ),
        reworded=share("reworded", tally.sums["reworded"], searches),
        rank=sum(rank * n for rank, n in ranks.items()) / ranked if ranked else None,
        ranked=ranked,
        median_ms=quantile(tally.took, 0.5),
        slow_ms=quantile(tally.took, 0.95),
        timed=tally.took.total(),
    )


def over_time(days: Mapping[date, DailyTally], first: date, last: date) -> tuple[Quality, ...]:
    """Return the figures by day or by week, every step of the range in order."""
    return tuple(
        quality(counts(tally for day, tally in days.items() if a <= day <= b), a, b)
        for a, b in places(first, last)
    )
