"""Read the rows that reports add up: episodes, failed searches, events on articles and tickets.

Nothing is added up here, except that tickets are counted. Times of tickets are read as seconds
computed by the database, so that a year of tickets needs no conversion of times.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from kb.accounts.roles import STAFF_ROLES
from kb.analytics.article_metrics import FailedNear, Seen, Vote
from kb.analytics.model import EpisodeRow, FailedRow, Failure, Outcome
from kb.analytics.ticket_metrics import Alike
from kb.schema import episodes, events, failed_searches, tickets, users
from kb.tracking.events import EventKind

# -- Episodes, failed searches, articles and counts of tickets --


def episode_rows(connection: Connection, start: datetime, end: datetime) -> tuple[EpisodeRow, ...]:
    """Return the episodes that started in [start, end)."""
    query = sa.select(episodes).where(episodes.c.started_at >= start, episodes.c.started_at < end)
    return tuple(_episode(row) for row in connection.execute(query))


def _episode(row: sa.Row[Any]) -> EpisodeRow:
    return EpisodeRow(
        id=row.id,
        outcome=Outcome(row.outcome),
        ended=row.ended,
        closed=row.closed,
        unresolved=row.unresolved,
        data=row.data,
        visitor=row.visitor,
        started_at=row.started_at,
        ended_at=row.ended_at,
        definition=row.definition,
    )


def episodes_after(
    connection: Connection,
    start: datetime,
    end: datetime,
    *,
    place: tuple[datetime, str],
    most: int,
) -> tuple[EpisodeRow, ...]:
    """Return the first `most` episodes that started in [start, end) and follow `place`, a (start,
    id), in that order.
    """
    at, name = place
    later = sa.or_(
        episodes.c.started_at > at,
        sa.and_(episodes.c.started_at == at, episodes.c.id > name),
    )
    query = (
        sa.select(episodes)
        .where(episodes.c.started_at >= max(start, at), episodes.c.started_at < end, later)
        .order_by(episodes.c.started_at, episodes.c.id)
        .limit(most)
    )
    return tuple(_episode(row) for row in connection.execute(query))


def started_at(connection: Connection, episode_id: str) -> datetime | None:
    """Return when an episode started, None for an unknown id."""
    query = sa.select(episodes.c.started_at).where(episodes.c.id == episode_id)
    found: datetime | None = connection.scalar(query)
    return found


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
    """Return the number of tickets opened here in [start, end) by origin, without staff's own."""
    query = (
        sa.select(tickets.c.origin, sa.func.count())
        .where(*of_requesters(start, end))
        .group_by(tickets.c.origin)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def tickets_by_tier(connection: Connection, start: datetime, end: datetime) -> dict[int, int]:
    """Return how many tickets of [start, end) are at each tier now, without staff's own."""
    query = (
        sa.select(tickets.c.tier, sa.func.count())
        .where(*of_requesters(start, end))
        .group_by(tickets.c.tier)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def of_requesters(start: datetime, end: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions for tickets created in [start, end), without staff's own."""
    staff = sa.select(users.c.id).where(users.c.role.in_([role.value for role in STAFF_ROLES]))
    by_staff = sa.and_(tickets.c.requester_id.is_not(None), tickets.c.requester_id.in_(staff))
    return tickets.c.created_at >= start, tickets.c.created_at < end, ~by_staff


def outside(connection: Connection, start: datetime, end: datetime) -> tuple[int, int]:
    """Return the number of external tickets of [start, end): (matched to a visitor, all)."""
    matched = sa.func.count(sa.case((events.c.visitor != "", 1)))
    query = sa.select(matched, sa.func.count()).where(
        # A literal, not a parameter: only then is the partial index on tickets used.
        events.c.kind == sa.literal_column(f"'{EventKind.TICKET_CREATED.value}'"),
        events.c.at >= start,
        events.c.at < end,
        events.c.left_out == "",
        events.c.data["origin"].as_string() == "outside",
    )
    row = connection.execute(query).one()
    return row[0], row[1]


def articles_seen(connection: Connection, start: datetime, end: datetime) -> tuple[Seen, ...]:
    """Return each view of an article in [start, end), with the search that led there."""
    views, searches = events.alias("views"), events.alias("searches")
    joined = views.outerjoin(
        searches,
        sa.and_(searches.c.id == views.c.search_id, searches.c.visitor == views.c.visitor),
    )
    query = (
        sa.select(views.c.article, views.c.visitor, searches.c.words, searches.c.words_key)
        .select_from(joined)
        .where(*_of_readers(views, EventKind.VIEW, start, end))
    )
    return tuple(
        Seen(row.article, row.visitor, row.words or "", row.words_key or "")
        for row in connection.execute(query)
    )


def votes(connection: Connection, start: datetime, end: datetime) -> tuple[Vote, ...]:
    """Return the votes on articles in [start, end)."""
    query = sa.select(events.c.article, events.c.visitor, events.c.at, events.c.data).where(
        *_of_readers(events, EventKind.VOTE, start, end)
    )
    return tuple(
        _vote(row.article, row.visitor, row.at, row.data) for row in connection.execute(query)
    )


def _vote(article: str, visitor: str, at: datetime, data: Mapping[str, Any]) -> Vote:
    helpful = bool(data.get("helpful"))
    return Vote(article, visitor, at, helpful, "" if helpful else str(data.get("reason", "")))


def failed_near(connection: Connection, start: datetime, end: datetime) -> tuple[FailedNear, ...]:
    """Return the failed searches of [start, end), each with its first results."""
    joined = failed_searches.join(events, events.c.id == failed_searches.c.search_id)
    query = (
        sa.select(
            failed_searches.c.visitor,
            failed_searches.c.words,
            failed_searches.c.words_key,
            events.c.data,
        )
        .select_from(joined)
        .where(failed_searches.c.at >= start, failed_searches.c.at < end)
    )
    return tuple(
        FailedNear(row.visitor, row.words or "", row.words_key, _named(row.data))
        for row in connection.execute(query)
    )


def _named(data: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(hit[0]) for hit in data.get("hits", ()))


def _of_readers(
    table: sa.FromClause, kind: EventKind, start: datetime, end: datetime
) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions for events of readers on articles, without staff and robots."""
    columns = table.c
    return (
        columns.kind == kind.value,
        columns.at >= start,
        columns.at < end,
        columns.article.is_not(None),
        columns.left_out == "",
    )


# -- Tickets and their times --


class seconds_between(sa.sql.expression.ColumnElement[float]):  # noqa: N801, reads as a function
    """The seconds from one time to another; null if either is null."""

    inherit_cache = False
    type = sa.Float()

    def __init__(self, start: sa.ColumnElement[Any], end: sa.ColumnElement[Any]) -> None:
        self.start, self.end = start, end


@compiles(seconds_between)
def _seconds(element: seconds_between, compiler: SQLCompiler, **more: Any) -> str:
    start, end = (compiler.process(each, **more) for each in (element.start, element.end))
    if compiler.dialect.name == "sqlite":
        return f"round((julianday({end}) - julianday({start})) * 86400.0, 3)"
    return f"CAST(extract(epoch FROM ({end} - {start})) AS double precision)"


def tickets_alike(connection: Connection, start: datetime, end: datetime) -> tuple[Alike, ...]:
    """Return the tickets created in [start, end), without staff's own."""
    columns = tickets.c
    began = sa.literal(start, columns.created_at.type)
    common = (
        columns.origin,
        columns.status,
        columns.tier,
        columns.resolution,
        columns.raised_by_clock,
        columns.raised_by_hand,
        columns.returned,
        columns.answers,
        columns.resolutions,
    )
    times = (
        seconds_between(began, columns.created_at),
        seconds_between(columns.created_at, columns.resolved_at),
        seconds_between(columns.created_at, columns.answered_at),
    )
    query = sa.select(*common, *times).where(*of_requesters(start, end))
    split = len(common)
    found: dict[tuple[Any, ...], list[Any]] = {}
    for row in connection.execute(query):
        found.setdefault(row[:split], []).append(row[split:])
    names = [column.key for column in common]
    return tuple(
        Alike(**dict(zip(names, life, strict=True)), times=np.array(held, np.float64))
        for life, held in found.items()
    )
