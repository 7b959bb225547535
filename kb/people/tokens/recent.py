"""API tokens that were good a moment ago, remembered while the database cannot be asked.

In this process's memory alone, by hash, for `KNOWN` after the database last vouched for them. What
they allow meanwhile is for the caller to bound: a token that was revoked on another machine, or by
a command, is not yet known to be.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock
from typing import Generic, TypeVar

KNOWN = timedelta(minutes=10)
MOST = 1000  # tokens; the one that was used longest ago goes first
T = TypeVar("T")


class RecentTokens(Generic[T]):
    """What each token stood for, and since when that is known."""

    def __init__(self) -> None:
        self._found: OrderedDict[bytes, tuple[T, datetime]] = OrderedDict()
        self._lock = Lock()

    def note(self, token: str, account: T | None, now: datetime) -> None:
        """Remember what the database said: the account, or None for a token that is nobody's."""
        with self._lock:
            self._found.pop(key := _key(token), None)
            if account is not None:
                self._found[key] = (account, now)
            if len(self._found) > MOST:
                self._found.popitem(last=False)

    def get(self, token: str, now: datetime) -> T | None:
        """Return what the token stood for at most `KNOWN` ago, None where that is not known."""
        with self._lock:
            account, since = self._found.get(_key(token), (None, now))
        return account if timedelta(0) <= now - since <= KNOWN else None


def _key(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
