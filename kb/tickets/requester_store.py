"""What requesters hold, in the database: private links, offers, names of what they sent.

Every letter holds a link of its own. Of its secret only the SHA-256 is kept, so whoever reads the
database opens no ticket; all links of a ticket lead to it until they are ended together.

A name is a digest, and so is what is kept of the body: neither tells who sent what.

Promises one offer an episode at most, however often it is made. Knows no letter.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.database import Database
from kb.schema import offers, submissions, ticket_links, tickets
from kb.tickets.model import Offer, OfferState

# -- The private links of tickets in the database --


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


# -- Names under which something was taken in, in the database --


KEPT = timedelta(hours=48)  # a program may repeat a request for a day at least


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A program's own name for one request (`Idempotency-Key`), and a digest of the request."""

    text: str
    body: str


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of a submission: a new ticket, or a reply `added` to one."""

    name: str
    body: str
    ticket_id: str
    added: bool


def find_submission(connection: Connection, name: str) -> Submission | None:
    """Return what was taken in under the name, None where nothing was lately."""
    row = connection.execute(sa.select(submissions).where(submissions.c.name == name)).first()
    return Submission(row.name, row.body, row.ticket_id, row.added) if row else None


def keep_submission(connection: Connection, taken: Submission, now: datetime) -> None:
    """Keep what became of a submission, whose name was not kept before."""
    row = {name: getattr(taken, name) for name in Submission.__slots__}
    connection.execute(sa.insert(submissions).values(**row, at=now))


def forget_submissions(connection: Connection, now: datetime) -> None:
    """Forget what nobody will send again."""
    connection.execute(sa.delete(submissions).where(submissions.c.at < now - KEPT))


# -- Offers in the database --


class Offers:
    """The offers as one transaction sees them."""

    def __init__(self, db: Database, connection: Connection) -> None:
        self._db = db
        self._connection = connection

    def add(self, offer: Offer) -> bool:
        """Insert the offer; return False when its episode has one already."""
        return self._db.insert_once(self._connection, offers, [asdict(offer)]) == 1

    def open_of(self, user_id: str) -> Offer | None:
        """Return the newest offer that the person has not answered."""
        return self._one(offers.c.user_id == user_id, offers.c.state == OfferState.OPEN)

    def open_for(self, user_id: str, need_key: str) -> Offer | None:
        """Return the unanswered offer for the same need."""
        return self._one(
            offers.c.user_id == user_id,
            offers.c.need_key == need_key,
            offers.c.state == OfferState.OPEN,
        )

    def of_person(self, offer_id: str, user_id: str) -> Offer | None:
        """Return the offer if it was made to this person."""
        return self._one(offers.c.id == offer_id, offers.c.user_id == user_id)

    def answer(self, offer_id: str, state: OfferState) -> None:
        """Keep what the person answered."""
        self._connection.execute(
            sa.update(offers).where(offers.c.id == offer_id).values(state=state)
        )

    def _one(self, *conditions: sa.ColumnElement[bool]) -> Offer | None:
        statement = sa.select(offers).where(*conditions)
        newest = statement.order_by(offers.c.created_at.desc(), offers.c.id).limit(1)
        row = self._connection.execute(newest).mappings().first()
        return Offer(**{**row, "state": OfferState(row["state"])}) if row else None
