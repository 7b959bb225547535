"""Delivers what waits in the outbox, at least once.

A row is marked as delivered only after its channel took it. A failure is tried again after longer
and longer waits; a permanent refusal is kept for staff. A channel that takes nothing is tried with
one row a round, not with each, and the log says once that it is blocked and once that it is over.
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kb.connectors.base import Connector, ConnectorFailure, PermanentFailure, TemporaryFailure
from kb.database import Database
from kb.notifications.outbox import LONGEST_ASKED, LONGEST_WAIT, Outbox, OutboxMessage

# -- Blocked channels --


log = logging.getLogger(__name__)

IN_A_ROW = 3  # messages postponed one after the other from which a channel counts as blocked
_ADDRESS = re.compile(r"[^\s<>\"']+@[^\s<>\"']+")


@dataclass(slots=True)
class Faults:
    """The channels that take nothing, by name with the fault of each, as one worker saw it."""

    _standing: dict[str, str] = field(default_factory=dict)
    _put_off: dict[str, set[str]] = field(default_factory=dict)

    def failed(self, channel: str, parcel: str, failure: TemporaryFailure) -> None:
        """Note that the channel did not take the message of that id."""
        row = self._put_off.setdefault(channel, set())
        row.add(parcel)
        if isinstance(failure, ConnectorFailure):
            self._begin(channel, failure.fault, str(failure))
        elif len(row) >= IN_A_ROW and channel not in self._standing:
            self._begin(channel, "several", str(failure))

    def _begin(self, channel: str, fault: str, said: str) -> None:
        if self._standing.get(channel) != fault:
            self._standing[channel] = fault
            log.warning("nothing gets through by %s: %s", channel, without_addresses(said))

    def went(self, channel: str) -> bool:
        """Note that the channel took a message; return whether that ends a fault."""
        self._put_off.pop(channel, None)
        if self._standing.pop(channel, None) is None:
            return False
        log.warning("%s gets through again", channel)
        return True


def without_addresses(said: str) -> str:
    """Return what another system said, for the log, with addresses hidden."""
    return _ADDRESS.sub("(address)", said)


# -- Delivery --


FIRST_WAIT = timedelta(seconds=1)
GIVE_UP = timedelta(days=5)  # RFC 5321 4.5.4.1: at least 4 to 5 days
# A claim must outlast one round and the sending of its last message (four steps of 20 s).
ROUND_S = 60.0
CLAIM = timedelta(seconds=180)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How many rows of one round were delivered, put off, and given up."""

    delivered: int = 0
    postponed: int = 0
    dead: int = 0


def deliver_due(
    db: Database,
    channels: Mapping[str, Connector],
    *,
    now: datetime,
    limit: int = 50,
    faults: Faults | None = None,
) -> Delivery:
    """Deliver the rows that are due, at most `limit` of them; return how many went which way.

    A round stops early after a minute, so that its claims, made at `now`, hold to its end. `faults`
    are those that the rounds before found.
    """
    work = _Round(db, channels, now, faults or Faults())
    ends = time.monotonic() + ROUND_S
    counts = {"delivered": 0, "postponed": 0, "dead": 0}
    for _ in range(limit):
        with db.begin() as connection:
            parcel = Outbox(connection).claim(now, CLAIM, without=work.blocked)
        if parcel is None:
            break
        counts[work.deliver(parcel)] += 1
        if time.monotonic() > ends:
            break
    return Delivery(**counts)


def wait(attempts: int, chance: random.Random) -> timedelta:
    """Return how long to wait after so many attempts: doubling from 1 s to 5 min, less up to half
    of it at random, so that what failed together does not come back together.
    """
    doubled: timedelta = FIRST_WAIT * 2 ** min(attempts - 1, 20)
    longest = min(doubled, LONGEST_WAIT)
    return max(FIRST_WAIT, longest * chance.uniform(0.5, 1.0))


class _Round:
    """One round of delivery; `blocked` are the channels that take nothing."""

    def __init__(
        self, db: Database, channels: Mapping[str, Connector], now: datetime, faults: Faults
    ) -> None:
        self._db, self._channels, self._now, self._faults = db, channels, now, faults
        self.blocked: set[str] = set()

    def deliver(self, parcel: OutboxMessage) -> str:
        """Deliver one row and store the result: "delivered", "postponed" or "dead", which is
        returned.
        """
        try:
            self._send(parcel)
        except PermanentFailure as refusal:
            return self._bury(parcel, str(refusal))
        except TemporaryFailure as failure:
            return self._put_off(parcel, failure)
        except Exception as fault:  # an error of ours must not hold up the next messages
            log.exception("outbox row %s failed", parcel.id)
            return self._put_off(parcel, TemporaryFailure(f"{type(fault).__name__}: {fault}"))
        over = self._faults.went(parcel.channel)
        with self._db.begin() as connection:
            Outbox(connection).delivered(parcel)
            if over:
                Outbox(connection).hurry(self._now, parcel.channel)
        return "delivered"

    def _send(self, parcel: OutboxMessage) -> None:
        channel = self._channels.get(parcel.channel)
        if channel is None:
            raise ConnectorFailure(f"No channel named {parcel.channel} is set up.")
        channel.send(parcel.payload, parcel.id)

    def _put_off(self, parcel: OutboxMessage, failure: TemporaryFailure) -> str:
        self._faults.failed(parcel.channel, parcel.id, failure)
        if isinstance(failure, ConnectorFailure):
            self.blocked.add(parcel.channel)
        if self._now - parcel.created_at >= GIVE_UP:
            return self._bury(parcel, f"Given up after {parcel.attempts} attempts. {failure}")
        asked = min(failure.retry_after or timedelta(0), LONGEST_ASKED)
        # not a secret: any generator will do
        until = self._now + max(wait(parcel.attempts, random.Random()), asked)  # noqa: S311
        with self._db.begin() as connection:
            Outbox(connection).postponed(parcel, str(failure), until=until, asked=bool(asked))
        return "postponed"

    def _bury(self, parcel: OutboxMessage, why: str) -> str:
        log.warning("outbox row %s was refused: %s", parcel.id, without_addresses(why))
        with self._db.begin() as connection:
            Outbox(connection).refused(parcel, why)
        return "dead"
