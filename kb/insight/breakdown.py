"""A report in parts: by day or week, by what searches have in common, beside the period before.

Promises parts that add up to the whole they are parts of. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from kb.insight.days.tally import DIMENSIONS, Asked, Tally
from kb.insight.facts import Outcome
from kb.insight.figure import Figure, share
from kb.insight.intervals import newcombe

BY_DAY = 35  # days of a range up to which each has a step of its own; above, a week has


@dataclass(frozen=True, slots=True)
class Step:
    """Episodes that started on some days, by outcome; those too early to judge under "open"."""

    first: date
    last: date
    outcomes: Mapping[str, int]

    @property
    def total(self) -> int:
        """Return how many episodes there are."""
        return sum(self.outcomes.values())


@dataclass(frozen=True, slots=True)
class FailedBy:
    """Searches that have something in common: `kind` is one of DIMENSIONS."""

    kind: str
    value: str
    share: Figure
    classes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Change:
    """A share now and in the period before, with the interval of the difference."""

    now: Figure
    before: Figure
    difference: float | None
    interval: tuple[float, float] | None


def places(first: date, last: date) -> tuple[tuple[date, date], ...]:
    """Return the steps of a range, (first day, last day): days, or weeks where it has many."""
    length = 1 if (last - first).days < BY_DAY else 7
    starts = range(0, (last - first).days + 1, length)
    return tuple(
        (first + timedelta(days=n), min(last, first + timedelta(days=n + length - 1)))
        for n in starts
    )


def steps(days: Mapping[date, Tally], first: date, last: date) -> tuple[Step, ...]:
    """Return the outcomes by day or by week, every step of the range in order."""
    found: dict[date, Counter[str]] = {day: _outcomes(tally) for day, tally in days.items()}
    return tuple(_step(found, *place) for place in places(first, last))


def _outcomes(tally: Tally) -> Counter[str]:
    found: Counter[str] = Counter()
    for kind, number in tally.kinds.items():
        found[kind.outcome if kind.closed else Outcome.OPEN.value] += number
    return found


def _step(found: Mapping[date, Counter[str]], first: date, last: date) -> Step:
    within = [counts for day, counts in found.items() if first <= day <= last]
    return Step(
        first, last, {each.value: sum(counts[each] for counts in within) for each in Outcome}
    )


def failed_by(asked: Mapping[Asked, int]) -> tuple[FailedBy, ...]:
    """Return failed searches by each dimension in turn, the values with most searches first."""
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


def changes(now: Sequence[Figure], before: Sequence[Figure]) -> tuple[Change, ...]:
    """Return each share beside the one of the same key in the period before."""
    earlier = {figure.key: figure for figure in before}
    return tuple(_change(figure, earlier[figure.key]) for figure in now if figure.key in earlier)


def _change(now: Figure, before: Figure) -> Change:
    pairs = [(figure.numerator, figure.denominator or 0) for figure in (now, before)]
    known = now.value is not None and before.value is not None
    difference = (now.value or 0) - (before.value or 0) if known else None
    return Change(now, before, difference, newcombe(pairs[0], pairs[1]))
