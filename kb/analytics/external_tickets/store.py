"""Database queries for external tickets: confirmed addresses, webhook calls, known tickets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from kb.config.ticket_hooks import REMEMBERED, Call
from kb.database import Connection, insert_into
from kb.errors import NotAllowed
from kb.schema import events, hook_calls, subscriptions
from kb.tracking.events import EventKind

AT_ONCE = 500  # ids in one query


def confirmed_visitor(connection: Connection, email: str, at: datetime) -> str:
    """Return the visitor with a subscription of this confirmed address before `at`, else ""."""
    query = (
        sa.select(events.c.visitor)
        .select_from(subscriptions.join(events, events.c.id == subscriptions.c.search_id))
        .where(
            subscriptions.c.email == email,
            subscriptions.c.confirmed_at.is_not(None),
            subscriptions.c.created_at <= at,
        )
        .order_by(subscriptions.c.created_at.desc())
        .limit(1)
    )
    return connection.scalar(query) or ""


def first_call(connection: Connection, call: Call, now: datetime) -> bool:
    """Store a webhook call; return whether it is new.

    Raises NotAllowed if its id was used before with another body: one of the two would be lost.
    """
    connection.execute(sa.delete(hook_calls).where(hook_calls.c.at < now - REMEMBERED))
    row = {"hook": call.hook, "id": call.id, "digest": call.digest, "at": now}
    insert = insert_into(connection, hook_calls).on_conflict_do_nothing()
    statement = insert.execution_options(preserve_rowcount=True)
    if connection.execute(statement, row).rowcount:
        return True
    kept = connection.scalar(
        sa.select(hook_calls.c.digest).where(
            hook_calls.c.hook == call.hook, hook_calls.c.id == call.id
        )
    )
    if kept != call.digest:
        raise NotAllowed(
            "This webhook-id came before with another body.",
            "Give each message an id of its own. Nothing was taken.",
        )
    return False


def known(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Return which of these events are in the event log."""
    found: set[str] = set()
    for start in range(0, len(ids), AT_ONCE):
        query = sa.select(events.c.id).where(events.c.id.in_(ids[start : start + AT_ONCE]))
        found.update(connection.scalars(query))
    return found


def first_visit(connection: Connection) -> datetime | None:
    """Return the time of the first event other than a ticket, None without one."""
    query = (
        sa.select(events.c.at)
        .where(events.c.kind != EventKind.TICKET_CREATED.value)
        .order_by(events.c.at)
        .limit(1)
    )
    found: datetime | None = connection.scalar(query)
    return found
