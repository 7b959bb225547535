"""Random assignment of visitors to comparisons and surveys, by a keyed hash.

A visitor gets the same answer on every machine and at every request, independent of every other
draw. Without the key nobody can predict or influence it.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from kb.tracking.events import Arm

_PARTS = 2**64


def drawn(key: str, what: str, who: str, percent: int) -> bool:
    """Return whether `who` is among the `percent` per cent drawn for `what`."""
    digest = hmac.digest(key.encode(), f"draw\0{what}\0{who}".encode(), hashlib.sha256)
    return int.from_bytes(digest[:8], "big") * 100 < percent * _PARTS


def arm_of(key: str, visitor: str, percent: int) -> Arm:
    """Return the visitor's arm when `percent` per cent see no suggestions on the ticket form."""
    return Arm.HELD_OUT if drawn(key, "holdout", visitor, percent) else Arm.SHOWN


def is_asked(key: str, visitor: str, percent: int, now: datetime) -> bool:
    """Return whether the visitor is among those asked on this UTC day. Each day draws again, so
    that no account is always asked and none never.
    """
    return drawn(key, "survey", f"{visitor}\0{now.date().isoformat()}", percent)
