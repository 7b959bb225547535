"""The daily counts in the database: stored as JSON, counted again when a day has changed.

Reading a stored day gives exactly what was written. A day's counts are stored only if nothing of
the day has changed since its rows were read; otherwise it is counted again. Counting twice, or in
two processes at once, gives the same result as counting once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.analytics.daily_counts import (
    EXPOSED,
    FAILED,
    DailyTally,
    EpisodeKind,
    SearchGroup,
    Waited,
    tally,
)
from kb.analytics.report_store import episode_rows, failed_rows, outside
from kb.database import Database, insert_into
from kb.errors import NotReady
from kb.schema import article_days, episodes, failed_searches, report_days
from kb.tracking.query_text import favourite

# -- Packing a tally as JSON and bytes --


_TUPLES: Mapping[str, Callable[..., Any]] = {
    "kinds": EpisodeKind,
    "waited": Waited,
    "asked": SearchGroup,
}
_ARRAYS: Mapping[str, Any] = {
    "people": np.dtype("<u8"),
    "ticketed": np.dtype("<u8"),
    "exposed": EXPOSED,
    "failed": FAILED,
}


def packed(tally: DailyTally) -> dict[str, Any]:
    """Return the columns for a tally: `counts` as JSON values, and bytes for the others.

    Articles' marks are not among them: they have rows of their own.
    """
    counts: dict[str, Any] = {
        name: sorted([*key, count] for key, count in getattr(tally, name).items())
        for name in (*_TUPLES, "reasons")
    }
    for name in ("ranks", "took", "sums"):
        counts[name] = {str(key): n for key, n in sorted(getattr(tally, name).items()) if n}
    counts["last_end"] = tally.last_end.isoformat() if tally.last_end else ""
    return {"counts": counts} | {
        name: getattr(tally, name).astype(kind).tobytes() for name, kind in _ARRAYS.items()
    }


def unpacked(columns: Mapping[str, Any]) -> DailyTally:
    """Return the tally of these columns; a column that was not read counts as empty."""
    counts = columns["counts"]
    found = DailyTally(
        reasons=Counter({(row[0], row[1]): row[2] for row in counts["reasons"]}),
        ranks=Counter({int(key): n for key, n in counts["ranks"].items()}),
        took=Counter({int(key): n for key, n in counts["took"].items()}),
        sums=Counter(counts["sums"]),
        last_end=datetime.fromisoformat(counts["last_end"]) if counts["last_end"] else None,
    )
    for name, kind in _TUPLES.items():
        setattr(found, name, Counter({kind(*row[:-1]): row[-1] for row in counts[name]}))
    for name, dtype in _ARRAYS.items():
        if columns.get(name):
            setattr(found, name, np.frombuffer(columns[name], dtype))
    return found


# -- Rows of days --


LAYOUT = 2  # version of what `packed` writes; a day of another layout is counted again
PEOPLE = ("people", "ticketed", "exposed", "failed")  # columns that cannot simply be added up
LATEST = 20  # failed searches for the same words that are read to choose a wording
_COUNTS = [column for column in article_days.c if column.name not in {"day", "article"}]


@dataclass(frozen=True, slots=True)
class Stale:
    """A day to count, and its change counter `marks` as read before its rows."""

    day: date
    marks: int


def touch(connection: Connection, days: Iterable[date]) -> None:
    """Mark days as changed, in the transaction that changes their episodes. The rows are written
    in order of time, so that two transactions never wait for each other.
    """
    statement = insert_into(connection, report_days).on_conflict_do_update(
        index_elements=["day"], set_={"marks": report_days.c.marks + 1}
    )
    rows = [{"day": day.isoformat(), "marks": 1} for day in sorted(set(days))]
    if rows:
        connection.execute(statement, rows)


def touch_all(connection: Connection) -> None:
    """Mark every stored day as changed."""
    days = connection.scalars(sa.select(report_days.c.day))
    touch(connection, map(date.fromisoformat, days.all()))


def forget_visitors(connection: Connection, visitors: Sequence[str]) -> None:
    """Erase the stored counts of the days on which these visitors came, so that no trace of them
    remains there; the days are counted again later.
    """
    query = sa.select(episodes.c.started_at).where(episodes.c.visitor.in_(visitors))
    found = sorted({at.date().isoformat() for at in connection.scalars(query)})
    touch(connection, map(date.fromisoformat, found))
    emptied = dict.fromkeys(("counts", *PEOPLE))
    connection.execute(
        sa.update(report_days).where(report_days.c.day.in_(found)).values(**emptied, layout=0)
    )


def stale(
    connection: Connection, first: date | None = None, last: date | None = None
) -> list[Stale]:
    """Return the days that must be counted again, latest first: of a range, or all."""
    query = sa.select(report_days.c.day, report_days.c.marks).where(
        sa.or_(report_days.c.marks != report_days.c.counted, report_days.c.layout != LAYOUT),
        *_within(report_days.c.day, first, last),
    )
    rows = connection.execute(query.order_by(report_days.c.day.desc()))
    return [Stale(date.fromisoformat(row.day), row.marks) for row in rows]


def _within(
    column: sa.Column[Any], first: date | None, last: date | None
) -> list[sa.ColumnElement[bool]]:
    found = []
    if first:
        found.append(column >= first.isoformat())
    if last:
        found.append(column <= last.isoformat())
    return found


def keep(connection: Connection, stale: Stale, tally: DailyTally, *, now: datetime) -> None:
    """Store the counts of a day, unless the day has changed since its marks were read: a visitor
    may have been erased meanwhile, and the day must be counted again.
    """
    day = stale.day.isoformat()
    kept = connection.execute(
        sa.update(report_days)
        .where(report_days.c.day == day, report_days.c.marks == stale.marks)
        .values(**packed(tally), counted=stale.marks, layout=LAYOUT, counted_at=now)
    )
    if not kept.rowcount:
        return
    connection.execute(sa.delete(article_days).where(article_days.c.day == day))
    rows = [
        {"day": day, "article": slug} | {column.name: marks[column.name] for column in _COUNTS}
        for slug, marks in sorted(tally.marks.items())
    ]
    if rows:
        connection.execute(sa.insert(article_days), rows)


def counted(
    connection: Connection, first: date, last: date, *, people: Sequence[str] = PEOPLE
) -> dict[date, DailyTally]:
    """Return the days of a range as they were last counted, in order, without articles' marks; of
    the columns in PEOPLE only those in `people`.
    """
    columns = [report_days.c.day, report_days.c.counts, *(report_days.c[name] for name in people)]
    query = (
        sa.select(*columns)
        .where(
            report_days.c.layout == LAYOUT,
            *_within(report_days.c.day, first, last),
        )
        .order_by(report_days.c.day)
    )
    rows = connection.execute(query).mappings()
    return {date.fromisoformat(row["day"]): unpacked(dict(row)) for row in rows}


def marked_days(
    connection: Connection, first: date, last: date, *, without: Sequence[date]
) -> dict[str, Counter[str]]:
    """Return the marks of each article, summed over a range except the days in `without`."""
    query = (
        sa.select(article_days.c.article, *(sa.func.sum(each) for each in _COUNTS))
        .where(
            *_within(article_days.c.day, first, last),
            article_days.c.day.not_in([day.isoformat() for day in without]),
        )
        .group_by(article_days.c.article)
    )
    names = [column.name for column in _COUNTS]
    return {
        row[0]: Counter(dict(zip(names, map(int, row[1:]), strict=True)))
        for row in connection.execute(query)
    }


def kept(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return the stored counts of every up-to-date day, articles included, for comparison."""
    query = sa.select(report_days).where(report_days.c.marks == report_days.c.counted)
    names = ("counts", *PEOPLE)
    found: dict[str, dict[str, Any]] = {
        row["day"]: {name: row[name] for name in names} | {"articles": []}
        for row in connection.execute(query).mappings()
    }
    by_article = sa.select(article_days).order_by(article_days.c.day, article_days.c.article)
    for row in connection.execute(by_article):
        if row.day in found:
            found[row.day]["articles"].append(tuple(row))
    return found


def wordings(
    connection: Connection, numbers: Sequence[int], start: datetime, end: datetime
) -> dict[int, str]:
    """Return a wording for each of these numbers (see `daily_counts.number_of_words`): the one that
    most people used in the last LATEST failed searches of [start, end), "" for forgotten words.
    """
    found = {}
    for number in numbers:
        head = f"{number:016x}"
        key = connection.scalar(
            sa.select(failed_searches.c.words_key)
            .where(failed_searches.c.words_key.between(head, head + "g"))
            .limit(1)
        )
        query = (
            sa.select(failed_searches.c.words, failed_searches.c.visitor)
            .where(
                failed_searches.c.words_key == key,
                failed_searches.c.at >= start,
                failed_searches.c.at < end,
                failed_searches.c.words.is_not(None),
            )
            .order_by(failed_searches.c.at.desc(), failed_searches.c.search_id)
            .limit(LATEST)
        )
        found[number] = favourite((row.words, row.visitor) for row in connection.execute(query))
    return found


# -- Bringing days up to date --


MOST_AT_ONCE = 14  # days that a report counts itself; with more it raises NotReady


def bring_up_to_date(
    db: Database,
    now: datetime,
    *,
    most: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Count the days that have changed, latest first, at most `most` of them; return how many.

    Each day has its own transaction. `progress` is called with (done, all).
    """
    with db.read() as connection:
        waiting = stale(connection)[:most]
    for done, one in enumerate(waiting):
        if progress:
            progress(done, len(waiting))
        with db.read() as connection:
            found = _count(connection, one.day)
        with db.begin() as connection:
            keep(connection, one, found, now=now)
    return len(waiting)


def _count(connection: Connection, day: date) -> DailyTally:
    start = datetime.combine(day, time(), UTC)
    end = start + timedelta(days=1)
    found = tally(episode_rows(connection, start, end), failed_rows(connection, start, end))
    found.sums["outside_matched"], found.sums["outside"] = outside(connection, start, end)
    return found


def searches_by_day(connection: Connection, first: date, last: date) -> dict[date, int]:
    """Return how many searches the ended episodes made, by the UTC day on which the episode
    started. Raises NotReady as `days_of` does.
    """
    days = days_of(connection, first, last, people=())
    return {day: tally.sums["searches"] for day, tally in days.items()}


def days_of(
    connection: Connection, first: date, last: date, *, people: Sequence[str] = PEOPLE
) -> dict[date, DailyTally]:
    """Return the counts of the days of a range, in order; of the columns in PEOPLE only those in
    `people`. Articles' marks may be missing: `marks_of` returns them.

    Days that have changed since they were stored are counted here without storing the result.
    Raises NotReady when more than MOST_AT_ONCE days must be counted.
    """
    fresh = _fresh(connection, first, last)
    found = counted(connection, first, last, people=people)
    return dict(sorted((found | fresh).items()))


def marks_of(connection: Connection, first: date, last: date) -> dict[str, Counter[str]]:
    """Return the marks of each article over a range. Raises NotReady as `days_of` does."""
    fresh = _fresh(connection, first, last)
    marks = marked_days(connection, first, last, without=sorted(fresh))
    for day in fresh.values():
        for slug, counts in day.marks.items():
            marks.setdefault(slug, Counter()).update(counts)
    return marks


def _fresh(connection: Connection, first: date, last: date) -> dict[date, DailyTally]:
    """Return the days of a range that have changed since they were stored, counted now."""
    waiting = stale(connection, first, last)
    if len(waiting) > MOST_AT_ONCE:
        days = (last - first).days + 1
        raise NotReady(
            f"{len(waiting)} of the {days} days of this range are still being counted.",
            "Open the report again in a few minutes, or run: kb report rebuild",
        )
    return {one.day: _count(connection, one.day) for one in waiting}
