"""Tickets, their numbers and their events in the database.

Promises that whoever has reserved a number is alone in opening tickets until the transaction ends,
so that two workers see each other's tickets and numbers leave no gap; and that a ticket is saved
only over the version it was read at. Knows the rows; what may be done is for the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from kb.database import Database
from kb.desk import tally
from kb.desk.private_links.store import led_to_by
from kb.desk.ticket import (
    ACTIVE,
    FIRST_NUMBER,
    Origin,
    Requester,
    Resolution,
    Status,
    Ticket,
    TicketEvent,
    open_to_requester,
)
from kb.errors import NotAllowed
from kb.schema import ticket_events, ticket_numbers, tickets, users

COUNTER = "ticket"
JOINED = "joined"


class Tickets:
    """The tickets as one transaction sees them."""

    def __init__(self, db: Database, connection: Connection) -> None:
        self._db = db
        self._connection = connection

    @property
    def connection(self) -> Connection:
        """Return the transaction, for rows beside the tickets'."""
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
        """Return the next number; it is given back if the transaction is undone."""
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
        """Keep what the ticket's events add up to."""
        columns = tickets.c
        values: dict[str, Any] = {
            name: columns[name] + number for name, number in tally.counted(event).items()
        }
        if tally.answers(event):
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
        which = tickets.c.status != Status.CLOSED if number is None else tickets.c.number == number
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
        """Return a ticket that the person asked for with this search, or at all since then."""
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
    """Return the refusal of a change made over a version that somebody else has replaced."""
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
    gone |= tally.COLUMNS
    values = {str(name): value for name, value in row.items() if name not in gone}
    values["requester"] = Requester(
        row["requester_name"], row["requester_email"], row["requester_id"] or ""
    )
    values["origin"] = Origin(row["origin"])
    values["status"] = Status(row["status"])
    values["resolution"] = Resolution(row["resolution"]) if row["resolution"] else None
    return Ticket(**values)


def _event(row: RowMapping) -> TicketEvent:
    return TicketEvent(row["at"], row["kind"], row["actor"], row["public"], row["data"])
