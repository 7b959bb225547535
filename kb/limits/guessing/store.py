"""Wrong passwords in the database, counted before the password is looked at.

A try is written down before the check, in one transaction, so that a hundred tries at once are a
hundred; a right password gives its own back. Where it cannot be written down there is no try.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.database import FAULTS, Database, hasty
from kb.errors import StoreError
from kb.limits.guessing.delays import Rule, Tally, timely
from kb.schema import sign_in_guesses

KEPT = timedelta(days=2)  # longer than any rule looks back


@dataclass(frozen=True, slots=True)
class Bucket:
    """What one count is kept under, and how it counts. `what` is "account" or "network"."""

    what: str
    who: str
    rule: Rule

    @property
    def key(self) -> str:
        """Return the name of the row, in which nobody's address can be read."""
        return f"{self.what}:{digest(self.who)}"


class Guesses:
    """The counts of one database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def take(self, buckets: Sequence[Bucket], now: datetime) -> tuple[Bucket, int] | None:
        """Count one try in every bucket and return None; or count nothing and return the bucket
        that is closed and the seconds until it opens. StoreError when it cannot be written.
        """
        ordered = sorted(buckets, key=lambda bucket: bucket.key)  # two tries never wait in a ring
        try:
            with hasty(self._db) as connection:
                found = [(each, self._locked(connection, each, now)) for each in ordered]
                for bucket, tally in found:
                    if tally and tally.free_at > now:
                        _write(connection, bucket, tally)  # it may have been of another clock
                        return bucket, math.ceil((tally.free_at - now).total_seconds())
                for bucket, tally in found:
                    _write(connection, bucket, bucket.rule.counted(tally, now))
        except FAULTS as problem:
            raise StoreError(
                "Sign-ins cannot be counted, so none is taken.",
                "Check that the database can be written and that its disk is not full.",
            ) from problem
        return None

    def give_back(self, buckets: Sequence[Bucket], now: datetime) -> None:
        """Take the try of a right password off again."""
        with self._db.begin() as connection:
            for bucket in sorted(buckets, key=lambda each: each.key):
                tally = self._locked(connection, bucket, now)
                _write(connection, bucket, tally and bucket.rule.given_back(tally, now))

    def forget(self, bucket: Bucket) -> None:
        """Forget what was counted in a bucket."""
        with self._db.begin() as connection:
            _write(connection, bucket, None)

    def purge(self, now: datetime) -> None:
        """Forget counts that no rule looks at any more, and those of a clock that was far ahead."""
        with self._db.begin() as connection:
            old = ~sign_in_guesses.c.free_at.between(now - KEPT, now + KEPT)
            connection.execute(sa.delete(sign_in_guesses).where(old))

    def _locked(self, connection: Connection, bucket: Bucket, now: datetime) -> Tally | None:
        """Return the bucket's tally, held until the end of the transaction; None when empty."""
        row = {"key": bucket.key, "failures": 0, "since": now, "free_at": now}
        self._db.insert_once(connection, sign_in_guesses, [row])
        mine = sa.select(sign_in_guesses).where(sign_in_guesses.c.key == bucket.key)
        found = connection.execute(mine.with_for_update()).one()
        tally = Tally(found.failures, found.since, found.free_at)
        return timely(tally, bucket.rule, now) if found.failures else None


def _write(connection: Connection, bucket: Bucket, tally: Tally | None) -> None:
    mine = sign_in_guesses.c.key == bucket.key
    if tally is None:
        connection.execute(sa.delete(sign_in_guesses).where(mine))
        return
    values = {"failures": tally.failures, "since": tally.since, "free_at": tally.free_at}
    connection.execute(sa.update(sign_in_guesses).where(mine).values(values))


def digest(who: str) -> str:
    """Return a short name for `who`, so that no address is kept."""
    return hashlib.sha256(who.encode("utf-8", "surrogatepass")).hexdigest()[:32]
