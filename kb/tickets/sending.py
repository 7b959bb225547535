"""Writes emails about tickets into the outbox; sends none itself.

Everybody concerned by a ticket's change is written to in the same transaction; a person without an
address is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from kb.connectors.base import MAIL
from kb.links import Links
from kb.notifications.outbox import Outbox
from kb.tickets import notices
from kb.tickets.model import Origin, Requester, Ticket, TicketEvent
from kb.tickets.notices import Email, Occasion
from kb.tickets.requester_store import PrivateLinks

Reader = tuple[Requester, str]  # a person and the language to write in


@dataclass(frozen=True, slots=True)
class TicketNotices:
    """Writes the emails of one transaction."""

    outbox: Outbox
    links: Links
    site: str
    private: PrivateLinks
    may_write: Callable[[str, datetime], bool]  # whether an address may get one more today

    def received(self, ticket: Ticket, token: str, now: datetime) -> None:
        """Tell the requester the number and the private link; for a ticket by policy, also why. An
        address that is not proven gets none of the words, and a few such emails a day at most.
        """
        if not ticket.proven:
            self._taken(ticket, token, now)
            return
        by_policy = ticket.origin is Origin.POLICY
        occasion = Occasion.OPENED if by_policy else Occasion.RECEIVED
        text = ticket.subject if by_policy else ticket.body or ticket.subject
        way = self._private_way(ticket.language, token)
        reader = (ticket.requester, ticket.language)
        self._about(ticket, reader, occasion, now=now, way=way, text=text)

    def _taken(self, ticket: Ticket, token: str, now: datetime) -> None:
        person = ticket.requester
        if person.email and self.may_write(person.email, now):
            way = self._private_way(ticket.language, token)
            reader = (Requester(email=person.email), ticket.language)
            self._about(ticket, reader, Occasion.TAKEN, now=now, way=way)

    def joined(self, ticket: Ticket, reader: Reader, words: str, *, now: datetime) -> None:
        """Tell a person that the team's ticket covers what they searched for."""
        way = self._way(ticket, reader, now)
        self._about(ticket, reader, Occasion.JOINED, now=now, way=way, text=words)

    def happened(
        self, ticket: Ticket, event: TicketEvent, readers: tuple[Reader, ...], *, now: datetime
    ) -> None:
        """Tell the readers of an answer or a resolution; other events cause no email."""
        if event.kind not in {"answered", "resolved"}:
            return
        for reader in readers:
            way = self._way(ticket, reader, now)
            if event.kind == "answered":
                self._about(
                    ticket, reader, Occasion.ANSWERED, now=now, way=way, text=event.data["text"]
                )
            if event.kind == "resolved":
                self._about(
                    ticket,
                    reader,
                    Occasion.RESOLVED,
                    now=now,
                    way=way,
                    text=event.data["text"],
                    article=self._article(ticket, reader),
                )

    def offered(self, reader: Reader, words: str, *, offer_id: str, now: datetime) -> None:
        """Ask a person whether they still need help."""
        written = notices.email(
            Occasion.OFFERED,
            reader[1],
            subject=words,
            link=self.links.offer(offer_id),
            site=self.site,
        )
        self._put(reader[0], written, now=now, thread=offer_id, ticket_id=None)

    def _article(self, ticket: Ticket, reader: Reader) -> str:
        """Return the sentence about the article that solved it, where the reader may know of it;
        one to be fixed is not shown.
        """
        slug, known = ticket.resolution_article, bool(reader[0].user_id)
        if ticket.resolution != "linked_article" or not self.links.tells(slug, known):
            return ""
        return notices.article(reader[1], self.links.article(slug))

    def link_again(self, ticket: Ticket, now: datetime) -> None:
        """Send the requester a new link, because staff asked for it."""
        reader = (ticket.requester, ticket.language)
        way = self._private_way(ticket.language, self.private.new(ticket.id, now))
        self._about(ticket, reader, Occasion.LINK, now=now, way=way)

    def links_again(self, theirs: Sequence[Ticket], *, key: str, now: datetime) -> None:
        """Send one person new links to these tickets of theirs, because somebody asked. The subject
        of a ticket whose address is not proven is left out.
        """
        first = theirs[0]
        rows = [
            f"{each.display_number} {each.subject if each.proven else ''}".strip()
            + f"\n{self.links.ticket(self.private.new(each.id, now))}"
            for each in theirs
        ]
        written = notices.email(
            Occasion.LINKS, first.language, site=self.site, tickets="\n\n".join(rows)
        )
        self._put(first.requester, written, now=now, thread=first.id, ticket_id=first.id, key=key)

    def _way(self, ticket: Ticket, reader: Reader, now: datetime) -> str:
        """Return the sentence that leads the reader to the ticket."""
        person, language = reader
        if person.user_id:
            return notices.way("own", language, link=self.links.own(ticket.display_number))
        if not person.email:  # no email, no link
            return ""
        return self._private_way(language, self.private.new(ticket.id, now))

    def _private_way(self, language: str, token: str) -> str:
        link, lost = self.links.ticket(token), self.links.lost()
        return notices.way("link", language, link=link, lost=lost)

    def _about(
        self, ticket: Ticket, reader: Reader, occasion: Occasion, *, now: datetime, **values: str
    ) -> None:
        written = notices.email(
            occasion,
            reader[1],
            number=ticket.display_number,
            subject=ticket.subject,
            site=self.site,
            **values,
        )
        self._put(reader[0], written, now=now, thread=ticket.id, ticket_id=ticket.id)

    def _put(
        self,
        person: Requester,
        written: Email,
        *,
        now: datetime,
        thread: str,
        ticket_id: str | None,
        key: str = "",
    ) -> None:
        if not person.email:
            return
        payload = {
            "to": person.email,
            "name": person.name,
            "subject": written.subject,
            "text": written.text,
            "thread": thread,
        }
        self.outbox.put(MAIL, payload, now=now, ticket_id=ticket_id, key=key)
