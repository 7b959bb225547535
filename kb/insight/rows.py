"""The rows that a day's counts are made of.

Promises frozen values as `figures.store` reads them. Knows no rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from kb.insight.facts import Failure, Outcome


@dataclass(frozen=True, slots=True)
class EpisodeRow:
    """A stored episode, as reports need it; `definition` is the version it was judged by."""

    id: str
    outcome: Outcome
    ended: bool
    closed: bool
    unresolved: bool
    data: Mapping[str, Any]
    visitor: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    definition: int = 0

    @property
    def day(self) -> date:
        """Return the UTC day on which it started."""
        return self.started_at.date() if self.started_at else date.min


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A stored failed search."""

    episode_id: str
    visitor: str
    failure: Failure
    words: str
    words_key: str
