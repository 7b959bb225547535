"""Events that wait in this process to be written together.

Promises that whoever hands in an event waits for no disk, that what waits is written SETTLE_S later
at most by a thread of its own, in the order in which it came, and that an ordinary end of the
process writes it too. A kill loses what waits and nothing more. Knows no database: `write` does.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterator, Sequence

from kb.lookup.events import Event, EventKind

log = logging.getLogger(__name__)

SETTLE_S = 0.1  # so that it is on disk 200 ms after it happened, on a busy machine too
MOST = 1000  # events that may wait; beyond these the request writes them itself

# Writes events, returns the ids of those that are lost.
Write = Callable[[Sequence[Event]], Collection[str]]


class _Handed:
    """What one caller handed in; `kept` is None until it has been written."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events
        self.kept: bool | None = None


class Batches:
    """The waiting events of one recorder. Safe to share between threads, and to fork."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self.failing = False  # whether something of the last batch was lost
        self.begin()
        _every.add(self)

    def begin(self) -> None:
        """Begin with nothing: in a forked process what waited is its parent's to write."""
        self._lock = threading.Lock()  # around the lists
        self._turn = threading.Lock()  # held while a batch is written, so that order stays
        self._wanted = threading.Event()
        self._waiting: list[_Handed] = []
        self._under_way: list[_Handed] = []
        self._thread: threading.Thread | None = None

    def add(self, events: Sequence[Event]) -> bool:
        """Let events wait; return whether they can be expected to be kept."""
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
        """Write events now, with what waits before them; return whether every one is kept."""
        handed = _Handed(events)
        with self._lock:
            self._waiting.append(handed)
        with self._turn:
            if handed.kept is None:  # else another thread has written it with its own
                self._write_waiting()
        return bool(handed.kept)

    def flush(self) -> None:
        """Write what waits; when this returns it is on disk, or in the log as lost."""
        with self._turn:
            self._write_waiting()

    def search(self, search_id: str) -> Event | None:
        """Return the search of that id while it waits."""
        return next((e for e in self._held() if e.id == search_id and _is_search(e)), None)

    def holds(self, visitor: str) -> bool:
        """Return whether something that the visitor did waits."""
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
        """Write all that waits, in order; whoever calls has the turn."""
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
