"""Private links, submissions and offers in the database.

Every email holds a link of its own. Only the SHA-256 of its token is kept, so whoever reads the
database opens no ticket; all links of a ticket lead to it until they are ended together. The name
of a submission is a digest, and so is what is kept of its body: neither tells who sent what. An
episode has one offer at most.
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

# -- Private links --


LINK_BYTES = 32


def link_digest(token: str) -> str:
    """Return what is kept of a private link's token: its SHA-256, in hex. The token has 256 random
    bits, so that a plain digest cannot be searched through.
    """
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def led_to_by(digest: str) -> sa.ColumnElement[bool]:
    """Return the condition for the ticket that a link of that digest leads to."""
    later = sa.select(ticket_links.c.ticket_id).where(ticket_links.c.digest == digest)
    return sa.or_(tickets.c.link_digest == digest, tickets.c.id.in_(later))


@dataclass(frozen=True, slots=True)
class PrivateLinks:
    """The private links, within one transaction."""

    connection: Connection

    def new(self, ticket_id: str, now: datetime) -> str:
        """Add a link to the ticket and return its token, which is not kept."""
        token = secrets.token_urlsafe(LINK_BYTES)
        row = {"digest": link_digest(token), "ticket_id": ticket_id, "made_at": now}
        self.connection.execute(sa.insert(ticket_links).values(row))
        return token

    def end(self, ticket_id: str) -> None:
        """Make every link to the ticket that was given out stop working."""
        mine = ticket_links.c.ticket_id == ticket_id
        self.connection.execute(sa.delete(ticket_links).where(mine))
        nobodys = hashlib.sha256(secrets.token_bytes(LINK_BYTES)).hexdigest()
        here = sa.update(tickets).where(tickets.c.id == ticket_id)
        self.connection.execute(here.values(link_digest=nobodys))


# -- Submissions --


KEPT = timedelta(hours=48)  # a program may repeat a request for a day at least


@dataclass(frozen=True, slots=True)
class RequestKey:
    """An API client's name for one request (`Idempotency-Key`), and a digest of the request."""

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
    """Return the submission of that name, None where there was none lately."""
    row = connection.execute(sa.select(submissions).where(submissions.c.name == name)).first()
    return Submission(row.name, row.body, row.ticket_id, row.added) if row else None


def keep_submission(connection: Connection, taken: Submission, now: datetime) -> None:
    """Keep a submission, whose name is not kept yet."""
    row = {name: getattr(taken, name) for name in Submission.__slots__}
    connection.execute(sa.insert(submissions).values(**row, at=now))


def forget_submissions(connection: Connection, now: datetime) -> None:
    """Delete submissions that are too old to be sent again."""
    connection.execute(sa.delete(submissions).where(submissions.c.at < now - KEPT))


# -- Offers --


class Offers:
    """The offers, within one transaction."""

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
        """Store the person's answer."""
        self._connection.execute(
            sa.update(offers).where(offers.c.id == offer_id).values(state=state)
        )

    def _one(self, *conditions: sa.ColumnElement[bool]) -> Offer | None:
        statement = sa.select(offers).where(*conditions)
        newest = statement.order_by(offers.c.created_at.desc(), offers.c.id).limit(1)
        row = self._connection.execute(newest).mappings().first()
        return Offer(**{**row, "state": OfferState(row["state"])}) if row else None
