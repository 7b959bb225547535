"""Tickets in the database, and the visitors to whom they may belong.

Promises every ticket that may be a person's, from the desk and from the record. Whether it is
theirs is for the rules.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.insight.facts import TicketSeen
from kb.insight.store import chunks
from kb.schema import events, tickets
from kb.tracking.events import Event, EventKind


def tickets_since(
    connection: Connection, since: datetime, of: Collection[Event] | None = None
) -> tuple[TicketSeen, ...]:
    """Return the tickets that people got since then: from the desk and from the record; of all, or
    those that share a visitor, account or search with one of these events.

    A ticket made for demand is the team's and nobody's own.
    """
    desk = sa.select(
        tickets.c.created_at, tickets.c.visitor, tickets.c.requester_id, tickets.c.search_id
    ).where(tickets.c.created_at >= since, tickets.c.origin != "demand")
    record = sa.select(events.c.at, events.c.visitor, events.c.user_id, events.c.search_id).where(
        events.c.at >= since,
        # Written out, for only then is the index of tickets used.
        events.c.kind == sa.literal_column(f"'{EventKind.TICKET_CREATED.value}'"),
        events.c.visitor != "",
    )
    if of is not None:
        desk = desk.where(_shares(tickets.c.visitor, tickets.c.requester_id, tickets.c, of))
        record = record.where(_shares(events.c.visitor, events.c.user_id, events.c, of))
    rows = [*connection.execute(desk), *connection.execute(record)]
    return tuple(TicketSeen(row[0], row[1] or "", row[2] or "", row[3] or "") for row in rows)


def _shares(
    visitor: sa.Column[Any], account: sa.Column[Any], columns: Any, of: Collection[Event]
) -> sa.ColumnElement[bool]:
    searches = {event.id for event in of if event.kind is EventKind.SEARCH}
    return sa.or_(
        visitor.in_(sorted({event.visitor for event in of})),
        account.in_(sorted({event.user_id for event in of if event.user_id})),
        columns.search_id.in_(sorted(searches)),
    )


def visitors_of(connection: Connection, seen: Iterable[TicketSeen]) -> set[str]:
    """Return the visitors to whom these tickets may belong."""
    seen = tuple(seen)
    found = {ticket.visitor for ticket in seen if ticket.visitor}
    for column, name in ((events.c.id, "search_id"), (events.c.user_id, "user_id")):
        values = sorted({getattr(ticket, name) for ticket in seen} - {""})
        for chunk in chunks(values):
            query = sa.select(events.c.visitor).distinct().where(column.in_(chunk))
            found |= set(connection.scalars(query))
    return found
