"""The event log in the database: writing events and reading them.

An event is stored once however often it is put. Of words being typed only the last form is kept. No
request waits long for a lock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from kb.database import Database, hasty
from kb.schema import events, salts
from kb.tracking.events import TYPED, Event, EventKind

TYPING = timedelta(seconds=60)  # after a longer pause the next words are another search
# How many of the visitor's last events are searched for words being typed: more than one person
# causes in that time, while one address may stand for a thousand people.
LOOKED_THROUGH = 50
# The site itself records tickets, possibly under an account that was signed in to just before.
_TRUSTED = frozenset({EventKind.TICKET_CREATED, EventKind.SEARCH})


def put(db: Database, batch: Sequence[Event]) -> None:
    """Put events in one short transaction, in order; an event already stored stays as it is."""
    with hasty(db) as connection:
        for event in batch:
            add(db, connection, event)


def put_all(db: Database, batch: Sequence[Event]) -> int:
    """Put events in one transaction, in order; return how many were new."""
    with db.begin() as connection:
        return sum(add(db, connection, event) for event in batch)


def add(db: Database, connection: Connection, event: Event) -> int:
    """Put one event on an open transaction; return 1 if it was new and not superseded, else 0."""
    if event.kind is EventKind.SEARCH:
        if _superseded(connection, event):
            return 0
        _forget_typed(connection, event)
    return db.insert_once(connection, events, [_row(connection, event)])


def _row(connection: Connection, event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "at": event.at,
        "kind": event.kind.value,
        "visitor": event.visitor,
        "user_id": event.user_id or None,
        "search_id": _own_search(connection, event),
        "article": event.article,
        "words": event.words,
        "words_key": event.words_key,
        "left_out": event.left_out,
        "data": dict(event.data),
    }


def _own_search(connection: Connection, event: Event) -> str | None:
    """Return the event's search id, None when that search is another visitor's.

    An unknown id is kept: its search may still wait in the spool, and it is nobody else's.
    """
    if event.kind in _TRUSTED or not event.search_id:
        return event.search_id
    owner = connection.scalar(_OWNER, {"search": event.search_id})
    return event.search_id if owner in (None, event.visitor) else None


def _superseded(connection: Connection, event: Event) -> bool:
    """Return whether this is a form of words being typed that a later search, stored earlier,
    replaces and that no event refers to.
    """
    if event.surface not in TYPED:
        return False
    about = {"event": event.id, "whose": event.visitor, "then": event.at}
    return bool(connection.scalar(_LATER, about | {"until": event.at + TYPING}))


def _forget_typed(connection: Connection, event: Event) -> None:
    """Delete earlier forms of the words that this search completes, unless events refer to them."""
    about = {"event": event.id, "whose": event.visitor, "then": event.at}
    connection.execute(_FORGET, about | {"since": event.at - TYPING})


# These statements run for every search, and building one costs more than running it.
_OWNER = sa.select(events.c.visitor).where(events.c.id == sa.bindparam("search"))


def _later_typed() -> sa.Select[tuple[bool]]:
    """Return the statement behind `_superseded`."""
    later = sa.and_(
        events.c.visitor == sa.bindparam("whose"),
        events.c.kind == EventKind.SEARCH.value,
        events.c.id != sa.bindparam("event"),
        events.c.at > sa.bindparam("then"),
        events.c.at <= sa.bindparam("until"),
    )
    used = sa.exists().where(
        events.c.search_id == sa.bindparam("event"), events.c.id != sa.bindparam("event")
    )
    return sa.select(sa.exists().where(later) & ~used)


def _earlier_typed() -> sa.Delete:
    """Return the statement behind `_forget_typed`."""
    before = (
        sa.select(events.c.id, events.c.kind, events.c.data["surface"].as_string().label("surface"))
        .where(
            events.c.visitor == sa.bindparam("whose"),
            events.c.at >= sa.bindparam("since"),
            events.c.at <= sa.bindparam("then"),
        )
        .order_by(events.c.at.desc())
        .limit(LOOKED_THROUGH)
        .subquery()
    )
    forms = sa.select(before.c.id).where(
        before.c.kind == EventKind.SEARCH.value,
        before.c.surface.in_([surface.value for surface in TYPED]),
        before.c.id != sa.bindparam("event"),
    )
    used = events.alias("used")
    mine = sa.and_(used.c.search_id == events.c.id, used.c.id != events.c.id)
    return sa.delete(events).where(events.c.id.in_(forms), ~sa.exists().where(mine))


_LATER, _FORGET = _later_typed(), _earlier_typed()


# -- reading ------------------------------------------------------------------------------------


def event_of(row: Row[Any]) -> Event:
    """Return the event that a row of `events` holds."""
    return Event(
        id=row.id,
        at=row.at,
        kind=EventKind(row.kind),
        visitor=row.visitor,
        user_id=row.user_id,
        search_id=row.search_id,
        article=row.article,
        words=row.words,
        words_key=row.words_key,
        left_out=row.left_out,
        data=row.data,
        seq=row.seq,
    )


def of_search(db: Database, search_id: str) -> tuple[Event, ...]:
    """Return the search and the events that refer to it, in order of time."""
    return _select(db, events.c.search_id == search_id)


def of_visitor(db: Database, visitor: str, since: datetime) -> tuple[Event, ...]:
    """Return what the visitor did from `since` on, in order of time."""
    return _select(db, sa.and_(events.c.visitor == visitor, events.c.at >= since))


def _select(db: Database, where: sa.ColumnElement[bool]) -> tuple[Event, ...]:
    query = sa.select(events).where(where).order_by(events.c.at, events.c.seq)
    with db.read() as connection:
        return tuple(event_of(row) for row in connection.execute(query))


def search_of(db: Database, search_id: str) -> Event | None:
    """Return the search of that id, None when there is none."""
    found = _select(db, sa.and_(events.c.id == search_id, events.c.kind == EventKind.SEARCH.value))
    return found[0] if found else None


def did(db: Database, visitor: str, kinds: Mapping[EventKind, datetime]) -> bool:
    """Return whether the visitor did any of these kinds of events since the time given for it."""
    any_of = [sa.and_(events.c.kind == kind.value, events.c.at >= at) for kind, at in kinds.items()]
    query = sa.select(sa.exists().where(events.c.visitor == visitor, sa.or_(*any_of)))
    with db.read() as connection:
        return bool(connection.scalar(query))


def latest_search(db: Database, visitor: str, words_key: str, since: datetime) -> str | None:
    """Return the id of the visitor's last search for these words from `since` on, or None."""
    query = (
        sa.select(events.c.id)
        .where(
            events.c.visitor == visitor,
            events.c.at >= since,
            events.c.kind == EventKind.SEARCH.value,
            events.c.words_key == words_key,
        )
        .order_by(events.c.at.desc())
        .limit(1)
    )
    with db.read() as connection:
        return connection.scalar(query)


def salt_of(db: Database, day: str, fresh: bytes) -> bytes:
    """Return the day's salt, storing `fresh` if there is none; all machines get the same."""
    query = sa.select(salts.c.salt).where(salts.c.day == day)
    with db.read() as connection:
        found = connection.scalar(query)
    if found is None:
        with hasty(db) as connection:
            db.insert_once(connection, salts, [{"day": day, "salt": fresh}])
            found = connection.scalar(query)
    return bytes(found or fresh)
