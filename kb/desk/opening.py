"""Opening a ticket inside one transaction, never twice for one need.

Promises that the ticket, its number, its first event and the letter to the requester are written
together or not at all, and that a need which an open ticket owns leads to that ticket. The rules
are in docs/decisions/0006.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kb.desk import needs
from kb.desk.post import Post
from kb.desk.private_links.store import LINK_BYTES, link_digest
from kb.desk.queue.store import joined_actor
from kb.desk.rules import FIRST_LINE
from kb.desk.store import JOINED, Tickets
from kb.desk.ticket import Draft, Origin, Requester, Status, Ticket, TicketEvent

__all__ = ["Opened", "Opening", "link_digest"]

_ACTORS = {Origin.POLICY: "Policy", Origin.DEMAND: "Demand"}


@dataclass(frozen=True, slots=True)
class Opened:
    """The ticket for a need. `link_token` is the private link's secret, known only here and in
    the letter, None unless the ticket is new. `existing`: the need, or this very submission, had
    the ticket already; show its number, but its content only to whom it belongs. `joined`: the
    person now waits for the team's ticket.
    """

    ticket: Ticket
    link_token: str | None
    existing: bool
    joined: bool = False

    def told(self, draft: Draft, now: datetime) -> Opened:
        """Return what the record is told: who joins the team's ticket has it as their own."""
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
class Opening:
    """Opens tickets in the transaction of `tickets` and `post`."""

    tickets: Tickets
    post: Post

    def open(self, draft: Draft, origin: Origin, *, now: datetime, submission: str) -> Opened:
        """Return the draft's ticket: a new one, or the one that owns its need."""
        self.tickets.reserve()
        who = needs.identity(draft.requester, draft.visitor)
        ticket_id = needs.ticket_id(submission or secrets.token_hex(LINK_BYTES), who)
        if found := self._existing(draft, origin, ticket_id):
            return Opened(found, None, existing=True)
        if origin is Origin.POLICY and (team := self._team(draft.words_key)):
            return self._join(team, draft, now)
        return self._new(draft, origin, ticket_id=ticket_id, now=now)

    def _existing(self, draft: Draft, origin: Origin, ticket_id: str) -> Ticket | None:
        """Return the ticket that this submission made, or that owns the need."""
        if same := self.tickets.by_id(ticket_id):
            return same
        if origin is Origin.DEMAND:
            return self._team(draft.words_key)
        if draft.different:
            return None
        return self.tickets.open_of_person(
            draft.requester, draft.words_key
        ) or self.tickets.open_by_need(needs.draft_need(draft, ticket_id))

    def _team(self, words_key: str) -> Ticket | None:
        """Return the open ticket by demand for these words."""
        return self.tickets.open_by_need(needs.demand_need(words_key)) if words_key else None

    def _new(self, draft: Draft, origin: Origin, *, ticket_id: str, now: datetime) -> Opened:
        token = secrets.token_urlsafe(LINK_BYTES)
        ticket = _ticket(draft, origin, ticket_id, self.tickets.take_number(), now)
        actor = _ACTORS.get(origin) or draft.requester.shown
        event = TicketEvent(now, "opened", actor, True, {"by": origin.value, "tier": ticket.tier})
        self.tickets.add(ticket, event, link_digest=link_digest(token))
        self.post.received(ticket, token, now)
        return Opened(ticket, None if origin is Origin.DEMAND else token, existing=False)

    def _join(self, team: Ticket, draft: Draft, now: datetime) -> Opened:
        """Let the person wait for the team's ticket, once."""
        person = draft.requester
        if all(each.user_id != person.user_id for each, _ in self.tickets.joined(team.id)):
            data = _joining(person, draft)
            event = TicketEvent(now, JOINED, joined_actor(person.user_id), False, data)
            self.tickets.tell(team.id, event)
            self.post.joined(team, (person, draft.language), draft.subject, now=now)
        return Opened(team, None, existing=True, joined=True)


def _joining(person: Requester, draft: Draft) -> dict[str, Any]:
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


def _ticket(draft: Draft, origin: Origin, ticket_id: str, number: int, now: datetime) -> Ticket:
    """Return the draft as a ticket at the first line."""
    demanded = origin is Origin.DEMAND
    return Ticket(
        id=ticket_id,
        number=number,
        origin=origin,
        need_key=needs.demand_need(draft.words_key)
        if demanded
        else needs.draft_need(draft, ticket_id),
        words_key=draft.words_key,
        subject=draft.subject,
        body=draft.body,
        status=Status.NEW,
        tier=FIRST_LINE,
        tier_since=now,
        requester=draft.requester,
        visitor=draft.visitor,
        search_id=draft.search_id,
        language=draft.language,
        trail=draft.trail,
        created_at=now,
        updated_at=now,
    )
