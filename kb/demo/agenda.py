"""What is to happen, in order of time.

Promises that each thing happens once, at its time, the first put first among equals. Pure.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

Act = Callable[[datetime], object]


@dataclass(slots=True)
class Agenda:
    """Things to do at their times."""

    _waiting: list[tuple[datetime, int, Act]] = field(default_factory=list)
    _put: int = 0

    def at(self, when: datetime, act: Act) -> None:
        """Let `act` be called with its time."""
        heapq.heappush(self._waiting, (when, self._put, act))
        self._put += 1

    def until(self, end: datetime) -> None:
        """Do all that is due before `end`, also what is put meanwhile."""
        while self._waiting and self._waiting[0][0] < end:
            when, _, act = heapq.heappop(self._waiting)
            act(when)
