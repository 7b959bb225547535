"""An agenda of simulated actions.

Each action runs once, in order of time; those due at the same time run in order of entry.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

Act = Callable[[datetime], object]


@dataclass(slots=True)
class Agenda:
    """Actions with the times at which they run."""

    _waiting: list[tuple[datetime, int, Act]] = field(default_factory=list)
    _put: int = 0

    def at(self, when: datetime, act: Act) -> None:
        """Schedule `act`; it will be called with `when`."""
        heapq.heappush(self._waiting, (when, self._put, act))
        self._put += 1

    def until(self, end: datetime) -> None:
        """Run every action due before `end`, including those that are scheduled meanwhile."""
        while self._waiting and self._waiting[0][0] < end:
            when, _, act = heapq.heappop(self._waiting)
            act(when)
