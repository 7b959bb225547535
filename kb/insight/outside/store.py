"""Who asked to be told of an answer, by the address that they confirmed.

Promises a visitor only where the person proved that the address is theirs. Knows no rule.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from kb.db import Connection
from kb.schema import events, subscriptions


def confirmed_visitor(connection: Connection, email: str, at: datetime) -> str:
    """Return the visitor whose confirmed wish of before `at` names the address, "" without one."""
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
