"""The outbox: messages to send, each with its channel and the time of its next attempt.

A row is claimed by one worker at a time: a claim moves `due_at` into the future, so that a worker
that dies loses its claim when that time comes. A row that is due later than any wait can have put
it is due now, since the clock must have been set back.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from kb.schema import outbox

EMAIL_LANGUAGES = frozenset({"en", "es"})


def email_language(language: str) -> str:
    """Return the nearest language of ours: "es-MX" is "es", anything unknown is "en"."""
    base = language.casefold().replace("_", "-").split("-")[0]
    return base if base in EMAIL_LANGUAGES else "en"


LONGEST_WAIT = timedelta(minutes=5)  # after a failure, or for the end of a claim
LONGEST_ASKED = timedelta(hours=6)  # a Retry-After beyond this is not believed
# Key in the payload of a row that the other side asked to delay; no other row may wait longer than
# LONGEST_WAIT.
ASKED = "asked_to_wait"


class State(StrEnum):
    """WAITING is still to be sent; DEAD was refused for good and is shown to staff."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One message to deliver; its id is the idempotency key. `attempts` includes this one."""

    id: str
    ticket_id: str | None
    channel: str
    payload: Mapping[str, Any]
    created_at: datetime
    due_at: datetime
    attempts: int
    state: State
    error: str


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits: how many rows, how many of them failed before, since when the oldest of those
    waits, and the different errors.
    """

    waiting: int
    failing: int
    since: datetime | None
    errors: tuple[str, ...]


class Outbox:
    """The outbox, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(
        self,
        channel: str,
        payload: Mapping[str, Any],
        *,
        now: datetime,
        ticket_id: str | None,
        key: str = "",
    ) -> str:
        """Add a message to send at once, in the transaction that causes it; return its id, which is
        `key` where one is given.
        """
        row = _fresh(channel, payload, now, key or str(uuid.uuid4())) | {"ticket_id": ticket_id}
        self._connection.execute(sa.insert(outbox).values(row))
        return str(row["id"])

    def put_sent(self, channel: str, *, now: datetime) -> None:
        """Add an empty row that counts as sent and forgotten already."""
        row = _fresh(channel, {}, now, str(uuid.uuid4())) | {"state": State.DELIVERED}
        self._connection.execute(sa.insert(outbox).values(row))

    def put_once(
        self, channel: str, payload: Mapping[str, Any], *, now: datetime, key: str
    ) -> bool:
        """Add a message of no ticket unless there is or was one with that id; return whether it was
        added. Of two transactions at the same time one adds it.
        """
        if self.holds(key):
            return False
        insert = (postgresql if self._connection.dialect.name == "postgresql" else sqlite).insert
        statement = insert(outbox).on_conflict_do_nothing()
        done = self._connection.execute(
            statement.execution_options(preserve_rowcount=True), _fresh(channel, payload, now, key)
        )
        return done.rowcount == 1

    def holds(self, key: str) -> bool:
        """Return whether there is or was a message with that id."""
        found = self._connection.execute(sa.select(outbox.c.id).where(outbox.c.id == key))
        return found.first() is not None

    def claim(
        self, now: datetime, lease: timedelta, *, without: Collection[str] = ()
    ) -> OutboxMessage | None:
        """Return one row that is due, claimed until now + lease; None when nothing is due by a
        channel that is not among `without`. No lease may be longer than LONGEST_WAIT.

        The row is taken only if it has not changed since it was read, so that one worker gets it.
        """
        for row in self._due(now, without):
            mine = self._connection.execute(
                sa.update(outbox)
                .where(
                    outbox.c.id == row["id"],
                    outbox.c.state == State.WAITING,
                    outbox.c.due_at == row["due_at"],
                )
                .values(due_at=now + lease, attempts=outbox.c.attempts + 1)
            )
            if mine.rowcount:
                claim = {"due_at": now + lease, "attempts": row["attempts"] + 1}
                return _parcel({**row, **claim})
        return None

    def _due(self, now: datetime, without: Collection[str]) -> list[Mapping[str, Any]]:
        """Return a few due rows; more than one, because another worker may take the first."""
        statement = (
            sa.select(outbox)
            .where(
                outbox.c.state == State.WAITING,
                outbox.c.channel.not_in(without),
                _is_due(now),
            )
            .order_by(outbox.c.due_at, outbox.c.id)
            .limit(8)
            .with_for_update(skip_locked=True)
        )
        return [dict(row) for row in self._connection.execute(statement).mappings()]

    def delivered(self, parcel: OutboxMessage) -> None:
        """Mark as sent and forget the text, which can hold a private link. Where the payload says
        `forget`, the recipient is forgotten too.
        """
        kept = {"to": parcel.payload.get("to", ""), "subject": parcel.payload.get("subject", "")}
        if parcel.payload.get("forget"):
            kept = {}
        self._settle(parcel, State.DELIVERED, payload=kept, error="")

    def refused(self, parcel: OutboxMessage, why: str) -> None:
        """Mark as dead; the payload stays for another try by hand."""
        self._settle(parcel, State.DEAD, error=why)

    def postponed(
        self, parcel: OutboxMessage, why: str, *, until: datetime, asked: bool = False
    ) -> None:
        """Try again from `until`, unless the claim was lost to another worker meanwhile. A wait
        that the other side `asked` for may be longer than LONGEST_WAIT.
        """
        payload = {name: each for name, each in parcel.payload.items() if name != ASKED}
        self._settle(
            parcel,
            State.WAITING,
            outbox.c.due_at == parcel.due_at,
            error=why,
            due_at=until,
            payload=payload | ({ASKED: True} if asked else {}),
        )

    def hurry(self, now: datetime, channel: str = "") -> None:
        """Make waiting rows of one channel or of all due now, except those that the other side
        asked to delay: the worker that was sending them died, or the channel works again.
        """
        through = [outbox.c.channel == channel] if channel else []
        self._connection.execute(
            sa.update(outbox)
            .where(outbox.c.state == State.WAITING, outbox.c.due_at > now, _unasked(), *through)
            .values(due_at=now)
        )

    def backlog(self, most: int = 20) -> Backlog:
        """Return what waits, with at most `most` different errors."""
        waits, failed = outbox.c.state == State.WAITING, outbox.c.error != ""
        counts = sa.select(
            sa.func.count(),
            sa.func.count().filter(failed),
            sa.func.min(outbox.c.created_at).filter(failed),
        ).where(waits)
        waiting, failing, since = self._connection.execute(counts).one()
        said = sa.select(outbox.c.error).where(waits, failed).distinct().limit(most)
        return Backlog(waiting, failing, since, tuple(self._connection.scalars(said)))

    def failing(self, limit: int = 100) -> tuple[OutboxMessage, ...]:
        """Return the waiting rows that failed before, oldest first."""
        statement = (
            sa.select(outbox)
            .where(outbox.c.state == State.WAITING, outbox.c.error != "")
            .order_by(outbox.c.created_at, outbox.c.id)
            .limit(limit)
        )
        return tuple(_parcel(dict(row)) for row in self._connection.execute(statement).mappings())

    def forget(self, before: datetime) -> int:
        """Delete rows marked `forget` that were added before that time and not sent; return how
        many.
        """
        mine = outbox.c.payload["forget"].as_boolean().is_(True)
        done = self._connection.execute(sa.delete(outbox).where(mine, outbox.c.created_at < before))
        return done.rowcount

    def revive(self, key: str, now: datetime) -> bool:
        """Queue a dead row again, its age counted from now; return whether there was one."""
        done = self._connection.execute(
            sa.update(outbox)
            .where(outbox.c.id == key, outbox.c.state == State.DEAD)
            .values(state=State.WAITING, due_at=now, created_at=now, attempts=0)
        )
        return done.rowcount == 1

    def dead(self, limit: int = 100) -> tuple[OutboxMessage, ...]:
        """Return the rows that were refused for good, newest first."""
        statement = (
            sa.select(outbox)
            .where(outbox.c.state == State.DEAD)
            .order_by(outbox.c.created_at.desc())
            .limit(limit)
        )
        return tuple(_parcel(dict(row)) for row in self._connection.execute(statement).mappings())

    def count(self, state: State) -> int:
        """Return how many rows are in that state."""
        statement = sa.select(sa.func.count()).select_from(outbox).where(outbox.c.state == state)
        return self._connection.execute(statement).scalar_one()

    def _settle(
        self,
        parcel: OutboxMessage,
        state: State,
        *conditions: sa.ColumnElement[bool],
        **values: Any,
    ) -> None:
        self._connection.execute(
            sa.update(outbox)
            .where(outbox.c.id == parcel.id, outbox.c.state == State.WAITING, *conditions)
            .values(state=state, **values)
        )


def _unasked() -> sa.ColumnElement[bool]:
    asked: sa.ColumnElement[bool] = outbox.c.payload[ASKED].as_boolean()
    return asked.is_not(True)


def _is_due(now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that a row is due, or has a time that no wait can have given it."""
    return sa.or_(
        outbox.c.due_at <= now,
        outbox.c.attempts == 0,  # it was to go at once
        sa.and_(outbox.c.due_at > now + LONGEST_WAIT, _unasked()),
        outbox.c.due_at > now + LONGEST_ASKED,
    )


def _fresh(channel: str, payload: Mapping[str, Any], now: datetime, key: str) -> dict[str, Any]:
    """Return the row of a message to send at once, of no ticket."""
    return {
        "id": key,
        "ticket_id": None,
        "channel": channel,
        "payload": dict(payload),
        "created_at": now,
        "due_at": now,
        "attempts": 0,
        "state": State.WAITING,
        "error": "",
    }


def _parcel(row: Mapping[str, Any]) -> OutboxMessage:
    return OutboxMessage(**{**row, "state": State(row["state"])})
