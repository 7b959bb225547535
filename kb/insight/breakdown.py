"""A report in parts: by day or week, by language and place, and beside the period before.

Promises parts that add up to the whole they are parts of. Pure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from kb.insight.facts import Outcome
from kb.insight.figure import Figure, share
from kb.insight.intervals import newcombe
from kb.insight.rows import EpisodeRow

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
    """Searches that have something in common: `kind` is "language" or "surface"."""

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


def steps(rows: Iterable[EpisodeRow], first: date, last: date) -> tuple[Step, ...]:
    """Return the outcomes by day or by week, every step of the range in order."""
    days = (last - first).days + 1
    length = 1 if days <= BY_DAY else 7
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if row.started_at is not None:
            outcome = row.outcome if row.closed else Outcome.OPEN
            found[(row.started_at.date() - first).days // length][outcome.value] += 1
    return tuple(
        Step(
            first + timedelta(days=place * length),
            min(last, first + timedelta(days=(place + 1) * length - 1)),
            {outcome.value: found[place][outcome.value] for outcome in Outcome},
        )
        for place in range(-(-days // length))
    )


def failed_by(rows: Iterable[EpisodeRow]) -> tuple[FailedBy, ...]:
    """Return failed searches by language, then by surface, those with most searches first."""
    kinds: dict[str, dict[str, Counter[str]]] = {"language": {}, "surface": {}}
    for row in rows:
        for language, surface, failure, number in row.data.get("asked", ()) if row.ended else ():
            for kind, value in (("language", language), ("surface", surface)):
                kinds[kind].setdefault(value, Counter())[failure] += number
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
