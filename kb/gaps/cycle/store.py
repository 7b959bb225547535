"""Answers to gaps and the failed searches around them, in the database.

Promises counts of searches and people and no word; that a count that was kept is kept once. Knows
no rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.database import Database
from kb.gaps.closed import ANSWERED, REOPENED
from kb.gaps.cycle.figures import Failures
from kb.gaps.cycle.spans import Spans
from kb.gaps.gap import Event
from kb.schema import failed_searches, gap_effects, gap_events, gap_searches, gaps

CHUNK = 400  # values in one IN (...); SQLite before 3.32 took 999
Key = tuple[str, datetime]  # a gap's id, and when it was answered


def answers(connection: Connection, start: datetime, end: datetime) -> tuple[Event, ...]:
    """Return the first answer of each gap in [start, end), the earliest first."""
    columns = gap_events.c
    query = (
        sa.select(gap_events)
        .where(columns.kind == ANSWERED, columns.at >= start, columns.at < end)
        .order_by(columns.at, columns.seq)
    )
    found: dict[str, Event] = {}
    for row in connection.execute(query):
        found.setdefault(row.gap_id, Event(row.gap_id, row.at, row.kind, row.actor, row.data))
    return tuple(found.values())


def opened_again(connection: Connection, since: datetime) -> dict[str, list[datetime]]:
    """Return when gaps were opened again from then on, by gap."""
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
    """Return when each gap that was first known in [start, end) was known, and first answered;
    those merged into others left out.
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


def failures(connection: Connection, wanted: Mapping[str, Spans]) -> dict[str, Failures]:
    """Return what failed on each gap in its spans, as far as it is on record."""
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


def _counted(seen: Sequence[tuple[datetime, str]], spans: Spans) -> Failures:
    day, before, after = spans.answered, spans.before, spans.after
    early = [visitor for at, visitor in seen if before <= at.date() < day]
    late = [visitor for at, visitor in seen if day < at.date() <= after]
    first = min((at for at, _ in seen), default=None)
    return Failures(len(early), len(set(early)), len(late), len(set(late)), first)


def kept(connection: Connection, start: datetime, end: datetime) -> dict[Key, Failures]:
    """Return the counts that were kept of answers in [start, end)."""
    columns = gap_effects.c
    query = sa.select(gap_effects).where(columns.answered_at >= start, columns.answered_at < end)
    return {
        (row.gap_id, row.answered_at): Failures(
            row.failed_before, row.people_before, row.failed_after, row.people_after, row.first_at
        )
        for row in connection.execute(query)
    }


def keep(db: Database, connection: Connection, counted: Mapping[Key, Failures]) -> int:
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
