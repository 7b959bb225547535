"""Recording that never stands in the way of an answer.

Promises that `record` returns True only when the event is on disk, in the database or in the
spool, and that it never raises. Knows no event's meaning.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from kb.db import FAULTS, Database
from kb.lookup import store
from kb.lookup.events import Event
from kb.lookup.spool import Spool

log = logging.getLogger(__name__)

RETRY_S = 5.0  # after a failure the database is left alone this long, so pages stay quick
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came out of the spool: how many events, the time of the oldest."""

    events: int = 0
    oldest: datetime | None = None


class Recorder:
    """Puts events into the database, or into the spool in `folder` while that fails."""

    keeps = True  # whether people may be told that what they said is kept

    def __init__(
        self, db: Database, folder: Path, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.db = db
        self.spool = Spool(folder)
        self._clock = clock
        self._retry_at = 0.0

    def record(self, *events: Event) -> bool:
        """Keep the events, all in one transaction; return whether every one is safe on disk."""
        if self._to_database(events):
            return True
        safe = [self._to_spool(event) for event in events]  # try each, whatever the others do
        return all(safe)

    def look(self, read: Callable[[Database], T | None]) -> T | None:
        """Return what `read` finds in the record; None while the database is away."""
        if self._resting():
            return None
        try:
            return read(self.db)
        except FAULTS as problem:
            self._rest(problem)
            return None

    def replay_spool(self) -> Replayed:
        """Put the spooled events into the database, each once; return what was put.

        StoreError while the database is still away; the spool then stays as it is.
        """
        put_back = self.spool.drain(self._put_back)
        oldest = min((event.at for event in put_back), default=None)
        return Replayed(len(put_back), oldest)

    def _put_back(self, batch: Sequence[Event]) -> Sequence[Event]:
        """Put a batch; return those that a working database refuses, so they block no others."""
        try:
            store.put_all(self.db, batch)
            return ()
        except FAULTS:
            self.db.ping()  # away: say so, and try the whole batch again later
            return [event for event in batch if not self._accepted(event)]

    def _accepted(self, event: Event) -> bool:
        try:
            store.put_all(self.db, [event])
        except FAULTS as problem:
            self.db.ping()
            log.error("Event %s (%s) is kept apart: %s", event.id, event.kind, problem)
            return False
        return True

    def _to_database(self, events: Sequence[Event]) -> bool:
        if self._resting():
            return False
        try:
            store.put(self.db, events)
        except FAULTS as problem:
            self._rest(problem)
            return False
        return True

    def _resting(self) -> bool:
        return self._clock() < self._retry_at

    def _rest(self, problem: Exception) -> None:
        log.warning("The record's database fails, the spool takes events: %s", problem)
        self._retry_at = self._clock() + RETRY_S

    def _to_spool(self, event: Event) -> bool:
        try:
            self.spool.append(event)
        except (OSError, TypeError, ValueError) as problem:
            log.error("Event %s (%s) is lost: %s", event.id, event.kind, problem)
            return False
        return True


class Unrecorded(Recorder):
    """A recorder that keeps nothing."""

    keeps = False

    def record(self, *events: Event) -> bool:
        """Forget the events; nobody waits for them."""
        del events
        return True
