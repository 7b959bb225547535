"""The private links of tickets in the database.

Every letter holds a link of its own. Of its secret only the SHA-256 is kept, so whoever reads the
database opens no ticket; all links of a ticket lead to it until they are ended together.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.schema import ticket_links, tickets

LINK_BYTES = 32


def link_digest(token: str) -> str:
    """Return what is kept of a private link's token: its SHA-256, in hex. The token has 256 random
    bits, so that a plain digest cannot be searched through.
    """
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def led_to_by(digest: str) -> sa.ColumnElement[bool]:
    """Return the condition of the ticket to which a link of that digest leads."""
    later = sa.select(ticket_links.c.ticket_id).where(ticket_links.c.digest == digest)
    return sa.or_(tickets.c.link_digest == digest, tickets.c.id.in_(later))


@dataclass(frozen=True, slots=True)
class PrivateLinks:
    """The links as one transaction sees them."""

    connection: Connection

    def new(self, ticket_id: str, now: datetime) -> str:
        """Return the token of one more link to the ticket; it is known nowhere else."""
        token = secrets.token_urlsafe(LINK_BYTES)
        row = {"digest": link_digest(token), "ticket_id": ticket_id, "made_at": now}
        self.connection.execute(sa.insert(ticket_links).values(row))
        return token

    def end(self, ticket_id: str) -> None:
        """Let no link that was given out lead to the ticket any more."""
        mine = ticket_links.c.ticket_id == ticket_id
        self.connection.execute(sa.delete(ticket_links).where(mine))
        nobodys = hashlib.sha256(secrets.token_bytes(LINK_BYTES)).hexdigest()
        here = sa.update(tickets).where(tickets.c.id == ticket_id)
        self.connection.execute(here.values(link_digest=nobodys))
