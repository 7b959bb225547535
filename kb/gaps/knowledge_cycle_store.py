"""Answers to gaps, and the failed searches before and after them, in the database.

Holds counts of searches and people, no words. The counts of an answer are kept once, when both of
its spans are over, and stay the same when the searches are forgotten later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.analytics.daily_counts_store import searches_by_day
from kb.database import Database
from kb.gaps import store
from kb.gaps.jobs import ANSWERED, REOPENED
from kb.gaps.knowledge_cycle import (
    LONGEST,
    SETTLED,
    AnsweredGap,
    AnswerEffect,
    ComparedDays,
    Failures,
    effect,
    spans,
)
from kb.gaps.model import Gap, GapEvent
from kb.gaps.service import name_of
from kb.schema import failed_searches, gap_effects, gap_events, gap_searches, gaps

# -- Answers to gaps --


CHUNK = 400  # values in one IN (...); SQLite before 3.32 took 999
Key = tuple[str, datetime]  # a gap's id, and when it was answered


def answers_to_gaps(connection: Connection, start: datetime, end: datetime) -> tuple[GapEvent, ...]:
    """Return the first answer of each gap in [start, end), the earliest first."""
    columns = gap_events.c
    query = (
        sa.select(gap_events)
        .where(columns.kind == ANSWERED, columns.at >= start, columns.at < end)
        .order_by(columns.at, columns.seq)
    )
    found: dict[str, GapEvent] = {}
    for row in connection.execute(query):
        found.setdefault(row.gap_id, GapEvent(row.gap_id, row.at, row.kind, row.actor, row.data))
    return tuple(found.values())


def opened_again(connection: Connection, since: datetime) -> dict[str, list[datetime]]:
    """Return when gaps were reopened from `since` on, by gap id."""
    columns = gap_events.c
    query = sa.select(columns.gap_id, columns.at).where(
        columns.kind == REOPENED, columns.at >= since
    )
    found: dict[str, list[datetime]] = {}
    for gap_id, at in connection.execute(query.order_by(columns.at)):
        found.setdefault(gap_id, []).append(at)
    return found


def known(
    connection: Connection, start: datetime, end: datetime
) -> list[tuple[datetime, datetime | None]]:
    """Return when each gap that was first known in [start, end) was first known, and first answered
    (None: not yet). Gaps merged into others are left out.
    """
    first = (
        sa.select(gap_events.c.gap_id, sa.func.min(gap_events.c.at).label("at"))
        .where(gap_events.c.kind == ANSWERED)
        .group_by(gap_events.c.gap_id)
        .subquery()
    )
    query = (
        sa.select(gaps.c.created_at, first.c.at)
        .select_from(gaps.outerjoin(first, first.c.gap_id == gaps.c.id))
        .where(gaps.c.created_at >= start, gaps.c.created_at < end, gaps.c.became_id.is_(None))
    )
    return [(since, at) for since, at in connection.execute(query)]


def created(connection: Connection, ids: Sequence[str]) -> dict[str, datetime]:
    """Return when each of these gaps was first known."""
    found: dict[str, datetime] = {}
    for chunk in _chunks(ids):
        query = sa.select(gaps.c.id, gaps.c.created_at).where(gaps.c.id.in_(chunk))
        found |= {row[0]: row[1] for row in connection.execute(query)}
    return found


# -- failed searches ----------------------------------------------------------------------------


def failures(connection: Connection, wanted: Mapping[str, ComparedDays]) -> dict[str, Failures]:
    """Return what failed on each gap in its spans, as far as searches are still kept."""
    seen: dict[str, list[tuple[datetime, str]]] = {gap_id: [] for gap_id in wanted}
    for chunk in _chunks(sorted(wanted)):
        query = (
            sa.select(gap_searches.c.gap_id, gap_searches.c.at, failed_searches.c.visitor)
            .select_from(
                gap_searches.join(
                    failed_searches, failed_searches.c.search_id == gap_searches.c.search_id
                )
            )
            .where(gap_searches.c.gap_id.in_(chunk))
        )
        for gap_id, at, visitor in connection.execute(query):
            seen[gap_id].append((at, visitor))
    return {gap_id: _counted(seen[gap_id], spans) for gap_id, spans in wanted.items()}


def _counted(seen: Sequence[tuple[datetime, str]], spans: ComparedDays) -> Failures:
    day, before, after = spans.answered, spans.before, spans.after
    early = [visitor for at, visitor in seen if before <= at.date() < day]
    late = [visitor for at, visitor in seen if day < at.date() <= after]
    first = min((at for at, _ in seen), default=None)
    return Failures(len(early), len(set(early)), len(late), len(set(late)), first)


def kept_failures(connection: Connection, start: datetime, end: datetime) -> dict[Key, Failures]:
    """Return the kept counts of answers given in [start, end)."""
    columns = gap_effects.c
    query = sa.select(gap_effects).where(columns.answered_at >= start, columns.answered_at < end)
    return {
        (row.gap_id, row.answered_at): Failures(
            row.failed_before, row.people_before, row.failed_after, row.people_after, row.first_at
        )
        for row in connection.execute(query)
    }


def keep_failures(db: Database, connection: Connection, counted: Mapping[Key, Failures]) -> int:
    """Keep the counts of answers; return how many were not kept before."""
    rows: list[dict[str, Any]] = [
        {
            "gap_id": gap_id,
            "answered_at": answered_at,
            "first_at": found.first_at,
            "failed_before": found.before,
            "people_before": found.people_before,
            "failed_after": found.after,
            "people_after": found.people_after,
        }
        for (gap_id, answered_at), found in counted.items()
    ]
    return db.insert_once(connection, gap_effects, rows)


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


# -- Effects of answers --


SearchesByDay = Callable[[Connection, date, date], Mapping[date, int]]


def keep_effects(db: Database, now: datetime, *, retention: timedelta) -> int:
    """Keep the counts of each answer whose spans are over, once; return how many."""
    with db.read() as connection:
        told = answers_to_gaps(connection, now - retention, now - SETTLED - timedelta(days=LONGEST))
        known = kept_failures(connection, now - retention, now)
        due = {
            event.gap_id: event
            for event in told
            if (event.gap_id, event.at) not in known
            and (held := spans(event.at, now))
            and held.whole
            and held.start >= now - retention
        }
        wanted = {gap_id: ComparedDays(event.at.date(), LONGEST) for gap_id, event in due.items()}
        found = failures(connection, wanted)
    if not found:
        return 0
    with db.begin() as connection:
        counted = {(gap_id, due[gap_id].at): each for gap_id, each in found.items()}
        return keep_failures(db, connection, counted)


def effects(
    connection: Connection,
    start: datetime,
    end: datetime,
    *,
    k: int,
    now: datetime,
    retention: timedelta,
    searches: SearchesByDay = searches_by_day,
) -> tuple[AnswerEffect, ...]:
    """Return the first answer of each gap in [start, end) with what it changed, the latest first.
    `k` and `retention` are the settings; `searches` returns the number of all searches by UTC day.
    """
    told = answers_to_gaps(connection, start, end)
    if not told:
        return ()
    answers = _answers(connection, told, k)
    compared = {each.gap_id: spans(each.answered_at, now) for each in answers}
    kept = kept_failures(connection, start, end)
    live = {
        each.gap_id: held
        for each in answers
        if (each.gap_id, each.answered_at) not in kept
        and (held := compared[each.gap_id] or ComparedDays(each.answered_at.date(), 0)).start
        >= now - retention
    }
    counted: dict[str, Failures] = failures(connection, live)
    counted |= {gap_id: found for (gap_id, _), found in kept.items()}
    days = [each for each in compared.values() if each]
    first, last = (
        (min(d.before for d in days), max(d.after for d in days)) if days else (None, None)
    )
    by_day = searches(connection, first, last) if first and last else {}
    found = [
        effect(each, compared[each.gap_id], counted.get(each.gap_id), by_day) for each in answers
    ]
    return tuple(sorted(found, key=lambda one: one.answer.answered_at, reverse=True))


def _answers(connection: Connection, told: Sequence[GapEvent], k: int) -> list[AnsweredGap]:
    again = opened_again(connection, min(event.at for event in told))
    known = created(connection, [event.gap_id for event in told])
    every = {gap.id: gap for gap in store.every(connection)}
    return [
        _answered(every[event.gap_id], event, known[event.gap_id], again.get(event.gap_id, ()), k)
        for event in told
        if event.gap_id in every
    ]


def _answered(
    gap: Gap, event: GapEvent, known_at: datetime, again: Sequence[datetime], k: int
) -> AnsweredGap:
    return AnsweredGap(
        gap_id=gap.id,
        number=gap.number,
        name=name_of(gap) if gap.people >= k else gap.title,
        people=gap.people,
        merged=bool(gap.became_id),
        known_at=known_at,
        answered_at=event.at,
        article=str(event.data.get("article", "")),
        commit=str(event.data.get("commit", "")),
        again_at=next((at for at in again if at > event.at), None),
    )
