"""Sends people the links to their tickets again.

A request is only put into the outbox, whether or not anybody has that address: the page does the
same work for both, so neither its answer nor its time tells them apart. The worker finds the
tickets and writes the email, to the address on the ticket and not to the one typed.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kb.errors import NotAllowed
from kb.notifications.outbox import Outbox
from kb.tickets.model import Agent, Ticket, TicketEvent
from kb.tickets.service import Desk, Work

CHANNEL = "links"
MOST = 20  # tickets in one email
SENT = "link_sent"
_NAMESPACE = uuid.UUID("0f2f6c1e-0a76-5b0e-9d0a-6f2c1a7e3b55")


def ask(desk: Desk, email: str, number: int | None, now: datetime) -> None:
    """Queue a request for the links to the tickets of that address, or to one of them."""
    payload = {"to": email, "number": number, "at": now.isoformat(), "forget": True}
    with desk.db.begin() as connection:
        Outbox(connection).put(CHANNEL, payload, now=now, ticket_id=None)


def send(desk: Desk, ticket: Ticket, by: Agent, now: datetime, *, end: bool) -> None:
    """Send a ticket's requester a new link; `end` makes those given out before stop working.

    NotAllowed where there is no address to write to.
    """
    if not ticket.requester.email:
        raise NotAllowed("This ticket has no email address to write to.")
    with desk.work() as work:
        if end:
            work.private.end(ticket.id)
        work.post.link_again(ticket, now)
        data = {"by": "agent", "agent_id": by.id, "ended": end}
        work.tickets.tell(ticket.id, TicketEvent(now, SENT, by.name, False, data))


@dataclass(frozen=True, slots=True)
class LinkRequests:
    """The connector that handles requests for links; a repeated one writes no second email."""

    desk: Desk

    def send(self, payload: Mapping[str, Any], key: str) -> None:
        """Write the emails that a request asks for, none where no ticket has the address."""
        now = datetime.fromisoformat(payload["at"])
        with self.desk.work() as work:
            found = work.tickets.of_address(payload["to"], payload["number"], limit=MOST)
            for address, theirs in _by_address(found).items():
                once = str(uuid.uuid5(_NAMESPACE, f"{key}\0{address}"))
                _write(work, theirs, key=once, now=now)


def _by_address(found: Sequence[Ticket]) -> dict[str, list[Ticket]]:
    """Return the tickets by the address as it is written on them."""
    theirs: dict[str, list[Ticket]] = {}
    for ticket in found:
        theirs.setdefault(ticket.requester.email, []).append(ticket)
    return theirs


def _write(work: Work, theirs: Sequence[Ticket], *, key: str, now: datetime) -> None:
    if not work.post.outbox.holds(key):
        work.post.links_again(theirs, key=key, now=now)
