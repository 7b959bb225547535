"""An offer: the question whether a person still needs help.

Promises plain values. Knows no database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class OfferState(StrEnum):
    """OPEN until the person has answered."""

    OPEN = "open"
    TAKEN = "taken"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Offer:
    """What an unresolved episode left a signed-in person with; `words` are redacted."""

    id: str
    user_id: str
    episode_id: str
    need_key: str
    search_id: str
    words: str
    state: OfferState
    created_at: datetime
