"""The rows that reports add up.

Promises frozen values as `figures.store` reads them. Knows no rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kb.insight.estimates.cost import TierCost
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


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A stored failed search."""

    episode_id: str
    visitor: str
    failure: Failure
    words: str
    words_key: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report is made of; `tickets` counts tickets by origin, `tiers` by the tier where they
    stand, `outside` those that other systems told of: (matched, all).
    """

    episodes: Sequence[EpisodeRow]
    failed: Sequence[FailedRow]
    tickets: Mapping[str, int]
    tiers: Mapping[int, TierCost] = field(default_factory=dict)
    outside: tuple[int, int] = (0, 0)
