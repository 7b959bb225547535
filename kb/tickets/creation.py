"""Opens a ticket within one transaction, never twice for one need.

The ticket, its number, its first event and the email to the requester are written together or not
at all, and a need which an open ticket owns leads to that ticket. The rules are in
docs/decisions/0006.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kb.errors import InvalidInput
from kb.tickets import deduplication, requester_store, transitions
from kb.tickets.model import (
    FIRST_LINE,
    Origin,
    Requester,
    RequesterReply,
    Ticket,
    TicketDraft,
    TicketEvent,
    TicketStatus,
)
from kb.tickets.requester_store import LINK_BYTES, RequestKey, Submission, link_digest
from kb.tickets.sending import TicketNotices
from kb.tickets.store import JOINED, Tickets, joined_actor

HARD_TO_GUESS = 16  # characters; the forms' own ids have twice as many
_ACTORS = {Origin.POLICY: "Policy", Origin.DEMAND: "Demand"}


@dataclass(frozen=True, slots=True)
class CreatedTicket:
    """The ticket for a need. `link_token` is the private link's secret, None unless this very
    submission made the ticket. `existing`: this submission made it before, or it is the account's
    own with the same need; `added`: what was written is a reply on it. `joined`: the person now
    waits for the team's ticket.
    """

    ticket: Ticket
    link_token: str | None
    existing: bool
    joined: bool = False
    added: bool = False

    def told(self, draft: TicketDraft, now: datetime) -> CreatedTicket:
        """Return the ticket to record: who joins the team's ticket has it as their own."""
        if not self.joined:
            return self
        theirs = replace(
            self.ticket,
            origin=Origin.POLICY,
            requester=draft.requester,
            visitor=draft.visitor,
            search_id=draft.search_id,
            created_at=now,
        )
        return replace(self, ticket=theirs, existing=False)


@dataclass(frozen=True, slots=True)
class TicketCreation:
    """Opens tickets in the transaction of `tickets` and `post`. With a `secret` the private link of
    a submission is the same however often it is sent.
    """

    tickets: Tickets
    post: TicketNotices
    secret: bytes = b""

    def open(
        self,
        draft: TicketDraft,
        origin: Origin,
        *,
        now: datetime,
        submission: str,
        key: RequestKey | None = None,
    ) -> CreatedTicket:
        """Return the draft's ticket: a new one, the one that this submission made before, or the
        account's own with the same need, to which what was written is added.

        Raises InvalidInput when the key stands for another request.
        """
        self.tickets.reserve()
        ticket_id = _ticket_id(draft, origin, submission, key)
        name = deduplication.key_name(key.text, draft) if key else ticket_id
        before = requester_store.find_submission(self.tickets.connection, name)
        if before and key and before.body != key.body:
            raise _key_used()
        if again := self._again(before, ticket_id):
            safe = _sender_alone(draft, key.text if key else submission)
            return again if safe else replace(again, link_token=None)
        opened = self._opened(draft, origin, ticket_id=ticket_id, now=now)
        if key or opened.added:
            taken = Submission(name, key.body if key else "", opened.ticket.id, opened.added)
            requester_store.keep_submission(self.tickets.connection, taken, now)
        return opened

    def _again(self, before: Submission | None, ticket_id: str) -> CreatedTicket | None:
        """Return what this submission led to before, None when it is sent for the first time."""
        same = self.tickets.by_id(before.ticket_id if before else ticket_id)
        if same is None:
            return None
        added = bool(before and before.added)
        return CreatedTicket(same, None if added else self._link(same), existing=True, added=added)

    def _opened(
        self, draft: TicketDraft, origin: Origin, *, ticket_id: str, now: datetime
    ) -> CreatedTicket:
        if origin is Origin.DEMAND and (team := self._team(draft.words_key)):
            return CreatedTicket(team, None, existing=True)
        if origin is not Origin.DEMAND and (mine := self._mine(draft, ticket_id)):
            if origin is Origin.ASKED:
                return self._add(mine, draft, now)
            return CreatedTicket(mine, None, existing=True)
        if origin is Origin.POLICY and (team := self._team(draft.words_key)):
            return self._join(team, draft, now)
        return self._new(draft, origin, ticket_id=ticket_id, now=now)

    def _mine(self, draft: TicketDraft, ticket_id: str) -> Ticket | None:
        """Return the open ticket of the account that asks which owns the need. An address alone
        proves nothing, so it finds none.
        """
        if draft.different or draft.filed_by or not draft.requester.user_id:
            return None
        need = deduplication.draft_need(draft, ticket_id)
        found = self.tickets.open_of_account(draft.requester.user_id, draft.words_key)
        return found or self.tickets.open_by_need(need)

    def _add(self, mine: Ticket, draft: TicketDraft, now: datetime) -> CreatedTicket:
        """Add what was written to the account's own ticket, as a reply."""
        text = deduplication.added_text(draft, mine.subject)
        reply = RequesterReply(draft.requester.shown, text)
        after, event = transitions.apply(mine, reply, now=now, tiers=())
        self.tickets.save(mine, after, event)
        return CreatedTicket(after, None, existing=True, added=True)

    def _link(self, ticket: Ticket) -> str | None:
        """Return the private link's token once more, None where the ticket has another link."""
        token = self._token(ticket.id)
        found = self.tickets.by_digest(link_digest(token))
        return token if found and found.id == ticket.id else None

    def _token(self, ticket_id: str) -> str:
        if not self.secret:
            return secrets.token_urlsafe(LINK_BYTES)
        made = hmac.digest(self.secret, f"ticket link\0{ticket_id}".encode(), "sha256")
        return base64.urlsafe_b64encode(made).decode().rstrip("=")

    def _team(self, words_key: str) -> Ticket | None:
        """Return the team's open ticket for these words."""
        return (
            self.tickets.open_by_need(deduplication.demand_need(words_key)) if words_key else None
        )

    def _new(
        self, draft: TicketDraft, origin: Origin, *, ticket_id: str, now: datetime
    ) -> CreatedTicket:
        token = self._token(ticket_id)
        ticket = _ticket(draft, origin, ticket_id, self.tickets.take_number(), now)
        actor = _ACTORS.get(origin) or draft.requester.shown
        event = TicketEvent(now, "opened", actor, True, {"by": origin.value, "tier": ticket.tier})
        self.tickets.add(ticket, event, link_digest=link_digest(token))
        self.post.received(ticket, token, now)
        return CreatedTicket(ticket, None if origin is Origin.DEMAND else token, existing=False)

    def _join(self, team: Ticket, draft: TicketDraft, now: datetime) -> CreatedTicket:
        """Let the person wait for the team's ticket too, once."""
        person = draft.requester
        if all(each.user_id != person.user_id for each, _ in self.tickets.joined(team.id)):
            data = _joining(person, draft)
            event = TicketEvent(now, JOINED, joined_actor(person.user_id), False, data)
            self.tickets.tell(team.id, event)
            self.post.joined(team, (person, draft.language), draft.subject, now=now)
        return CreatedTicket(team, None, existing=True, joined=True)


def _ticket_id(draft: TicketDraft, origin: Origin, submission: str, key: RequestKey | None) -> str:
    """Return the ticket's id. An episode's ticket has the same id when its words are forgotten."""
    if key:
        return deduplication.ticket_id(f"key\n{key.text}", deduplication.sender(draft), key.body)
    words = deduplication.said(draft) if origin is Origin.ASKED else ""
    return deduplication.ticket_id(
        submission or secrets.token_hex(LINK_BYTES), deduplication.sender(draft), words
    )


def _sender_alone(draft: TicketDraft, name: str) -> bool:
    """Return whether only the sender can know the name of this submission."""
    return bool(draft.filed_by or draft.requester.user_id) or len(name) >= HARD_TO_GUESS


def _key_used() -> InvalidInput:
    return InvalidInput(
        "This Idempotency-Key was used for another request.",
        "Nothing was opened or changed. Send what is new with a key of its own.",
    )


def _joining(person: Requester, draft: TicketDraft) -> dict[str, Any]:
    return {
        "by": "policy",
        "user_id": person.user_id,
        "name": person.name,
        "email": person.email,
        "language": draft.language,
        "text": draft.body,
        "search_id": draft.search_id,
        "trail": dict(draft.trail),
    }


def _ticket(
    draft: TicketDraft, origin: Origin, ticket_id: str, number: int, now: datetime
) -> Ticket:
    """Return the draft as a ticket at the first line."""
    demanded = origin is Origin.DEMAND
    return Ticket(
        id=ticket_id,
        number=number,
        origin=origin,
        need_key=deduplication.demand_need(draft.words_key)
        if demanded
        else deduplication.draft_need(draft, ticket_id),
        words_key=draft.words_key,
        subject=draft.subject,
        body=draft.body,
        status=TicketStatus.NEW,
        tier=FIRST_LINE,
        tier_since=now,
        requester=draft.requester,
        visitor=draft.visitor,
        search_id=draft.search_id,
        language=draft.language,
        trail=draft.trail,
        filed_by=draft.filed_by or None,
        created_at=now,
        updated_at=now,
    )
