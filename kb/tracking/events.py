"""The events of the event log: what a visitor did, one frozen row each.

The kinds are exactly those that the definitions of reports use. Words are redacted before they
enter an event.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any


class EventKind(StrEnum):
    """What happened."""

    SEARCH = "search"
    CLICK = "click"
    VIEW = "view"
    DWELL = "dwell"
    VOTE = "vote"
    SOLVED = "solved"
    FORM_OPENED = "form_opened"
    SUGGESTION_SHOWN = "suggestion_shown"
    SUGGESTION_OPENED = "suggestion_opened"
    FORM_WITHDRAWN = "form_withdrawn"
    TICKET_CREATED = "ticket_created"
    HOLDOUT = "holdout"
    SURVEY_SHOWN = "survey_shown"
    SURVEY_ANSWERED = "survey_answered"


class Surface(StrEnum):
    """Where words were typed."""

    PAGE = "page"
    SUGGEST = "suggest"
    FORM = "form"
    API = "api"


class Arm(StrEnum):
    """Whether the ticket form shows a visitor suggestions, or holds them out."""

    SHOWN = "shown"
    HELD_OUT = "held_out"


# What a person says is on disk before they are thanked for it; other events a moment later.
SAID = frozenset(
    {
        EventKind.VOTE,
        EventKind.SOLVED,
        EventKind.FORM_WITHDRAWN,
        EventKind.TICKET_CREATED,
        EventKind.SURVEY_ANSWERED,
    }
)
YOUNG = timedelta(seconds=1)  # longer than any process holds a search back
# Reasons that a reader may choose why an article did not help: codes, never free text.
REASONS = frozenset({"not-my-problem", "did-not-work", "hard-to-follow", "out-of-date"})
# Words still being typed: each form replaces the one before, so half a secret is never kept.
TYPED = frozenset({Surface.SUGGEST, Surface.FORM})

_MOST_MS = (1 << 48) - 1


@dataclass(frozen=True, slots=True)
class Event:
    """One thing a visitor did at `at` (aware UTC).

    `id` is globally unique; a search's own id is also its `search_id`. `left_out` is "", "staff"
    or "robot". `data` is JSON-able. `seq` is the row's place in the event log, 0 before it is put.
    """

    id: str
    at: datetime
    kind: EventKind
    visitor: str
    user_id: str | None = None
    search_id: str | None = None
    article: str | None = None
    words: str | None = None
    words_key: str | None = None
    left_out: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    seq: int = 0

    @property
    def surface(self) -> str:
        """Return where a search was typed, "" for other events."""
        return str(self.data.get("surface", ""))


def new_id() -> str:
    """Return a new event id: 32 hex digits that nobody can guess."""
    return uuid.uuid4().hex


def new_search_id(at: datetime) -> str:
    """Return a new id of a search: 32 hex digits, of which 12 are `at` in milliseconds and the rest
    80 random bits, so that nobody can guess it.
    """
    return f"{round(at.timestamp() * 1000) & _MOST_MS:012x}{secrets.token_hex(10)}"


def is_young(search_id: str, now: datetime) -> bool:
    """Return whether a search with that id, if there is one, was made within YOUNG of `now`."""
    try:
        at = datetime.fromtimestamp(int(search_id[:12], 16) / 1000, UTC)
    except (ValueError, OverflowError, OSError):  # not hex, or a time out of range
        return False
    return abs(now - at) < YOUNG
