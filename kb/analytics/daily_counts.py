"""The counts of one UTC day, made from its episodes and failed searches.

Adding the counts of several days gives the same as counting all their rows at once. Visitors are
kept as hash numbers, so that a person who came on two days is counted once.
See docs/decisions/0014-reports-add-up-days.md.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from math import log2
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kb.analytics.model import EpisodeRow, FailedRow, Outcome
from kb.analytics.outcomes import MARKS, WAITS
from kb.tracking.events import Arm

Numbers = NDArray[np.uint64]
Records = NDArray[np.void]
EXPOSED = np.dtype([("visitor", "<u8"), ("shown", "?"), ("share", "u1"), ("ticketed", "?")])
# `failure` is the `code` of a Failure.
FAILED = np.dtype([("words", "<u8"), ("visitor", "<u8"), ("failure", "u1")])
STAGES = ("", "searched", "opened", "read")  # how far an episode got; "" without a search
DIMENSIONS = ("language", "surface", "device", "collection")
# Times are kept in logarithmic steps, eight to a doubling: a median is right to 4.5 %.
STEPS_A_DOUBLING = 8
DEEPEST = 50  # results beyond this rank are counted at this rank


class EpisodeKind(NamedTuple):
    """The properties by which reports distinguish episodes."""

    outcome: str
    closed: bool
    ended: bool
    form: bool
    survey: str
    unresolved: bool
    stage: str
    definition: int


class Waited(NamedTuple):
    """The outcome that a closed episode has if tickets are awaited for `hours`."""

    hours: int
    outcome: str
    survey: str


class SearchGroup(NamedTuple):
    """A search by one of DIMENSIONS and its value; `failure` is "" for one that did not fail."""

    by: str
    value: str
    failure: str


def _none() -> Numbers:
    return np.empty(0, np.uint64)


@dataclass(slots=True)
class DailyTally:
    """The counts of one day or of several. Searches are those of ended episodes, except in `sums`
    whose names begin with "closed". `last_end` is the latest end of an episode.

    `exposed` are the closed episodes at the ticket form in order of time, `failed` the failed
    searches of ended episodes. `marks` counts closed episodes by article and mark.
    """

    kinds: Counter[EpisodeKind] = field(default_factory=Counter)
    waited: Counter[Waited] = field(default_factory=Counter)
    asked: Counter[SearchGroup] = field(default_factory=Counter)
    ranks: Counter[int] = field(default_factory=Counter)
    took: Counter[int] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    sums: Counter[str] = field(default_factory=Counter)
    marks: dict[str, Counter[str]] = field(default_factory=dict)
    last_end: datetime | None = None
    people: Numbers = field(default_factory=_none)
    ticketed: Numbers = field(default_factory=_none)
    exposed: Records = field(default_factory=lambda: np.empty(0, EXPOSED))
    failed: Records = field(default_factory=lambda: np.empty(0, FAILED))


# -- Counting --


def tally(episodes: Sequence[EpisodeRow], failed: Iterable[FailedRow]) -> DailyTally:
    """Return the counts of these episodes and of their failed searches."""
    found = DailyTally()
    for row in episodes:
        _add(found, row)
    closed = [row for row in episodes if row.closed]
    ended = {row.id for row in episodes if row.ended}
    found.last_end = max((row.ended_at for row in episodes if row.ended_at), default=None)
    found.people = _numbers(row.visitor for row in closed)
    found.ticketed = _numbers(row.visitor for row in closed if row.outcome is Outcome.TICKETED)
    found.exposed = _exposed(closed)
    found.failed = _failed(row for row in failed if row.episode_id in ended)
    found.sums["failed"] = len(found.failed)
    return found


def by_day(
    episodes: Iterable[EpisodeRow], failed: Iterable[FailedRow] = ()
) -> dict[date, DailyTally]:
    """Return the counts by the UTC day on which episodes started."""
    days: dict[date, list[EpisodeRow]] = {}
    for row in episodes:
        days.setdefault(row.day, []).append(row)
    failures: dict[str, list[FailedRow]] = {}
    for one in failed:
        failures.setdefault(one.episode_id, []).append(one)
    return {
        day: tally(rows, (one for row in rows for one in failures.get(row.id, ())))
        for day, rows in sorted(days.items())
    }


def _add(found: DailyTally, row: EpisodeRow) -> None:
    data, survey = row.data, str(row.data.get("survey", ""))
    kind = EpisodeKind(
        row.outcome.value,
        row.closed,
        row.ended,
        bool(data.get("form")),
        survey,
        row.unresolved,
        stage_of(data),
        row.definition,
    )
    found.kinds[kind] += 1
    if row.ended:
        _add_searches(found, data)
    if row.closed:
        found.sums["closed_searches"] += int(data.get("searches", 0))
        found.sums["closed_clicked"] += int(data.get("clicked", 0))
        _add_articles(found, data)
        for hours, outcome in _waited(data):
            found.waited[Waited(hours, outcome, survey)] += 1


def stage_of(data: Mapping[str, Any]) -> str:
    """Return the last of STAGES that an episode reached."""
    if not data.get("searches"):
        return ""
    touched = data.get("articles", {}).values()
    if any(marks.get("read") for marks in touched):
        return "read"
    return "opened" if any(marks.get("opened") for marks in touched) else "searched"


def _add_searches(found: DailyTally, data: Mapping[str, Any]) -> None:
    found.sums["searches"] += int(data.get("searches", 0))
    found.sums["reworded"] += int(data.get("reworded", 0))
    found.ranks.update(min(int(rank), DEEPEST) for rank in data.get("ranks", ()))
    found.took.update(step_of(ms) for ms in data.get("took", ()))
    for row in data.get("asked", ()):
        *values, failure, number = row
        for by, value in zip(DIMENSIONS, values, strict=False):
            found.asked[SearchGroup(by, value, failure)] += number


def _add_articles(found: DailyTally, data: Mapping[str, Any]) -> None:
    for slug, marks in data.get("articles", {}).items():
        held = found.marks.setdefault(slug, Counter())
        held.update({mark: marks.get(mark, 0) for mark in MARKS})
        held["resolved"] += bool(marks.get("helpful") or marks.get("solved"))
    found.reasons.update(data.get("reasons", {}).items())


def _waited(data: Mapping[str, Any]) -> Iterable[tuple[int, str]]:
    """Give (wait in hours, outcome under it); nothing for an episode of an old definition."""
    if "otherwise" not in data:
        return
    after = data.get("ticket_after")
    for wait in WAITS:
        late = after is None or after > wait.total_seconds()
        outcome = data["otherwise"] if late else Outcome.TICKETED.value
        yield int(wait.total_seconds() // 3600), outcome


def _numbers(names: Iterable[str]) -> Numbers:
    return distinct(np.fromiter((number_of(name) for name in names), np.uint64))


def distinct(numbers: Numbers) -> Numbers:
    """Return each number once, in order. Sorting is faster here than np.unique."""
    ordered = np.sort(numbers)
    first = np.ones(len(ordered), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    found: Numbers = ordered[first]
    return found


def number_of(name: str) -> int:
    """Return the number that stands for a visitor's pseudonym: the first 64 bits of its BLAKE2b.

    Among two million people, the chance that any two share a number is 1 in 10 million.
    """
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def number_of_words(words_key: str) -> int:
    """Return the number that stands for a words_key: its first 16 hex digits, by which the words
    can be looked up.
    """
    try:
        return int(words_key[:16], 16)
    except ValueError:
        return number_of(words_key)


def _exposed(closed: Iterable[EpisodeRow]) -> Records:
    drawn = [row for row in closed if row.data.get("arm")]
    drawn.sort(key=lambda row: (row.started_at or _BEFORE_ALL, row.id))
    rows = [
        (
            number_of(row.visitor),
            row.data["arm"] == Arm.SHOWN.value,
            min(int(row.data.get("share", 0)), 100),
            row.outcome is Outcome.TICKETED,
        )
        for row in drawn
    ]
    return np.array(rows, EXPOSED)


_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


def _failed(rows: Iterable[FailedRow]) -> Records:
    found = [
        (number_of_words(row.words_key), number_of(row.visitor), row.failure.code) for row in rows
    ]
    return np.sort(np.array(found, FAILED))


# -- Times --


def step_of(ms: float) -> int:
    """Return the step of a time in milliseconds."""
    return round(STEPS_A_DOUBLING * log2(max(ms, 0) + 1))


def ms_of(step: int) -> float:
    """Return the time in milliseconds in the middle of a step."""
    return float(2 ** (step / STEPS_A_DOUBLING) - 1)


def quantile(took: Mapping[int, int], share: float) -> float | None:
    """Return the quantile in ms, to within a step; None without any times."""
    total = sum(took.values())
    seen = 0
    for step in sorted(took):
        seen += took[step]
        if seen >= share * total:
            return ms_of(step)
    return None


# -- Adding up days --


def added(tallies: Iterable[DailyTally]) -> DailyTally:
    """Return the sum of these days, given in order of time."""
    days = list(tallies)
    whole = counts(days)
    for day in days:
        for slug, marks in day.marks.items():
            whole.marks.setdefault(slug, Counter()).update(marks)
    if days:
        whole.people = distinct(np.concatenate([day.people for day in days]))
        whole.ticketed = distinct(np.concatenate([day.ticketed for day in days]))
        whole.exposed = np.concatenate([day.exposed for day in days])
        whole.failed = np.concatenate([day.failed for day in days])
    return whole


def counts(days: Iterable[DailyTally]) -> DailyTally:
    """Return the sum of these days without visitors, single failures and articles."""
    whole = DailyTally()
    for day in days:
        for name in ("kinds", "waited", "asked", "ranks", "took", "reasons", "sums"):
            getattr(whole, name).update(getattr(day, name))
        ends = (each for each in (whole.last_end, day.last_end) if each)
        whole.last_end = max(ends, default=None)
    return whole


def number(kinds: Mapping[EpisodeKind, int], **wanted: Any) -> int:
    """Return how many episodes have the `wanted` values."""
    return sum(
        count
        for kind, count in kinds.items()
        if all(getattr(kind, name) == value for name, value in wanted.items())
    )
