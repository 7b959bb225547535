"""The service desk: opens, finds, lists and changes tickets.

A ticket, its event and the emails about it are committed together before a call returns, and a
person gets a number at once whatever the mail server does. The caller decides who may call what.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from kb.accounts.rate_limits import mailbox
from kb.accounts.rate_limits_store import counted, unasked
from kb.config.settings import Settings
from kb.database import Connection, Database
from kb.errors import InvalidInput, NotFound
from kb.links import Links
from kb.notifications.outbox import Backlog, Outbox, OutboxMessage
from kb.tickets import forms, transitions
from kb.tickets.creation import CreatedTicket, TicketCreation
from kb.tickets.model import (
    Action,
    Agent,
    Answer,
    Assign,
    Escalate,
    Note,
    Origin,
    Queue,
    QueueFilter,
    Reopen,
    RequesterReply,
    Resolve,
    ReturnToTier,
    Ticket,
    TicketDraft,
    TicketEvent,
    display_number,
)
from kb.tickets.requester_store import PrivateLinks, RequestKey, link_digest
from kb.tickets.sending import Reader, TicketNotices
from kb.tickets.store import Tickets, can_work, changed_meanwhile, own, queue

log = logging.getLogger(__name__)
Record = Callable[[Ticket], object]


@dataclass(frozen=True, slots=True)
class Work:
    """What can be used within one write transaction; `connection` is for a caller's own rows."""

    connection: Any
    tickets: Tickets
    post: TicketNotices
    secret: bytes = b""

    @property
    def private(self) -> PrivateLinks:
        """Return the private links, as this transaction sees them."""
        return self.post.private

    @property
    def opening(self) -> TicketCreation:
        """Return the object that opens tickets in this transaction."""
        return TicketCreation(self.tickets, self.post, self.secret)


class Desk:
    """The desk over one database. `record` is called with every new ticket after it is committed;
    if that fails, the ticket stays.
    """

    def __init__(
        self,
        db: Database,
        settings: Settings,
        *,
        record: Record | None = None,
        links: Links | None = None,
        secret: str = "",
    ) -> None:
        self.db = db
        self.settings = settings
        self.tiers = settings.tiers
        self._record = record
        self._secret = secret.encode()
        self._links = links or Links(settings.site_url)

    # -- opening --------------------------------------------------------------------------------

    def open_ticket(
        self,
        draft: TicketDraft,
        origin: Origin = Origin.ASKED,
        *,
        now: datetime,
        submission: str = "",
        key: RequestKey | None = None,
    ) -> CreatedTicket:
        """Return the ticket for the draft: a new one, the one that this submission made before, or
        the account's own with the same need, to which what was written is added.

        `submission` is the form's own random id: sent again with the same words it makes nothing
        new. `key` is the Idempotency-Key of one API request. Raises InvalidInput with a problem per
        field, and for a key that was used for another request.
        """
        clean = forms.checked(draft, asked=origin is Origin.ASKED)
        with self.work() as work:
            opened = work.opening.open(clean, origin, now=now, submission=submission, key=key)
        self.tell_record(opened)
        return opened

    def tell_record(self, opened: CreatedTicket) -> None:
        """Report a new ticket to `record`; a failure there is logged and ignored."""
        if self._record is None or opened.existing:
            return
        try:
            self._record(opened.ticket)
        except Exception:
            log.exception("%s is open but was not recorded", opened.ticket.display_number)

    # -- finding --------------------------------------------------------------------------------

    def by_link(self, token: str) -> Ticket:
        """Return the ticket of a private link; NotFound for any other token."""
        with self.db.read() as connection:
            found = Tickets(self.db, connection).by_digest(link_digest(token))
        return _found(found, "This link leads to no ticket.")

    def by_number(self, number: int) -> Ticket:
        """Return the ticket of that number, or raise NotFound."""
        with self.db.read() as connection:
            found = Tickets(self.db, connection).by_number(number)
        return _found(found, f"There is no ticket {display_number(number)}.")

    def queue(self, filters: QueueFilter | None = None) -> Queue:
        """Return a page of tickets; without a filter the open ones, oldest first."""
        with self.db.read() as connection:
            return queue(connection, filters or QueueFilter())

    def own(self, user_id: str) -> tuple[Ticket, ...]:
        """Return the tickets that an account asked for or joined, newest first."""
        with self.db.read() as connection:
            return own(connection, user_id) if user_id else ()

    def history(self, ticket: Ticket, *, public_only: bool = True) -> tuple[TicketEvent, ...]:
        """Return the ticket's events in order; staff's own notes only when asked for."""
        with self.db.read() as connection:
            return Tickets(self.db, connection).history(ticket.id, public_only=public_only)

    def undeliverable(self, limit: int = 100) -> tuple[OutboxMessage, ...]:
        """Return the messages that were refused for good, newest first, for staff to see."""
        with self.db.read() as connection:
            return Outbox(connection).dead(limit)

    def waiting_letters(self, limit: int = 100) -> tuple[Backlog, tuple[OutboxMessage, ...]]:
        """Return what waits in the outbox, and the messages that failed before, oldest first."""
        with self.db.read() as connection:
            outbox = Outbox(connection)
            return outbox.backlog(), outbox.failing(limit)

    def send_again(self, letter: str, now: datetime) -> None:
        """Queue a message that was refused for good again; NotFound for any other."""
        with self.db.begin() as connection:
            if not Outbox(connection).revive(letter, now):
                raise NotFound("This letter is not among those refused.", "Look at the list again.")

    # -- acting ---------------------------------------------------------------------------------

    def act(
        self, number: int, action: Action, *, now: datetime, version: int | None = None
    ) -> Ticket:
        """Return the ticket after the action, committed with its event and emails.

        `version`, when given, is the one the actor saw. Raises NotFound, InvalidInput for text that
        is empty or too long, and NotAllowed when the rules or another's change forbid it.
        """
        clean = _clean(action)
        with self.work() as work:
            if isinstance(clean, Reopen | RequesterReply):
                work.tickets.reserve()
            if isinstance(clean, Assign) and clean.to:
                _refuse_to_give(work, clean.to)
            before = _found(
                work.tickets.by_number(number, lock=True),
                f"There is no ticket {display_number(number)}.",
            )
            if version is not None and version != before.version:
                raise changed_meanwhile(before)
            return self._apply(work, before, clean, now=now)

    def _apply(self, work: Work, before: Ticket, action: Action, *, now: datetime) -> Ticket:
        after, event = transitions.apply(before, action, now=now, tiers=self.tiers)
        if (
            after.active
            and not before.active
            and not can_work(work.connection, after.assignee_id or "")
        ):
            after = replace(after, assignee_id=None)
        work.tickets.save(before, after, event)
        work.post.happened(after, event, _readers(work.tickets, after), now=now)
        return after

    def reply_by_link(self, token: str, text: str, *, now: datetime) -> Ticket:
        """Return the ticket after its requester wrote through the private link."""
        ticket = self.by_link(token)
        return self.act(ticket.number, RequesterReply(ticket.requester.shown, text), now=now)

    # -- transactions ---------------------------------------------------------------------------

    @contextmanager
    def work(self) -> Iterator[Work]:
        """Open one write transaction; all that is done in it is kept, or nothing."""
        with self.db.begin() as connection:
            outbox, private = Outbox(connection), PrivateLinks(connection)
            spares = partial(self._spares, connection)
            post = TicketNotices(outbox, self._links, self.settings.site_name, private, spares)
            yield Work(connection, Tickets(self.db, connection), post, self._secret)

    def _spares(self, connection: Connection, address: str, now: datetime) -> bool:
        """Count an email to an address that is not proven; return whether it may be sent."""
        rate = unasked(self.settings.letter_rate)
        return counted(self.db, connection, rate, mailbox(address), now)


def _refuse_to_give(work: Work, to: Agent) -> None:
    """Raise InvalidInput for an account that cannot work tickets, or no longer can."""
    if not can_work(work.connection, to.id, hold=True):
        raise InvalidInput(
            "A ticket can be given to somebody who works tickets, and to nobody else.",
            fields={"to": "Choose from the list."},
        )


def _readers(tickets: Tickets, ticket: Ticket) -> tuple[Reader, ...]:
    """Return the recipients: the requester, or the people who joined a team's ticket."""
    if ticket.origin is Origin.DEMAND:
        return tickets.joined(ticket.id)
    return ((ticket.requester, ticket.language),)


def _clean(action: Action) -> Action:
    """Return the action with its text checked; text that is optional may be empty."""
    if isinstance(action, Answer | Note | RequesterReply):
        return replace(action, text=forms.checked_text(action.text))
    if isinstance(action, Escalate | ReturnToTier | Reopen):
        return replace(action, reason=forms.checked_reason(action.reason))
    if isinstance(action, Resolve):
        text = forms.checked_text(action.text) if action.text.strip() else ""
        return replace(action, text=text, article=forms.checked_slug(action.article))
    return action


def _found(ticket: Ticket | None, otherwise: str) -> Ticket:
    if ticket is None:
        raise NotFound(otherwise, "Check the number or the link in our message.")
    return ticket
