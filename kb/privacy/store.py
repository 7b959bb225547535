"""Counts of what is held and hidden, from the database.

Promises numbers and times, never words. Knows no person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.privacy.figures import EventCount
from kb.schema import (
    erasures,
    events,
    failed_searches,
    offers,
    outbox,
    question_vectors,
    salts,
    subscriptions,
    tickets,
    users,
)


def events_by_kind(connection: Connection) -> tuple[EventCount, ...]:
    """Return the events by kind, most first."""
    left = events.c.left_out
    query = sa.select(
        events.c.kind,
        sa.func.count().label("events"),
        sa.func.count(sa.case((left == "staff", 1))).label("staff"),
        sa.func.count(sa.case((left == "robot", 1))).label("robots"),
        sa.func.count(events.c.words).label("worded"),
    ).group_by(events.c.kind)
    found = [EventCount(*row) for row in connection.execute(query)]
    return tuple(sorted(found, key=lambda each: (-each.events, each.kind)))


def oldest_words(connection: Connection) -> datetime | None:
    """Return when the oldest words that are still held were recorded."""
    times = [
        connection.scalar(sa.select(sa.func.min(table.c.at)).where(table.c.words.is_not(None)))
        for table in (events, failed_searches)
    ]
    return min(filter(None, times), default=None)


def redacted(
    connection: Connection, since: datetime, kinds: Sequence[str]
) -> tuple[int, int, dict[str, int]]:
    """Return since then: searches and votes, those in which something was hidden, and how much by
    kind. What staff and robots typed counts too: it is hidden as well.
    """
    hidden = events.c.data["redacted"]
    told = [sa.func.coalesce(sa.func.sum(hidden[kind].as_integer()), 0) for kind in kinds]
    some = [sa.func.coalesce(hidden[kind].as_integer(), 0) for kind in kinds]
    any_of = sa.or_(*(each > 0 for each in some))
    query = sa.select(sa.func.count(), sa.func.count(sa.case((any_of, 1))), *told).where(
        events.c.at >= since, events.c.kind.in_(["search", "vote"])
    )
    row = connection.execute(query).one()
    return row[0], row[1], {kind: int(count) for kind, count in zip(kinds, row[2:], strict=True)}


def wordings(connection: Connection, k: int) -> tuple[int, int]:
    """Return how many different words are held, and how many of them `k` people or more made."""
    people = sa.func.count(sa.distinct(events.c.visitor))
    groups = (
        sa.select(events.c.words_key, people.label("people"))
        .where(events.c.words.is_not(None), events.c.left_out == "")
        .group_by(events.c.words_key)
        .subquery()
    )
    query = sa.select(sa.func.count(), sa.func.count(sa.case((groups.c.people >= k, 1))))
    row = connection.execute(query.select_from(groups)).one()
    return row[0], row[1]


def salts_held(connection: Connection) -> tuple[int, str]:
    """Return how many days' salts are held, and the oldest day."""
    row = connection.execute(sa.select(sa.func.count(), sa.func.min(salts.c.day))).one()
    return row[0], row[1] or ""


def held(connection: Connection) -> Mapping[str, int]:
    """Return how many rows with personal data are held, by what they are."""
    named = sa.or_(tickets.c.requester_email != "", tickets.c.requester_name != "")
    return {
        "accounts": _count(connection, users),
        "tickets that name a person": _count(connection, tickets, named),
        "letters not delivered yet": _count(connection, outbox, outbox.c.state == "waiting"),
        "letters refused for good": _count(connection, outbox, outbox.c.state == "dead"),
        "addresses of letters delivered": _count(
            connection,
            outbox,
            outbox.c.state == "delivered",
            outbox.c.payload["to"].as_string().is_not(None),
        ),
        "offers of a ticket with words": _count(connection, offers, offers.c.words != ""),
        "people waiting for an answer": _count(
            connection, subscriptions, subscriptions.c.told_at.is_(None)
        ),
        "vectors made of words": _count(connection, question_vectors),
        "people erased so far": _count(connection, erasures),
    }


def _count(connection: Connection, table: sa.Table, *where: sa.ColumnElement[Any]) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(*where)
    return int(connection.execute(query).scalar_one())
