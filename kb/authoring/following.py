"""The thread that notices saves and has the articles read again.

Promises that a saved text is shown at once, by itself, and that reading all articles, which links,
names and findings need, waits until the files are quiet and gives way to the next save. Knows
neither page nor index.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from kb.authoring.watching import Watch
from kb.authoring.workspace import Workspace
from kb.errors import ProductError

log = logging.getLogger(__name__)

PAUSE_S = 0.15  # between two looks at the files
QUIET_S = 0.45  # for the browser to fetch the page before all articles are read again


class _Newer(Exception):
    """Another file was saved while all were read."""


class Follower:
    """Brings `work` up to what `watch` sees, and calls `told` each time that something was read."""

    def __init__(self, work: Workspace, watch: Watch, told: Callable[[], None]) -> None:
        self._work, self._watch, self._told = work, watch, told
        self._waiting = False  # whether all articles are still to be read
        self._next_look = 0.0

    def start(self) -> None:
        """Follow changes in a thread, for as long as the process lives."""
        threading.Thread(target=self._run, daemon=True, name="follower").start()

    def _run(self) -> None:
        while True:
            time.sleep(QUIET_S if self._waiting else PAUSE_S)
            try:
                self._step()
            except (ProductError, RuntimeError, OSError) as problem:
                self._waiting = False
                log.warning("the change could not be read: %s", problem)

    def _step(self) -> None:
        """Show what was saved; read all when nothing was, or when a single file is not enough."""
        changed = self._watch.changes()
        if len(changed) == 1 and self._work.renew(next(iter(changed))):
            self._waiting = True
            self._told()
        elif changed or self._waiting:
            self._read_all(hasty=not changed)

    def _read_all(self, *, hasty: bool) -> None:
        """Read everything; `hasty`: unless something is saved meanwhile."""
        self._next_look = time.monotonic() + PAUSE_S if hasty else float("inf")
        try:
            self._work.refresh(self._look)
        except _Newer:
            return
        self._waiting = False
        self._told()

    def _look(self, _stage: str, _done: int, _total: int) -> None:
        if time.monotonic() > self._next_look:
            if self._watch.stirs():
                raise _Newer
            self._next_look = time.monotonic() + PAUSE_S
