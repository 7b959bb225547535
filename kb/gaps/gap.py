"""The shapes that the rules of gaps speak of.

Promises frozen values. Knows no rule and no database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """What is done about a gap."""

    NEW = "new"
    ASSIGNED = "assigned"
    WATCHING = "watching"
    ANSWERED = "answered"
    DECLINED = "declined"


class Cause(StrEnum):
    """Why searches fail although, or because: the first that holds."""

    TYPO = "typo"
    NOT_PERMITTED = "not_permitted"
    DRAFT = "draft"
    LANGUAGE = "language"
    WORDING = "wording"
    RANKS_LOW = "ranks_low"
    TRUE_GAP = "true_gap"


class Did(StrEnum):
    """What happened to a gap."""

    MADE = "made"
    MERGED = "merged"
    ABSORBED = "absorbed"
    SPLIT = "split"
    LEFT = "left"
    FADED = "faded"
    RENAMED = "renamed"
    ASSIGNED = "assigned"
    STATUS = "status"
    MOVED = "moved"


MACHINE = "grouping"  # the actor of what nobody did by hand


@dataclass(frozen=True, slots=True)
class Failed:
    """A search that failed in an episode that has ended; `ticketed`: a ticket followed it."""

    search_id: str
    at: datetime
    visitor: str
    words: str
    words_key: str
    language: str
    failure: str
    ticketed: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """Failed searches that ask for one thing.

    `number` is what people call it by and never changes. `title` was given by hand, `label` is made
    of words that enough people used, either may be "". `became_id` is the gap it was merged into.
    Counts are of the last grouping's window. `data` holds the trend, and the diagnosis' evidence.
    """

    id: str
    number: int
    status: Status = Status.NEW
    title: str = ""
    label: str = ""
    language: str = ""
    owner_id: str = ""
    became_id: str = ""
    came_from_id: str = ""
    people: int = 0
    searches: int = 0
    tickets: int = 0
    cause: str = ""
    model: str = ""
    first_at: datetime | None = None
    last_at: datetime | None = None
    answered_at: datetime | None = None
    answered_commit: str = ""
    answered_article: str = ""
    updated_at: datetime | None = None
    version: int = 1
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def touched(self) -> bool:
        """Return whether a person, or an answer, has given it a meaning of its own."""
        return self.status is not Status.NEW or bool(self.title or self.owner_id)

    @property
    def trend(self) -> tuple[int, int]:
        """Return the people of the last period and of the one before."""
        now, before = self.data.get("trend", (0, 0))
        return int(now), int(before)


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a gap's history; `data` is JSON-able and holds no searched word."""

    gap_id: str
    at: datetime
    kind: str
    actor: str
    data: Mapping[str, Any] = field(default_factory=dict)
