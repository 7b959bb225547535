"""Delivery: what waits in the outbox is sent, at least once.

Promises that a row is marked as delivered only after its channel took it, that a failure is tried
again later and later, and that a refusal for good is kept for staff. Knows no mail.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from kb.connectors.channel import Channel, PermanentFailure, TemporaryFailure
from kb.db import Database
from kb.desk.outbox.store import Outbox, Parcel

log = logging.getLogger(__name__)

FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=5)
LONGEST_ASKED = timedelta(hours=6)  # a Retry-After beyond this is not believed
GIVE_UP = timedelta(days=5)  # RFC 5321 4.5.4.1: at least 4 to 5 days
# A claim must outlast one round and the sending of its last letter (four steps of 20 s).
ROUND_S = 60.0
CLAIM = timedelta(seconds=180)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How many rows of one round were delivered, put off, and given up."""

    delivered: int = 0
    postponed: int = 0
    dead: int = 0


def deliver_due(
    db: Database, channels: Mapping[str, Channel], *, now: datetime, limit: int = 50
) -> Delivery:
    """Return what became of the rows that were due, at most `limit` of them.

    A round stops early after a minute, so that its claims, made at `now`, hold to its end.
    """
    ends = time.monotonic() + ROUND_S
    counts = {"delivered": 0, "postponed": 0, "dead": 0}
    for _ in range(limit):
        with db.begin() as connection:
            parcel = Outbox(connection).claim(now, CLAIM)
        if parcel is None:
            break
        counts[_deliver(db, channels, parcel, now)] += 1
        if time.monotonic() > ends:
            break
    return Delivery(**counts)


def wait(attempts: int, chance: random.Random) -> timedelta:
    """Return how long to wait after so many attempts: doubling from 1 s to 5 min, of which a
    random half is taken off, so that what failed together does not come back together.
    """
    doubled: timedelta = FIRST_WAIT * 2 ** min(attempts - 1, 20)
    longest = min(doubled, LONGEST_WAIT)
    return max(FIRST_WAIT, longest * chance.uniform(0.5, 1.0))


def _deliver(db: Database, channels: Mapping[str, Channel], parcel: Parcel, now: datetime) -> str:
    """Return "delivered", "postponed" or "dead", after writing it down."""
    try:
        _send(channels, parcel)
    except PermanentFailure as refusal:
        return _bury(db, parcel, str(refusal))
    except TemporaryFailure as failure:
        return _put_off(db, parcel, failure, now)
    except Exception as fault:  # a fault of ours must not hold up the letters behind it
        log.exception("outbox row %s failed", parcel.id)
        return _put_off(db, parcel, TemporaryFailure(f"{type(fault).__name__}: {fault}"), now)
    with db.begin() as connection:
        Outbox(connection).delivered(parcel)
    return "delivered"


def _send(channels: Mapping[str, Channel], parcel: Parcel) -> None:
    channel = channels.get(parcel.channel)
    if channel is None:
        raise TemporaryFailure(f"No channel named {parcel.channel} is set up.")
    channel.send(parcel.payload, parcel.id)


def _put_off(db: Database, parcel: Parcel, failure: TemporaryFailure, now: datetime) -> str:
    if now - parcel.created_at >= GIVE_UP:
        return _bury(db, parcel, f"Given up after {parcel.attempts} attempts. {failure}")
    asked = min(failure.retry_after or timedelta(0), LONGEST_ASKED)
    # not a secret: any generator will do
    until = now + max(wait(parcel.attempts, random.Random()), asked)  # noqa: S311
    with db.begin() as connection:
        Outbox(connection).postponed(parcel, str(failure), until=until)
    return "postponed"


def _bury(db: Database, parcel: Parcel, why: str) -> str:
    log.warning("outbox row %s was refused: %s", parcel.id, why)
    with db.begin() as connection:
        Outbox(connection).refused(parcel, why)
    return "dead"
