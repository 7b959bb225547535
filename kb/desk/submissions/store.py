"""Names under which something was taken in, in the database.

A name is a digest, and so is what is kept of the body: neither tells who sent what.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.schema import submissions

KEPT = timedelta(hours=48)  # a program may repeat a request for a day at least


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A program's own name for one request (`Idempotency-Key`), and a digest of the request."""

    text: str
    body: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a submission: a new ticket, or a reply `added` to one."""

    name: str
    body: str
    ticket_id: str
    added: bool


def find(connection: Connection, name: str) -> Taken | None:
    """Return what was taken in under the name, None where nothing was lately."""
    row = connection.execute(sa.select(submissions).where(submissions.c.name == name)).first()
    return Taken(row.name, row.body, row.ticket_id, row.added) if row else None


def keep(connection: Connection, taken: Taken, now: datetime) -> None:
    """Keep what became of a submission, whose name was not kept before."""
    row = {name: getattr(taken, name) for name in Taken.__slots__}
    connection.execute(sa.insert(submissions).values(**row, at=now))


def forget(connection: Connection, now: datetime) -> None:
    """Forget what nobody will send again."""
    connection.execute(sa.delete(submissions).where(submissions.c.at < now - KEPT))
