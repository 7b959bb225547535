"""Personal data in the database: counts of what is held, one person's rows, and what is due to go.

One person's rows are those that are certainly theirs: what belongs to their account, their address
or their ticket. What is due is counted with the same conditions by which it is deleted. The words
of the event log are deleted by `kb.analytics.store`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.privacy.model import EventCount, Held, Who
from kb.schema import (
    api_tokens,
    episodes,
    erasures,
    events,
    failed_searches,
    gap_searches,
    offers,
    outbox,
    question_vectors,
    salts,
    subscriptions,
    ticket_events,
    tickets,
    users,
)
from kb.tickets.model import open_to_requester
from kb.tickets.requester_store import led_to_by

# -- Counts of what is held and redacted --


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
    """Return the time of the oldest words that are still held."""
    times = [
        connection.scalar(sa.select(sa.func.min(table.c.at)).where(table.c.words.is_not(None)))
        for table in (events, failed_searches)
    ]
    return min(filter(None, times), default=None)


def redacted(
    connection: Connection, since: datetime, kinds: Sequence[str]
) -> tuple[int, int, dict[str, int]]:
    """Return the number of searches and votes since then, of those with something redacted, and
    the redactions by kind. Those of staff and robots count too.
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
    """Return how many different queries are held, and how many of them `k` people or more made."""
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
    """Return how many daily salts are held, and the oldest day, "" for none."""
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


# -- One person's rows --


CHUNK = 400  # values in one IN (...)
JOINED = "joined"
Row = Mapping[str, Any]


def find(connection: Connection, who: Who) -> Held:
    """Return which rows are this person's."""
    if who.ticket_id:
        return _of_ticket(connection, who.ticket_id)
    account = _account(connection, who)
    user_id = account.id if account else ""
    emails = frozenset(filter(None, (who.email.strip().lower(), account.email if account else "")))
    mine = _tickets(connection, user_id, emails)
    waiting = _ids(connection, subscriptions.c.id, sa.func.lower(subscriptions.c.email), emails)
    searches = _own_searches(connection, user_id, mine, waiting)
    return Held(
        user_id=user_id,
        emails=emails,
        tickets=mine,
        joined=_joined(connection, user_id, emails),
        searches=searches,
        visitors=_visitors(connection, user_id, mine, searches),
        subscriptions=waiting,
        letters=_letters(connection, mine, emails),
        offers=_ids(connection, offers.c.id, offers.c.user_id, {user_id} - {""}),
    )


def _of_ticket(connection: Connection, ticket_id: str) -> Held:
    searches = _own_searches(connection, "", (ticket_id,), ())
    return Held(
        tickets=(ticket_id,),
        searches=searches,
        visitors=_visitors(connection, "", (ticket_id,), searches),
        letters=_letters(connection, (ticket_id,), frozenset()),
    )


def _account(connection: Connection, who: Who) -> sa.Row[Any] | None:
    by_address = users.c.email == who.email.strip().lower()
    mine = users.c.id == who.user_id if who.user_id else by_address
    return connection.execute(sa.select(users).where(mine)).one_or_none()


def _ids(
    connection: Connection,
    wanted: sa.ColumnElement[str],
    column: sa.ColumnElement[Any],
    values: Collection[str],
) -> tuple[str, ...]:
    found: set[str] = set()
    for chunk in chunks(sorted(values)):
        found |= set(connection.scalars(sa.select(wanted).where(column.in_(chunk))))
    return tuple(sorted(filter(None, found)))


def _tickets(connection: Connection, user_id: str, emails: Collection[str]) -> tuple[str, ...]:
    by_account = _ids(connection, tickets.c.id, tickets.c.requester_id, {user_id} - {""})
    address = sa.func.lower(tickets.c.requester_email)
    return tuple(sorted({*by_account, *_ids(connection, tickets.c.id, address, emails)}))


def _joined(connection: Connection, user_id: str, emails: Collection[str]) -> tuple[int, ...]:
    address = sa.func.lower(ticket_events.c.data["email"].as_string())
    theirs = sa.or_(ticket_events.c.actor == f"user:{user_id}", address.in_(sorted(emails)))
    query = sa.select(ticket_events.c.seq).where(ticket_events.c.kind == JOINED, theirs)
    return tuple(sorted(connection.scalars(query)))


def _own_searches(
    connection: Connection, user_id: str, mine: Collection[str], waiting: Collection[str]
) -> frozenset[str]:
    """Return the searches made with the account, or named by a ticket or subscription."""
    made = (
        sa.select(events.c.id).where(events.c.user_id == user_id, events.c.kind == "search")
        if user_id
        else None
    )
    found = set(connection.scalars(made)) if made is not None else set()
    found |= set(_ids(connection, tickets.c.search_id, tickets.c.id, mine))
    found |= set(_ids(connection, subscriptions.c.search_id, subscriptions.c.id, waiting))
    return frozenset(filter(None, found))


def _visitors(
    connection: Connection, user_id: str, mine: Collection[str], searches: Collection[str]
) -> frozenset[str]:
    by_account = _ids(connection, events.c.visitor, events.c.user_id, {user_id} - {""})
    by_episode = _ids(connection, episodes.c.visitor, episodes.c.user_id, {user_id} - {""})
    by_ticket = _ids(connection, tickets.c.visitor, tickets.c.id, mine)
    by_search = _ids(connection, events.c.visitor, events.c.id, searches)
    return frozenset((*by_account, *by_episode, *by_ticket, *by_search)) - {""}


def _letters(
    connection: Connection, mine: Collection[str], emails: Collection[str]
) -> tuple[str, ...]:
    address = sa.func.lower(outbox.c.payload["to"].as_string())
    to_them = _ids(connection, outbox.c.id, address, emails)
    about = _ids(connection, outbox.c.id, outbox.c.ticket_id, mine)
    return tuple(sorted({*to_them, *about}))


# -- the rows themselves ------------------------------------------------------------------------


def account_of(connection: Connection, user_id: str) -> Row | None:
    """Return the account without its password hash, with its tokens' labels."""
    row = connection.execute(sa.select(users).where(users.c.id == user_id)).mappings().one_or_none()
    if row is None:
        return None
    told = ("label", "role", "created_at", "expires_at", "last_used_at")
    tokens = sa.select(*(api_tokens.c[name] for name in told)).where(
        api_tokens.c.user_id == user_id
    )
    shown = ("id", "email", "name", "role", "active", "created_at")
    labels = [dict(each) for each in connection.execute(tokens).mappings()]
    return {name: row[name] for name in shown} | {"api_tokens": labels}


def tickets_of(connection: Connection, ids: Collection[str]) -> list[Row]:
    """Return the tickets by number."""
    return sorted(_rows(connection, tickets, tickets.c.id, ids), key=lambda row: row["number"])


def history_of(connection: Connection, ticket_id: str, *, notes: bool) -> list[Row]:
    """Return a ticket's events in order; staff's own notes only when asked for."""
    query = sa.select(ticket_events).where(ticket_events.c.ticket_id == ticket_id)
    query = query if notes else query.where(ticket_events.c.public)
    found = connection.execute(query.order_by(ticket_events.c.seq)).mappings()
    events: list[Row] = [dict(row) for row in found]
    if notes:
        return events
    return [{**each, "data": open_to_requester(each["data"])} for each in events]


def joined_of(connection: Connection, places: Collection[int]) -> list[Row]:
    """Return the events by which they joined a team's ticket, each with the ticket's number."""
    joined = ticket_events.join(tickets, tickets.c.id == ticket_events.c.ticket_id)
    query = sa.select(tickets.c.number, ticket_events.c.at, ticket_events.c.data)
    query = query.select_from(joined).where(ticket_events.c.seq.in_(sorted(places)))
    return [dict(row) for row in connection.execute(query).mappings()] if places else []


def events_of(connection: Connection, mine: Held) -> list[Row]:
    """Return the events under their account and those that refer to a search of theirs."""
    found = _rows(connection, events, events.c.search_id, mine.searches)
    found += _rows(connection, events, events.c.user_id, {mine.user_id} - {""})
    by_place = {row["seq"]: row for row in found}
    return [by_place[place] for place in sorted(by_place)]


def episodes_of(connection: Connection, user_id: str) -> list[Row]:
    """Return the account's episodes in order."""
    found = _rows(connection, episodes, episodes.c.user_id, {user_id} - {""})
    return sorted(found, key=lambda row: (row["started_at"], row["id"]))


def rows_of(connection: Connection, name: str, ids: Sequence[str]) -> list[Row]:
    """Return rows of subscriptions, offers or the outbox by id, oldest first."""
    table = {"subscriptions": subscriptions, "offers": offers, "outbox": outbox}[name]
    found = _rows(connection, table, table.c.id, ids)
    return sorted(found, key=lambda row: (row["created_at"], row["id"]))


def _rows(
    connection: Connection, table: sa.Table, column: sa.ColumnElement[Any], values: Collection[str]
) -> list[Row]:
    return [
        dict(row)
        for chunk in chunks(sorted(values))
        for row in connection.execute(sa.select(table).where(column.in_(chunk))).mappings()
    ]


def ticket_by(connection: Connection, *, number: int = 0, digest: str = "") -> str:
    """Return the id of the ticket of that number or private link, "" for none."""
    mine = tickets.c.number == number if number else led_to_by(digest)
    return connection.scalar(sa.select(tickets.c.id).where(mine)) or ""


def open_tickets(
    connection: Connection, ids: Collection[str], active: Collection[str]
) -> list[int]:
    """Return the numbers of those tickets that are open, in order."""
    found = _rows(connection, tickets, tickets.c.id, ids)
    return sorted(row["number"] for row in found if row["status"] in active)


def role_of(connection: Connection, user_id: str) -> str:
    """Return the account's role, "" when there is none."""
    return connection.scalar(sa.select(users.c.role).where(users.c.id == user_id)) or ""


def chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Return the values in chunks that fit into one IN (...)."""
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


# -- Retention of what is kept beside the event log's words --


UNCONFIRMED = timedelta(days=7)  # an unconfirmed subscription may be by somebody else
_DELIVERED = "delivered"


def due(connection: Connection, now: datetime, *, retention: timedelta, day: str) -> dict[str, int]:
    """Return how many rows are due for deletion, by what they are."""
    before = now - retention
    worded = (events.c.at < before, events.c.words.is_not(None))
    failed = (failed_searches.c.at < before, failed_searches.c.words.is_not(None))
    return {
        "events": _count(connection, events, *worded),
        "failed searches": _count(connection, failed_searches, *failed),
        "salts": _count(connection, salts, salts.c.day < day),
        "question vectors": _count(connection, question_vectors, *_wordless(before)),
        "searches in gaps": _count(connection, gap_searches, gap_searches.c.at < before),
        "offers": _count(connection, offers, *_stale_offers(before)),
        "letters": _count(connection, outbox, *_old_letters(before)),
        "subscriptions": _count(connection, subscriptions, _ended_wishes(now, before)),
    }


def forget(connection: Connection, now: datetime, *, retention: timedelta) -> dict[str, int]:
    """Delete what is due beside the event log's words; return how many rows of each."""
    before = now - retention
    vectors = sa.delete(question_vectors).where(*_wordless(before))
    placed = sa.delete(gap_searches).where(gap_searches.c.at < before)
    bare = sa.update(offers).where(*_stale_offers(before))
    ended = sa.case((offers.c.state == "open", "declined"), else_=offers.c.state)
    emptied = sa.update(outbox).where(*_old_letters(before)).values(payload={})
    wishes = sa.delete(subscriptions).where(_ended_wishes(now, before))
    return {
        "question vectors": connection.execute(vectors).rowcount,
        "searches in gaps": connection.execute(placed).rowcount,
        "offers": connection.execute(bare.values(words="", state=ended)).rowcount,
        "letters": connection.execute(emptied).rowcount,
        "subscriptions": connection.execute(wishes).rowcount,
    }


def _wordless(before: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions for vectors whose words no search holds any more."""
    worded = sa.exists().where(
        events.c.words_key == question_vectors.c.words_key,
        events.c.words.is_not(None),
        events.c.at >= before,
    )
    return question_vectors.c.at < before, ~worded


def _stale_offers(before: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return offers.c.created_at < before, offers.c.words != ""


def _old_letters(before: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions for delivered emails that still hold their recipient."""
    addressed = outbox.c.payload["to"].as_string().is_not(None)
    return outbox.c.state == _DELIVERED, outbox.c.created_at < before, addressed


def _ended_wishes(now: datetime, before: datetime) -> sa.ColumnElement[bool]:
    unconfirmed = sa.and_(
        subscriptions.c.confirmed_at.is_(None), subscriptions.c.created_at < now - UNCONFIRMED
    )
    return sa.or_(unconfirmed, subscriptions.c.created_at < before)
