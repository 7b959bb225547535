"""Lists of tickets from the database.

Promises one page and the whole count in a stable order. Knows no rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.desk import forms
from kb.desk.queue.filters import NOBODY, Order, Queue, QueueFilter
from kb.desk.store import JOINED, ticket_of
from kb.desk.ticket import ACTIVE, Status, Ticket, parse_number
from kb.desk.workers.store import held_by_nobody
from kb.errors import InvalidInput
from kb.schema import ticket_events, tickets

LONGEST_PAGE = 500
_ORDERS = {
    Order.OLDEST: (tickets.c.created_at, tickets.c.number),
    Order.NEWEST: (tickets.c.created_at.desc(), tickets.c.number.desc()),
    Order.CHANGED: (tickets.c.updated_at.desc(), tickets.c.number.desc()),
}


def queue(connection: Connection, filters: QueueFilter) -> Queue:
    """Return the page of tickets that `filters` asks for."""
    conditions = _conditions(filters)
    total = connection.execute(
        sa.select(sa.func.count()).select_from(tickets).where(*conditions)
    ).scalar_one()
    page = (
        sa.select(tickets)
        .where(*conditions)
        .order_by(*_ORDERS[filters.order])
        .limit(max(0, min(filters.limit, LONGEST_PAGE)))
        .offset(max(0, filters.offset))
    )
    return Queue(_tickets(connection, page), total)


def own(connection: Connection, user_id: str) -> tuple[Ticket, ...]:
    """Return the tickets that an account asked for or joined, newest first."""
    joined = sa.select(ticket_events.c.ticket_id).where(
        ticket_events.c.kind == JOINED, ticket_events.c.actor == joined_actor(user_id)
    )
    mine = sa.or_(tickets.c.requester_id == user_id, tickets.c.id.in_(joined))
    page = sa.select(tickets).where(mine).order_by(*_ORDERS[Order.NEWEST]).limit(LONGEST_PAGE)
    return _tickets(connection, page)


def joined_actor(user_id: str) -> str:
    """Return the actor under which a joining is kept; it is looked up by it, and never shown."""
    return f"user:{user_id}"


def overdue(
    connection: Connection, tier: int, *, before: datetime, status: Sequence[Status]
) -> tuple[Ticket, ...]:
    """Return the tickets at that tier since before that time, the longest there first."""
    page = (
        sa.select(tickets)
        .where(tickets.c.tier == tier, tickets.c.tier_since <= before, tickets.c.status.in_(status))
        .order_by(tickets.c.tier_since)
        .limit(LONGEST_PAGE)
    )
    return _tickets(connection, page)


def open_by_tier(connection: Connection) -> dict[int, int]:
    """Return how many tickets are neither resolved nor closed, by the level of their tier."""
    open_now = tickets.c.status.in_(sorted(ACTIVE))
    query = sa.select(tickets.c.tier, sa.func.count()).where(open_now).group_by(tickets.c.tier)
    return {int(tier): int(number) for tier, number in connection.execute(query)}


def _tickets(connection: Connection, page: sa.Select[tuple[object, ...]]) -> tuple[Ticket, ...]:
    return tuple(ticket_of(row) for row in connection.execute(page).mappings())


def _conditions(filters: QueueFilter) -> list[sa.ColumnElement[bool]]:
    """Return what a ticket must fulfil."""
    found: list[sa.ColumnElement[bool]] = [tickets.c.status.in_(filters.status)]
    if filters.tier is not None:
        found.append(tickets.c.tier == filters.tier)
    if filters.assignee is not None:
        found.append(_held_by(filters.assignee))
    if filters.origin is not None:
        found.append(tickets.c.origin == filters.origin)
    if filters.before is not None:
        found.append(tickets.c.created_at < filters.before)
    if words := forms.line(filters.words):
        found.append(_about(words))
    return found


def _held_by(assignee: str) -> sa.ColumnElement[bool]:
    if assignee == NOBODY:
        return held_by_nobody()
    return tickets.c.assignee_id == assignee


def _about(words: str) -> sa.ColumnElement[bool]:
    """Return the condition that the words, each of them, are in the subject, or are a number."""
    each = [tickets.c.subject.icontains(word, autoescape=True) for word in words.split()[:10]]
    try:
        return sa.or_(sa.and_(*each), tickets.c.number == parse_number(words))
    except InvalidInput:
        return sa.and_(*each)
