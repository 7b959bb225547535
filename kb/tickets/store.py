"""Tickets, their events, the queue and the accounts that can work tickets, in the database.

Whoever has reserved a number is alone in opening tickets until the transaction ends, so that two
workers see each other's tickets and numbers leave no gap. A ticket is saved only over the version
at which it was read. The queue comes page by page in a stable order, with the whole count.
`provided_for` counts over exactly the failed searches that the demand counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from kb.accounts.roles import Permission, Role, allowed
from kb.database import Database
from kb.errors import InvalidInput, NotAllowed
from kb.schema import episodes, failed_searches, ticket_events, ticket_numbers, tickets, users
from kb.tickets import forms, transitions
from kb.tickets.model import (
    ACTIVE,
    FIRST_NUMBER,
    NOBODY,
    Order,
    Origin,
    Queue,
    QueueFilter,
    Requester,
    Resolution,
    Ticket,
    TicketEvent,
    TicketStatus,
    open_to_requester,
    parse_number,
)
from kb.tickets.requester_store import led_to_by

# -- Tickets, numbers and events --


COUNTER = "ticket"
JOINED = "joined"


class Tickets:
    """The tickets, within one transaction."""

    def __init__(self, db: Database, connection: Connection) -> None:
        self._db = db
        self._connection = connection

    @property
    def connection(self) -> Connection:
        """Return the transaction's connection, for rows of other tables."""
        return self._connection

    # -- opening --------------------------------------------------------------------------------

    def reserve(self) -> None:
        """Wait until no other transaction opens or reopens a ticket, and keep others waiting.

        On SQLite the write transaction itself does this; on PostgreSQL the counter's row lock.
        Lock it before any ticket's row, so that two transactions never wait for each other.
        """
        first = {"name": COUNTER, "last": FIRST_NUMBER - 1}
        self._db.insert_once(self._connection, ticket_numbers, [first])
        self._connection.execute(
            sa.select(ticket_numbers.c.last)
            .where(ticket_numbers.c.name == COUNTER)
            .with_for_update()
        )

    def take_number(self) -> int:
        """Return the next number; it is free again if the transaction is rolled back."""
        taken: int = self._connection.execute(
            sa.update(ticket_numbers)
            .where(ticket_numbers.c.name == COUNTER)
            .values(last=ticket_numbers.c.last + 1)
            .returning(ticket_numbers.c.last)
        ).scalar_one()
        return taken

    def add(self, ticket: Ticket, event: TicketEvent, *, link_digest: str) -> None:
        """Insert a new ticket with its first event."""
        row = _row(ticket) | {"link_digest": link_digest}
        self._connection.execute(sa.insert(tickets).values(**row))
        self.tell(ticket.id, event)

    # -- changing -------------------------------------------------------------------------------

    def save(self, before: Ticket, after: Ticket, event: TicketEvent) -> None:
        """Replace `before` by `after` and append the event.

        Raises NotAllowed when the ticket has another version by now, or when another open ticket
        owns its need. A ticket is reopened only after `reserve`.
        """
        if after.active and not before.active:
            self._refuse_second(after)
        done = self._connection.execute(
            sa.update(tickets)
            .where(tickets.c.id == before.id, tickets.c.version == before.version)
            .values(**_row(after))
        )
        if done.rowcount != 1:
            raise changed_meanwhile(before)
        self.tell(before.id, event)

    def _refuse_second(self, ticket: Ticket) -> None:
        if other := self.open_by_need(ticket.need_key):
            raise NotAllowed(
                f"{other.display_number} is already open for the same problem.",
                "Go on there; this ticket stays as it is.",
            )

    def tell(self, ticket_id: str, event: TicketEvent) -> None:
        """Append an event to a ticket's history."""
        self._connection.execute(
            sa.insert(ticket_events).values(
                ticket_id=ticket_id,
                at=event.at,
                kind=event.kind,
                actor=event.actor[:255],
                public=event.public,
                data=dict(event.data),
            )
        )
        self._add_up(ticket_id, event)

    def _add_up(self, ticket_id: str, event: TicketEvent) -> None:
        """Update the sums of the ticket's events."""
        columns = tickets.c
        values: dict[str, Any] = {
            name: columns[name] + number for name, number in transitions.counted(event).items()
        }
        if transitions.answers(event):
            values["answered_at"] = sa.func.coalesce(
                columns.answered_at, sa.literal(event.at, columns.answered_at.type)
            )
        if values:
            self._connection.execute(
                sa.update(tickets).where(columns.id == ticket_id).values(**values)
            )

    # -- finding --------------------------------------------------------------------------------

    def by_id(self, ticket_id: str) -> Ticket | None:
        """Return the ticket of that id."""
        return self._one(tickets.c.id == ticket_id)

    def by_number(self, number: int, *, lock: bool = False) -> Ticket | None:
        """Return the ticket of that number; `lock` keeps others from changing it meanwhile."""
        return self._one(tickets.c.number == number, lock=lock)

    def by_digest(self, digest: str) -> Ticket | None:
        """Return the ticket to which a private link of this SHA-256 leads."""
        return self._one(led_to_by(digest))

    def of_address(self, email: str, number: int | None, *, limit: int) -> tuple[Ticket, ...]:
        """Return the tickets under that address, newest first: those not closed, or the one of
        that number whatever its state.
        """
        mine = _is(Requester(email=email))
        if not mine:
            return ()
        which = (
            tickets.c.status != TicketStatus.CLOSED
            if number is None
            else tickets.c.number == number
        )
        statement = sa.select(tickets).where(sa.or_(*mine), which)
        rows = self._connection.execute(statement.order_by(tickets.c.number.desc()).limit(limit))
        return tuple(ticket_of(row) for row in rows.mappings())

    def open_by_need(self, need_key: str) -> Ticket | None:
        """Return the open ticket that owns the need."""
        return self._one(tickets.c.open_need_key == need_key, lock=True)

    def open_of_person(self, person: Requester, words_key: str) -> Ticket | None:
        """Return the oldest open ticket that this person has for these words, by account or by
        address. An address proves nothing: show or change nothing of what is found by it.
        """
        if not words_key or not (mine := _is(person)):
            return None
        opened = tickets.c.status.in_(ACTIVE)
        return self._one(opened, tickets.c.words_key == words_key, sa.or_(*mine))

    def open_of_account(self, user_id: str, words_key: str) -> Ticket | None:
        """Return the account's oldest open ticket for these words, to be changed."""
        if not words_key or not user_id:
            return None
        mine = sa.and_(tickets.c.requester_id == user_id, tickets.c.status.in_(ACTIVE))
        return self._one(mine, tickets.c.words_key == words_key, lock=True)

    def asked_about(
        self, person: Requester, visitor: str, *, search_id: str | None, since: datetime
    ) -> Ticket | None:
        """Return a ticket that the person asked for with this search, or any since that time."""
        mine = _is(person) + ([tickets.c.visitor == visitor] if visitor else [])
        after = sa.and_(tickets.c.created_at >= since, sa.or_(sa.false(), *mine))
        about = [tickets.c.search_id == search_id] if search_id else []
        return self._one(tickets.c.origin == Origin.ASKED, sa.or_(after, *about))

    def _one(self, *conditions: sa.ColumnElement[bool], lock: bool = False) -> Ticket | None:
        statement = sa.select(tickets).where(*conditions).order_by(tickets.c.number).limit(1)
        statement = statement.with_for_update() if lock else statement
        row = self._connection.execute(statement).mappings().first()
        return ticket_of(row) if row else None

    # -- reading --------------------------------------------------------------------------------

    def history(self, ticket_id: str, *, public_only: bool) -> tuple[TicketEvent, ...]:
        """Return the events in order; only those the requester may read when `public_only`."""
        statement = sa.select(ticket_events).where(ticket_events.c.ticket_id == ticket_id)
        if public_only:
            statement = statement.where(ticket_events.c.public)
        rows = self._connection.execute(statement.order_by(ticket_events.c.seq)).mappings()
        events = (_event(row) for row in rows)
        if not public_only:
            return tuple(events)
        return tuple(replace(each, data=open_to_requester(each.data)) for each in events)

    def joined(self, ticket_id: str) -> tuple[tuple[Requester, str], ...]:
        """Return the people who joined a team's ticket, each with the language to write in."""
        told = (event for event in self.history(ticket_id, public_only=False))
        data = (event.data for event in told if event.kind == JOINED)
        return tuple(
            (Requester(each["name"], each["email"], each["user_id"]), each["language"])
            for each in data
        )

    def person(self, user_id: str) -> Requester | None:
        """Return the account's person; None when it is gone or switched off."""
        row = self._connection.execute(
            sa.select(users.c.name, users.c.email).where(users.c.id == user_id, users.c.active)
        ).first()
        return Requester(row.name, row.email, user_id) if row else None


def changed_meanwhile(ticket: Ticket) -> NotAllowed:
    """Return the error for a change to a version that somebody else has replaced."""
    return NotAllowed(
        f"{ticket.display_number} was changed while you were writing.",
        "Read what is new, then send yours again; what you wrote is still on this page.",
    )


def _is(person: Requester) -> list[sa.ColumnElement[bool]]:
    """Return the conditions under any of which a ticket is this person's."""
    by_account = [tickets.c.requester_id == person.user_id] if person.user_id else []
    address = person.email.casefold()
    return by_account + ([sa.func.lower(tickets.c.requester_email) == address] if address else [])


def _row(ticket: Ticket) -> dict[str, Any]:
    """Return the ticket as a row, without the link's digest."""
    same = (
        "id number origin need_key words_key subject body status tier tier_since waiting_since "
        "assignee_id visitor search_id language resolution_article created_at updated_at "
        "resolved_at version filed_by"
    )
    return {name: getattr(ticket, name) for name in same.split()} | {
        "open_need_key": ticket.need_key if ticket.active else None,
        "requester_name": ticket.requester.name,
        "requester_email": ticket.requester.email,
        "requester_id": ticket.requester.user_id or None,
        "trail": dict(ticket.trail),
        "resolution": ticket.resolution or "",
    }


def ticket_of(row: RowMapping | Mapping[str, Any]) -> Ticket:
    """Return the ticket that the row holds."""
    gone = {"open_need_key", "link_digest", "requester_name", "requester_email", "requester_id"}
    gone |= transitions.COLUMNS
    values = {str(name): value for name, value in row.items() if name not in gone}
    values["requester"] = Requester(
        row["requester_name"], row["requester_email"], row["requester_id"] or ""
    )
    values["origin"] = Origin(row["origin"])
    values["status"] = TicketStatus(row["status"])
    values["resolution"] = Resolution(row["resolution"]) if row["resolution"] else None
    return Ticket(**values)


def _event(row: RowMapping) -> TicketEvent:
    return TicketEvent(row["at"], row["kind"], row["actor"], row["public"], row["data"])


# -- Lists of tickets --


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
    """Return the actor of the event that somebody joined; it is looked up by it, never shown."""
    return f"user:{user_id}"


def overdue(
    connection: Connection, tier: int, *, before: datetime, status: Sequence[TicketStatus]
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
    """Return the conditions that a ticket must fulfil."""
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


# -- Accounts that can work tickets --


WORKING_ROLES = frozenset(role for role in Role if allowed(role, Permission.WORK_TICKETS))
SITE = "The site"


def can_work(connection: Connection, user_id: str, *, hold: bool = False) -> bool:
    """Return whether the account can work tickets; `hold` locks it until the end of the
    transaction. Lock it before any ticket's row, as the deactivation of an account does.
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
        store.save(before, before.given_back(now), _given_back(now))
        given += 1
    return given


def giving_back(now: datetime) -> Callable[[Database, Connection, str], int]:
    """Return the function that a change of an account calls in its transaction."""
    return lambda db, connection, user_id: give_back(db, connection, user_id, now)


def _working() -> tuple[sa.ColumnElement[bool], ...]:
    roles = sorted(role.value for role in WORKING_ROLES)
    return users.c.active, users.c.role.in_(roles)


def _given_back(now: datetime) -> TicketEvent:
    data = {"by": "account", "to_id": None, "to": ""}
    return TicketEvent(now, "given_back", SITE, False, data)


# -- People already provided for --


TICKETED = "ticketed"  # the outcome of an episode; its people are not in the demand


def provided_for(connection: Connection, words_key: str, *, since: datetime) -> int:
    """Return how many distinct visitors who failed on these words since then have a ticket of
    their own for them that is open, or have not failed again since the team resolved its last.
    """
    visitor = failed_searches.c.visitor
    answered = sa.func.max(failed_searches.c.at) <= _last_resolved(words_key)
    own = sa.func.max(sa.case((_own_ticket(words_key), 1), else_=0)) == 1
    people = (
        sa.select(visitor)
        .join(episodes, episodes.c.id == failed_searches.c.episode_id)
        .where(
            failed_searches.c.words_key == words_key,
            failed_searches.c.at >= since,
            episodes.c.outcome != TICKETED,
        )
        .group_by(visitor)
        .having(sa.or_(own, answered))
    )
    count: int = connection.execute(
        sa.select(sa.func.count()).select_from(people.subquery())
    ).scalar_one()
    return count


def _own_ticket(words_key: str) -> sa.ColumnElement[bool]:
    """Return the condition that the visitor, or the account of the visit, has one open."""
    same_person = sa.or_(
        tickets.c.visitor == failed_searches.c.visitor,
        tickets.c.requester_id == episodes.c.user_id,
    )
    return (
        sa.select(tickets.c.id)
        .where(
            tickets.c.words_key == words_key,
            tickets.c.status.in_(ACTIVE),
            tickets.c.origin != Origin.DEMAND,
            same_person,
        )
        .correlate(failed_searches, episodes)
        .exists()
    )


def _last_resolved(words_key: str) -> sa.ScalarSelect[datetime]:
    """Return when the team last resolved its ticket for these words; null if never."""
    return (
        sa.select(sa.func.max(tickets.c.resolved_at))
        .where(tickets.c.words_key == words_key, tickets.c.origin == Origin.DEMAND)
        .scalar_subquery()
    )
