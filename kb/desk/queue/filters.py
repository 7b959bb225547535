"""What to show of the queue, and the page of it that was found.

Promises plain values. Knows no SQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kb.desk.ticket import ACTIVE, Origin, Status, Ticket

NOBODY = ""  # as assignee: tickets that nobody has taken


class Order(StrEnum):
    """How the queue is sorted."""

    OLDEST = "oldest"
    NEWEST = "newest"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which tickets. None means any; `assignee` NOBODY means unassigned; `words` are looked for
    in subjects, or name a ticket's number; `before` keeps tickets opened before that time.
    """

    status: frozenset[Status] = ACTIVE
    tier: int | None = None
    assignee: str | None = None
    origin: Origin | None = None
    words: str = ""
    before: datetime | None = None
    order: Order = Order.OLDEST
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Queue:
    """One page of tickets, and how many there are in all."""

    tickets: tuple[Ticket, ...]
    total: int
