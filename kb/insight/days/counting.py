"""Days brought up to date: each counted from its rows when something of it has changed.

Promises that counting twice, or in two processes at once, leaves the same counts as once, and that
a day which changes meanwhile is counted again. Knows neither rules nor SQL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta

from kb.database import Connection, Database
from kb.errors import NotReady
from kb.insight.days import store
from kb.insight.days.tally import Tally, tally
from kb.insight.figures.store import episode_rows, failed_rows, outside

MOST_AT_ONCE = 14  # days that a report counts itself before it sends its reader away for a while


def bring_up_to_date(
    db: Database,
    now: datetime,
    *,
    most: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Count the days that have changed, the latest first, at most `most` of them; return how many.

    Each day is a transaction of its own. `progress` is told (done, all).
    """
    with db.read() as connection:
        waiting = store.stale(connection)[:most]
    for done, one in enumerate(waiting):
        if progress:
            progress(done, len(waiting))
        with db.read() as connection:
            found = _count(connection, one.day)
        with db.begin() as connection:
            store.keep(connection, one, found, now=now)
    return len(waiting)


def _count(connection: Connection, day: date) -> Tally:
    start = datetime.combine(day, time(), UTC)
    end = start + timedelta(days=1)
    found = tally(episode_rows(connection, start, end), failed_rows(connection, start, end))
    found.sums["outside_matched"], found.sums["outside"] = outside(connection, start, end)
    return found


def searches_by_day(connection: Connection, first: date, last: date) -> dict[date, int]:
    """Return the searches of ended episodes by the UTC day on which the episode started; NotReady
    as for `days_of`.
    """
    days = days_of(connection, first, last, people=())
    return {day: tally.sums["searches"] for day, tally in days.items()}


def days_of(
    connection: Connection, first: date, last: date, *, people: Sequence[str] = store.PEOPLE
) -> dict[date, Tally]:
    """Return the counts of the days of a range, in order; of what does not add up only `people`,
    some of store.PEOPLE. Marks of articles may be missing: `marks_of` has them.

    Days that have changed since they were counted are counted here and not kept. Raises NotReady
    while more than MOST_AT_ONCE wait to be counted.
    """
    fresh = _fresh(connection, first, last)
    found = store.counted(connection, first, last, people=people)
    return dict(sorted((found | fresh).items()))


def marks_of(connection: Connection, first: date, last: date) -> dict[str, Counter[str]]:
    """Return by article its marks over the days of a range; NotReady as for `days_of`."""
    fresh = _fresh(connection, first, last)
    marks = store.marks(connection, first, last, without=sorted(fresh))
    for day in fresh.values():
        for slug, counts in day.marks.items():
            marks.setdefault(slug, Counter()).update(counts)
    return marks


def _fresh(connection: Connection, first: date, last: date) -> dict[date, Tally]:
    """Return the days of a range that have changed since they were counted, counted now."""
    waiting = store.stale(connection, first, last)
    if len(waiting) > MOST_AT_ONCE:
        days = (last - first).days + 1
        raise NotReady(
            f"{len(waiting)} of the {days} days of this range are still being counted.",
            "Open the report again in a few minutes, or run: kb report rebuild",
        )
    return {one.day: _count(connection, one.day) for one in waiting}
