"""Erases one person's rows on an open transaction, and decides what stays of each row.

Words, names, addresses and every way back to the person go; of the data of ticket events only what
is known to be harmless stays. Kinds, times, tiers, resolutions and articles stay, and so does the
number of rows, of distinct visitors and of wordings, so that past figures do not change. Which rows
are theirs is found by `kb.privacy.store`; whether erasure is allowed is decided by
`kb.privacy.erasure`.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.analytics.daily_counts_store import forget_visitors
from kb.privacy.model import Held
from kb.privacy.store import chunks
from kb.schema import (
    api_tokens,
    episodes,
    erasures,
    events,
    failed_searches,
    gap_events,
    gap_searches,
    gaps,
    kept_reports,
    metadata,
    offers,
    outbox,
    question_vectors,
    report_notes,
    report_views,
    submissions,
    subscriptions,
    ticket_events,
    tickets,
    users,
)
from kb.tickets.requester_store import PrivateLinks

# -- What stays of a row --


SUBJECT = "Erased at the person's request"
REQUESTER = "Requester"
STAFF = "Former member of staff"
FORMER = "former"  # in place of an account's id, where an empty id has a meaning
ERASED = "erased"
# Keys in a ticket event's data whose values are codes, numbers or booleans, never free text.
_HARMLESS = frozenset(
    {"by", "agent_id", "to_id", "to", "from", "to_name", "tier", "since"}
    | {"resolution", "article", "reopened", "waiting", "shown"}
)
_EVENT_WORDS = frozenset({"searched_for", "suggestion", "reason"})
NO_TRAIL: dict[str, Any] = {"started_at": None, "ended_at": None, "searches": [], "articles": []}
NOBODY = {"user_id": "", "name": "", "email": "", "text": "", "search_id": None}


def ticket_event(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stays of the data of an event on the person's own ticket."""
    return {name: value for name, value in data.items() if name in _HARMLESS}


def joining(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stays of the data of joining a team's ticket: only that somebody did."""
    return {"by": data.get("by", ""), "language": data.get("language", "en"), "trail": {}} | NOBODY


def record_event(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stays of the data of a search or another event of the event log."""
    return {name: value for name, value in data.items() if name not in _EVENT_WORDS}


def without(value: Any, said: Collection[str]) -> Any:
    """Return JSON-able data without the texts in `said` (each `folded`), at any depth."""
    if isinstance(value, str):
        return "" if folded(value) in said else value
    if isinstance(value, Mapping):
        return {name: without(each, said) for name, each in value.items() if name not in said}
    return [without(each, said) for each in value] if isinstance(value, list) else value


def folded(text: str) -> str:
    """Return the text in the form in which it is compared, without regard to case and spacing."""
    return " ".join(text.casefold().split())


# -- Erasing the rows --


# Every table that counts visitors; tickets lose their visitor altogether.
_BY_VISITOR = tuple(
    table for table in metadata.sorted_tables if "visitor" in table.c and table.name != tickets.name
)
CLOSED = "closed"


def alone(connection: Connection) -> None:
    """Lock the events until the end of the transaction: whoever read words before could otherwise
    write them again afterwards. SQLite's write transaction does this by itself. A page that waits
    too long gives its event to the spool.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("LOCK TABLE events IN ACCESS EXCLUSIVE MODE"))


def erase(connection: Connection, mine: Held, *, now: datetime) -> Counter[str]:
    """Erase the rows; return how many of each table were changed or deleted."""
    done: Counter[str] = Counter()
    said, keys = _only_theirs(connection, mine)
    done["gaps"] = _gaps(connection, mine, said | keys)  # while words and visitors still tell whose
    done["events"] = _words(connection, mine)
    done["question_vectors"] = _vectors(connection, keys)
    renamed = {old: hashlib.sha256(secrets.token_bytes(32)).hexdigest() for old in keys}
    done["tickets"] = _tickets(connection, mine, renamed, now=now)
    done["joined"] = _joined(connection, mine)
    _new_keys(connection, renamed)
    for chunk in chunks(sorted(mine.visitors)):
        forget_visitors(connection, chunk)
    _new_visitors(connection, mine)
    for name, table, ids in (
        ("letters", outbox, mine.letters),
        ("offers", offers, mine.offers),
        ("subscriptions", subscriptions, mine.subscriptions),
    ):
        done[name] = _delete(connection, table, ids)
    for chunk in chunks(sorted(mine.tickets)):
        connection.execute(sa.delete(submissions).where(submissions.c.ticket_id.in_(chunk)))
    done["accounts"] = _account(connection, mine.user_id)
    return done


def note(connection: Connection, done: Mapping[str, int], *, actor: str, now: datetime) -> None:
    """Record that somebody was erased: when, how, and how many rows, but not whom."""
    row = {"id": str(uuid.uuid4()), "at": now, "actor": actor[:64], "counts": dict(done)}
    connection.execute(sa.insert(erasures).values(**row))


# -- words --------------------------------------------------------------------------------------


def _only_theirs(connection: Connection, mine: Held) -> tuple[set[str], set[str]]:
    """Return the words (folded) and the words' keys that nobody else used."""
    used: dict[str, set[str]] = {}
    for chunk in chunks(sorted(mine.visitors)):
        query = sa.select(events.c.words_key, events.c.words).where(
            events.c.visitor.in_(chunk), events.c.words_key.is_not(None)
        )
        for row in connection.execute(query):
            used.setdefault(row.words_key, set()).add(row.words or "")
    keys = set(used)
    for chunk in chunks(sorted(used)):
        shared = sa.select(events.c.words_key).where(
            events.c.words_key.in_(chunk), events.c.visitor.not_in(sorted(mine.visitors))
        )
        keys -= set(connection.scalars(shared))
    words = {folded(text) for key in keys for text in used[key]}
    return words - {""}, keys


def _words(connection: Connection, mine: Held) -> int:
    """Clear the words of all events under their pseudonyms, and unlink these from the account."""
    changed = 0
    for chunk in chunks(sorted(mine.visitors)):
        theirs = events.c.visitor.in_(chunk)
        query = sa.select(events.c.seq, events.c.kind, events.c.visitor, events.c.data)
        for row in connection.execute(query.where(theirs)).all():
            bare = record_event(row.data)
            if bare != row.data:
                here = events.c.seq == row.seq
                connection.execute(sa.update(events).where(here).values(data=bare))
        cut = sa.update(events).where(theirs).values(words=None, user_id=None)
        changed += connection.execute(cut).rowcount
        forgotten = sa.update(failed_searches).where(failed_searches.c.visitor.in_(chunk))
        connection.execute(forgotten.values(words=None))
        whose = sa.update(episodes).where(episodes.c.visitor.in_(chunk))
        connection.execute(whose.values(user_id=None))
    return changed


def _vectors(connection: Connection, keys: Collection[str]) -> int:
    return sum(
        connection.execute(
            sa.delete(question_vectors).where(question_vectors.c.words_key.in_(chunk))
        ).rowcount
        for chunk in chunks(sorted(keys))
    )


def _new_keys(connection: Connection, renamed: Mapping[str, str]) -> None:
    """Replace the keys of words that nobody else used with random ones."""
    for old, new in renamed.items():
        for table in (events, failed_searches):
            statement = sa.update(table).where(table.c.words_key == old).values(words_key=new)
            connection.execute(statement)


def _new_visitors(connection: Connection, mine: Held) -> None:
    """Replace each pseudonym with a random one, so that the number of visitors stays the same."""
    for old in sorted(mine.visitors):
        new = secrets.token_hex(16)
        told = sa.select(events.c.seq, events.c.data).where(
            events.c.visitor == old, events.c.kind == "ticket_created"
        )
        for row in connection.execute(told).all():  # its id contains the pseudonym
            fresh = f"ticket-{row.data.get('number', '')}-{new}"[:36]
            here = events.c.seq == row.seq
            connection.execute(sa.update(events).where(here).values(id=fresh))
        for table in _BY_VISITOR:
            renamed = sa.update(table).where(table.c.visitor == old).values(visitor=new)
            connection.execute(renamed)


# -- gaps ---------------------------------------------------------------------------------------


def _gaps(connection: Connection, mine: Held, said: Collection[str]) -> int:
    """Remove their words from gaps; from gaps that are theirs alone also the label and centre."""
    found = _gap_people(connection, mine)
    _forget_evidence(connection, mine)
    for gap_id, alone in found.items():
        row = connection.execute(sa.select(gaps).where(gaps.c.id == gap_id)).one_or_none()
        if row is None:
            continue
        values = {
            "data": without(row.data, said),
            "title": without(row.title, said),
            "label": "" if alone else without(row.label, said),
            "centre": None if alone else row.centre,
        }
        connection.execute(sa.update(gaps).where(gaps.c.id == gap_id).values(**values))
        told = sa.select(gap_events.c.seq, gap_events.c.data).where(gap_events.c.gap_id == gap_id)
        for event in connection.execute(told).all():
            bare = without(event.data, said)
            here = gap_events.c.seq == event.seq
            connection.execute(sa.update(gap_events).where(here).values(data=bare))
    return len(found)


def _forget_evidence(connection: Connection, mine: Held) -> None:
    """Clear the evidence of root causes, which quotes their searches; the causes stay."""
    columns = [column for column in gap_searches.c if isinstance(column.type, sa.JSON)]
    for chunk in chunks(sorted(mine.visitors)):
        theirs = sa.select(events.c.id).where(events.c.visitor.in_(chunk))
        for column in columns:
            none: Any = sa.null() if column.nullable else {}
            here = sa.update(gap_searches).where(gap_searches.c.search_id.in_(theirs))
            connection.execute(here.values({column.name: none}))


def _gap_people(connection: Connection, mine: Held) -> dict[str, bool]:
    """Return the ids of gaps with searches of theirs, each with whether it has nobody else's."""
    joined = gap_searches.join(events, events.c.id == gap_searches.c.search_id)
    theirs: set[str] = set()
    for chunk in chunks(sorted(mine.visitors)):
        query = sa.select(gap_searches.c.gap_id).select_from(joined).distinct()
        theirs |= set(filter(None, connection.scalars(query.where(events.c.visitor.in_(chunk)))))
    others = sa.select(gap_searches.c.gap_id).select_from(joined).distinct()
    shared: set[str | None] = set()
    for ids in chunks(sorted(theirs)):
        elsewhere = others.where(
            gap_searches.c.gap_id.in_(ids), events.c.visitor.not_in(sorted(mine.visitors))
        )
        shared |= set(connection.scalars(elsewhere))
    return {gap_id: gap_id not in shared for gap_id in sorted(theirs)}


# -- tickets ------------------------------------------------------------------------------------


def _tickets(
    connection: Connection, mine: Held, renamed: Mapping[str, str], *, now: datetime
) -> int:
    changed = 0
    for ticket_id in mine.tickets:
        row = connection.execute(sa.select(tickets).where(tickets.c.id == ticket_id)).one()
        if row.subject == SUBJECT and not row.requester_email and not row.body:
            continue
        changed += 1
        key = renamed.get(row.words_key, row.words_key)
        values = _empty_ticket(row, key, now=now)
        connection.execute(sa.update(tickets).where(tickets.c.id == ticket_id).values(**values))
        _history(connection, ticket_id, row)
        PrivateLinks(connection).end(ticket_id)
        told = {"kind": ERASED, "actor": "Operator", "public": True, "data": {}}
        insert = sa.insert(ticket_events).values(ticket_id=ticket_id, at=now, **told)
        connection.execute(insert)
    return changed


def _empty_ticket(row: sa.Row[Any], words_key: str, *, now: datetime) -> dict[str, Any]:
    """Return the values that replace the person; number, origin, tier, times, resolution stay."""
    nobody = secrets.token_hex(16)
    return {
        "need_key": f"person:{nobody}:{words_key}"[:128],
        "open_need_key": None,
        "words_key": words_key,
        "subject": SUBJECT,
        "body": "",
        "status": CLOSED if row.open_need_key else row.status,
        "requester_name": "",
        "requester_email": "",
        "requester_id": None,
        "visitor": "",  # its event in the event log still counts it
        "search_id": None,
        "trail": NO_TRAIL,
        "updated_at": now,
        "version": row.version + 1,
    }


def _history(connection: Connection, ticket_id: str, ticket: sa.Row[Any]) -> None:
    theirs = {ticket.requester_name, ticket.requester_email} - {""}
    query = sa.select(ticket_events).where(ticket_events.c.ticket_id == ticket_id)
    for row in connection.execute(query).all():
        own = row.actor in theirs or row.data.get("by") in {"requester", "asked"}
        values = {
            "data": ticket_event(row.data),
            "actor": REQUESTER if own else row.actor,
        }
        here = ticket_events.c.seq == row.seq
        connection.execute(sa.update(ticket_events).where(here).values(**values))


def _joined(connection: Connection, mine: Held) -> int:
    for place in mine.joined:
        here = ticket_events.c.seq == place
        data = connection.scalar(sa.select(ticket_events.c.data).where(here)) or {}
        values = {"data": joining(data), "actor": f"user:{secrets.token_hex(16)}"}
        connection.execute(sa.update(ticket_events).where(here).values(**values))
    return len(mine.joined)


# -- account ------------------------------------------------------------------------------------


def _delete(connection: Connection, table: sa.Table, ids: Collection[str]) -> int:
    return sum(
        connection.execute(sa.delete(table).where(table.c.id.in_(chunk))).rowcount
        for chunk in chunks(sorted(ids))
    )


def _account(connection: Connection, user_id: str) -> int:
    """Delete the account, and remove its name from what it did while it was staff."""
    if not user_id:
        return 0
    for role, name in (("agent_id", "actor"), ("to_id", "to")):
        acts = ticket_events.c.data[role].as_string() == user_id
        for row in connection.execute(sa.select(ticket_events).where(acts)).all():
            actor = STAFF if name == "actor" else row.actor
            data = dict(row.data) | {role: ""} | ({"to": STAFF} if name == "to" else {})
            here = ticket_events.c.seq == row.seq
            connection.execute(sa.update(ticket_events).where(here).values(actor=actor, data=data))
    for column in (tickets.c.assignee_id, tickets.c.filed_by, gaps.c.owner_id):
        held = sa.update(column.table).where(column == user_id)
        connection.execute(held.values({column.name: None}))
    _reports(connection, user_id)
    connection.execute(sa.delete(api_tokens).where(api_tokens.c.user_id == user_id))
    return connection.execute(sa.delete(users).where(users.c.id == user_id)).rowcount


def _reports(connection: Connection, user_id: str) -> None:
    """Delete their saved views, and remove their id from annotations and snapshots."""
    connection.execute(sa.delete(report_views).where(report_views.c.owner_id == user_id))
    for column in (report_notes.c.made_by, report_notes.c.changed_by, kept_reports.c.made_by):
        theirs = sa.update(column.table).where(column == user_id)
        connection.execute(theirs.values({column.name: FORMER}))
