"""Records events without delaying an answer: they wait in memory and are written together.

What a person said (a vote, a ticket) is on disk, in the database or the spool, when `record`
returns True. What a person merely did (a search, a view) is written within 200 ms, in order and in
batches, by a separate thread. `record` never raises. A normal exit of the process writes what
waits; a kill loses what waits and nothing more.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from kb.database import FAULTS, Database
from kb.tracking import store
from kb.tracking.events import SAID, Event, EventKind, is_young
from kb.tracking.spool import Spool

# -- Batches of events that wait in this process --


log = logging.getLogger(__name__)

SETTLE_S = 0.1  # so that an event is on disk within 200 ms even on a busy machine
MOST = 1000  # callers that may wait; beyond these a request writes its events itself

# Writes events and returns the ids of those that are lost.
Write = Callable[[Sequence[Event]], Collection[str]]


class _Handed:
    """The events of one caller; `kept` is None until they have been written."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events
        self.kept: bool | None = None


class Batches:
    """The waiting events of one recorder. Safe to share between threads and across forks."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self.failing = False  # whether something of the last batch was lost
        self.begin()
        _every.add(self)

    def begin(self) -> None:
        """Start empty: after a fork, the parent writes what was waiting."""
        self._lock = threading.Lock()  # guards the lists
        self._turn = threading.Lock()  # held while a batch is written, to keep the order
        self._wanted = threading.Event()
        self._waiting: list[_Handed] = []
        self._under_way: list[_Handed] = []
        self._thread: threading.Thread | None = None

    def add(self, events: Sequence[Event]) -> bool:
        """Queue events; return whether they can be expected to be kept."""
        if len(self._waiting) >= MOST:
            return self.write(events)
        with self._lock:
            self._waiting.append(_Handed(events))
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep_writing, daemon=True)
                self._thread.start()
        self._wanted.set()
        return not self.failing

    def write(self, events: Sequence[Event]) -> bool:
        """Write events now, after those that wait; return whether every one is kept."""
        handed = _Handed(events)
        with self._lock:
            self._waiting.append(handed)
        with self._turn:
            if handed.kept is None:  # else another thread has written it with its own
                self._write_waiting()
        return bool(handed.kept)

    def flush(self) -> None:
        """Write what waits; on return it is on disk, or logged as lost."""
        with self._turn:
            self._write_waiting()

    def search(self, search_id: str) -> Event | None:
        """Return the search with that id while it waits, else None."""
        return next((e for e in self._held() if e.id == search_id and _is_search(e)), None)

    def holds(self, visitor: str) -> bool:
        """Return whether an event of the visitor waits."""
        return any(event.visitor == visitor for event in self._held())

    def _held(self) -> Iterator[Event]:
        with self._lock:
            handed = [*self._under_way, *self._waiting]
        return (event for each in handed for event in each.events)

    def _keep_writing(self) -> None:
        while self._wanted.wait():
            time.sleep(SETTLE_S)
            self._wanted.clear()
            self.flush()

    def _write_waiting(self) -> None:
        """Write all that waits, in order; the caller holds `_turn`."""
        with self._lock:
            taken, self._waiting = self._waiting, []
            self._under_way = taken
        if not taken:
            return
        batch = [event for each in taken for event in each.events]
        try:
            lost = frozenset(self._write(batch))
        except Exception:  # the thread must live on
            log.exception("%d events are lost", len(batch))
            lost = frozenset(event.id for event in batch)
        self.failing = bool(lost)
        for each in taken:
            each.kept = lost.isdisjoint(event.id for event in each.events)
        self._under_way = []


def _is_search(event: Event) -> bool:
    return event.kind is EventKind.SEARCH


_every: weakref.WeakSet[Batches] = weakref.WeakSet()


def _begin_all() -> None:
    for each in list(_every):
        each.begin()


@atexit.register
def flush_all() -> None:
    """Write what waits in this process."""
    for each in list(_every):
        each.flush()


os.register_at_fork(after_in_child=_begin_all)


# -- The recorder --


# Spooled events put in one transaction (about 50 ms), and the pause after it for other writers.
PART, BETWEEN_S = 200, 0.05
TRIES = 5  # attempts to put a single event that the database refuses
RETRY_S = 5.0  # pause after a database failure, so that pages stay quick
# How often and at which interval to look for a search that may still wait in another process.
LOOKS, LOOK_S = 10, 0.05
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SpoolReplay:
    """What was replayed from the spool: the number of events and the time of the oldest."""

    events: int = 0
    oldest: datetime | None = None


class Recorder:
    """Writes events to the database, or to the spool in `folder` while that fails."""

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
        """Record the events. Return True when all are on disk, or, if none is in SAID, when they
        are expected to be within 200 ms.
        """
        if any(event.kind in SAID for event in events):
            return self._batches.write(events)
        return self._batches.add(events)

    def flush(self) -> None:
        """Write what waits: before the process ends, or before reading the database directly."""
        self._batches.flush()

    def look(self, read: Callable[[Database], T | None], *, visitor: str = "") -> T | None:
        """Return what `read` finds in the event log; None while the database is away.

        Waiting events of the `visitor` in this process are written first.
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
        """Return the search with that id; None if it is unknown or the database is away.

        An unknown search of the last second may still wait in another process, so it is looked for
        until that must have written it. Since ids can be made up, only one request per process
        waits at a time.
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

    def replay_spool(self) -> SpoolReplay:
        """Write the spooled events to the database, each once; return what was written.

        StoreError while the database is still away; the spool is then unchanged.
        """
        put_back = self.spool.drain(self._put_back)
        oldest = min((event.at for event in put_back), default=None)
        return SpoolReplay(len(put_back), oldest)

    def _put_back(self, batch: Sequence[Event]) -> Sequence[Event]:
        """Put a batch in parts, so that other writes get in between; return the events that a
        working database refuses.
        """
        refused = list[Event]()
        for start in range(0, len(batch), PART):
            if start:
                time.sleep(BETWEEN_S)
            refused += self._put_part(batch[start : start + PART])
        return refused

    def _put_part(self, batch: Sequence[Event]) -> Sequence[Event]:
        """Put a part; return events that a working database refuses, so they block no others."""
        try:
            store.put_all(self.db, batch)
            return ()
        except FAULTS:
            self.db.ping()  # away: say so, and try the whole batch again later
            return [event for event in batch if not self._accepted(event)]

    def _accepted(self, event: Event) -> bool:
        """Put one event; return False once a working database has refused it TRIES times. A passing
        fault, such as a lock or too many connections, must not set an event aside.
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
        """Write events in one transaction, or spool them; return the ids of lost ones."""
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
        """Discard the events."""
        del events
        return True
