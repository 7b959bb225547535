"""Recording that never stands in the way of an answer.

Promises that what a person said (a vote, a ticket) is on disk, in the database or in the spool,
when `record` returns True; that what a person merely did (a search, a view) is there within 200 ms,
written together with others by a thread of its own; and that it never raises.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from kb.database import FAULTS, Database
from kb.lookup import store
from kb.lookup.batching import Batches
from kb.lookup.events import SAID, Event, is_young
from kb.lookup.spool import Spool

log = logging.getLogger(__name__)

# Spooled events that are put in one transaction, some 50 ms, and what is left to others after it.
PART, BETWEEN_S = 200, 0.05
TRIES = 5  # to put an event that is refused alone
RETRY_S = 5.0  # after a failure the database is left alone this long, so pages stay quick
# A search that another process has just answered waits there; it is looked for again this often.
LOOKS, LOOK_S = 10, 0.05
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
        self._batches = Batches(self._write)
        self._patient = threading.Semaphore(1)

    def record(self, *events: Event) -> bool:
        """Keep the events. True when every one is safe on disk, or, where a person said none of
        them, when they will be within 200 ms as far as is known.
        """
        if any(event.kind in SAID for event in events):
            return self._batches.write(events)
        return self._batches.add(events)

    def flush(self) -> None:
        """Write what waits: before the process ends, or for who reads the database itself."""
        self._batches.flush()

    def look(self, read: Callable[[Database], T | None], *, visitor: str = "") -> T | None:
        """Return what `read` finds in the record; None while the database is away.

        What the `visitor` did a moment ago in this process is written first.
        """
        if visitor and self._batches.holds(visitor):
            self._batches.flush()
        if self._resting():
            return None
        try:
            return read(self.db)
        except FAULTS as problem:
            self._rest(problem)
            return None

    def search(self, search_id: str, now: datetime) -> Event | None:
        """Return the search of that id; None for an unknown one, or while the database is away.

        One of this second that is unknown may wait in another process: it is looked for until that
        must have written it, by one request of a process at a time, for any id can be made up.
        """
        found = self._batches.search(search_id) or self._stored(search_id)
        if found or not is_young(search_id, now) or not self._patient.acquire(blocking=False):
            return found
        try:
            for _ in range(LOOKS):
                if self._resting() or (found := self._stored(search_id)):
                    break
                time.sleep(LOOK_S)
        finally:
            self._patient.release()
        return found

    def _stored(self, search_id: str) -> Event | None:
        return self.look(lambda db: store.search_of(db, search_id))

    def replay_spool(self) -> Replayed:
        """Put the spooled events into the database, each once; return what was put.

        StoreError while the database is still away; the spool then stays as it is.
        """
        put_back = self.spool.drain(self._put_back)
        oldest = min((event.at for event in put_back), default=None)
        return Replayed(len(put_back), oldest)

    def _put_back(self, batch: Sequence[Event]) -> Sequence[Event]:
        """Put a batch, a part at a time so that readers' searches get in between; return those
        that a working database refuses.
        """
        refused = list[Event]()
        for start in range(0, len(batch), PART):
            if start:
                time.sleep(BETWEEN_S)
            refused += self._put_part(batch[start : start + PART])
        return refused

    def _put_part(self, batch: Sequence[Event]) -> Sequence[Event]:
        """Put a part; return those that a working database refuses, so they block no others."""
        try:
            store.put_all(self.db, batch)
            return ()
        except FAULTS:
            self.db.ping()  # away: say so, and try the whole batch again later
            return [event for event in batch if not self._accepted(event)]

    def _accepted(self, event: Event) -> bool:
        """Put one event; return False once a working database has refused it TRIES times: what
        passes, as a lock or too many connections, must set nothing apart.
        """
        for left in reversed(range(TRIES)):
            try:
                store.put_all(self.db, [event])
                return True
            except FAULTS as problem:
                self.db.ping()
                if left:
                    time.sleep(BETWEEN_S)
                else:
                    log.error("Event %s (%s) is kept apart: %s", event.id, event.kind, problem)
        return False

    def _write(self, events: Sequence[Event]) -> Collection[str]:
        """Write events in one transaction, or spool them; return the ids of those that are lost."""
        if not self._resting():
            try:
                store.put(self.db, events)
            except FAULTS as problem:
                self._rest(problem)
            else:
                return ()
        return self._to_spool(events)

    def _resting(self) -> bool:
        return self._clock() < self._retry_at

    def _rest(self, problem: Exception) -> None:
        log.warning("The record's database fails, the spool takes events: %s", problem)
        self._retry_at = self._clock() + RETRY_S

    def _to_spool(self, events: Sequence[Event]) -> Collection[str]:
        refused = self.spool.append(*events)
        for event, problem in refused:
            log.error("Event %s (%s) is lost: %s", event.id, event.kind, problem)
        return [event.id for event, _ in refused]


class Unrecorded(Recorder):
    """A recorder that keeps nothing."""

    keeps = False

    def record(self, *events: Event) -> bool:
        """Forget the events; nobody waits for them."""
        del events
        return True
