"""Episodes, failed searches and tickets of a span of time, as reports add them up.

Promises rows and no sums. Knows no definition.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.insight.facts import Failure, Outcome
from kb.insight.report import EpisodeRow, FailedRow
from kb.people.roles import STAFF_ROLES
from kb.schema import episodes, failed_searches, tickets, users


def episode_rows(connection: Connection, start: datetime, end: datetime) -> tuple[EpisodeRow, ...]:
    """Return the episodes that started in [start, end)."""
    query = sa.select(episodes).where(episodes.c.started_at >= start, episodes.c.started_at < end)
    return tuple(
        EpisodeRow(row.id, Outcome(row.outcome), row.ended, row.closed, row.unresolved, row.data)
        for row in connection.execute(query)
    )


def failed_rows(connection: Connection, start: datetime, end: datetime) -> tuple[FailedRow, ...]:
    """Return the failed searches of the episodes that started in [start, end)."""
    joined = failed_searches.join(episodes, episodes.c.id == failed_searches.c.episode_id)
    query = (
        sa.select(failed_searches)
        .select_from(joined)
        .where(episodes.c.started_at >= start, episodes.c.started_at < end)
    )
    return tuple(
        FailedRow(row.episode_id, row.visitor, Failure(row.failure), row.words or "", row.words_key)
        for row in connection.execute(query)
    )


def tickets_by_origin(connection: Connection, start: datetime, end: datetime) -> dict[str, int]:
    """Return how many tickets were created in [start, end), by origin; staff's own left out."""
    staff = sa.select(users.c.id).where(users.c.role.in_([role.value for role in STAFF_ROLES]))
    by_staff = sa.and_(tickets.c.requester_id.is_not(None), tickets.c.requester_id.in_(staff))
    query = (
        sa.select(tickets.c.origin, sa.func.count())
        .where(tickets.c.created_at >= start, tickets.c.created_at < end, ~by_staff)
        .group_by(tickets.c.origin)
    )
    return {row[0]: row[1] for row in connection.execute(query)}
