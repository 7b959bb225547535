"""Accounts that can work tickets, and tickets given back by those that no longer can."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.database import Database
from kb.desk.store import Tickets
from kb.desk.ticket import ACTIVE, TicketEvent
from kb.people.roles import Permission, Role, allowed
from kb.schema import tickets, users

WORKING_ROLES = frozenset(role for role in Role if allowed(role, Permission.WORK_TICKETS))
SITE = "The site"


def can_work(connection: Connection, user_id: str, *, hold: bool = False) -> bool:
    """Return whether the account can work tickets; `hold` keeps it from changing until the end of
    the transaction. Hold it before any ticket's row, as whoever switches it off does.
    """
    query = sa.select(users.c.id).where(users.c.id == user_id, *_working())
    query = query.with_for_update(read=True) if hold else query
    return connection.execute(query).first() is not None


def held_by_nobody() -> sa.ColumnElement[bool]:
    """Return the condition that no account which can work tickets has the ticket."""
    worker = sa.select(users.c.id).where(users.c.id == tickets.c.assignee_id, *_working())
    return ~worker.exists()


def give_back(db: Database, connection: Connection, user_id: str, now: datetime) -> int:
    """Give the account's open tickets back to the queue unless it can work tickets; return how many
    there were.
    """
    if can_work(connection, user_id):
        return 0
    held = sa.select(tickets.c.number).where(
        tickets.c.assignee_id == user_id, tickets.c.status.in_(ACTIVE)
    )
    numbers = connection.scalars(held.order_by(tickets.c.number)).all()
    store, given = Tickets(db, connection), 0
    for number in numbers:
        before = store.by_number(number, lock=True)
        if before is None or before.assignee_id != user_id or not before.active:
            continue
        store.save(before, before.given_back(now), _event(now))
        given += 1
    return given


def giving_back(now: datetime) -> Callable[[Database, Connection, str], int]:
    """Return what an account's change calls in its own transaction."""
    return lambda db, connection, user_id: give_back(db, connection, user_id, now)


def _working() -> tuple[sa.ColumnElement[bool], ...]:
    roles = sorted(role.value for role in WORKING_ROLES)
    return users.c.active, users.c.role.in_(roles)


def _event(now: datetime) -> TicketEvent:
    data = {"by": "account", "to_id": None, "to": ""}
    return TicketEvent(now, "given_back", SITE, False, data)
