"""Pseudonyms of visitors, so that events belong together without telling who did them.

A browser has one pseudonym within one UTC day, which cannot be linked to the next day's; an account
has a stable one. No cookie is set, and neither name, network address nor browser is stored. If the
database fails, a derived salt is used and no page waits.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import threading
from datetime import datetime, timedelta

from kb.database import FAULTS, Database
from kb.tracking import store

log = logging.getLogger(__name__)

LENGTH = 32  # hex digits: 128 bits, so that pseudonyms never collide by chance
RETRY = timedelta(seconds=10)


def day_of(now: datetime) -> str:
    """Return the UTC day as YYYY-MM-DD."""
    return now.date().isoformat()


class Visitors:
    """Gives pseudonyms; the day's salt is shared by all machines through the database."""

    def __init__(self, db: Database, secret_key: str) -> None:
        self._db = db
        self._secret = secret_key.encode()
        self._lock = threading.Lock()
        self._salts: dict[str, bytes] = {}
        self._retry_at: datetime | None = None

    def signed_in(self, user_id: str) -> str:
        """Return the account's pseudonym: 32 hex digits, the same every day."""
        return _keyed(self._secret, f"account\0{user_id}")

    def of_address(self, email: str) -> str:
        """Return the pseudonym of somebody on whose behalf tickets are filed: 32 hex digits."""
        return _keyed(self._secret, f"address\0{email.strip().casefold()}")

    def anonymous(self, address: str, user_agent: str, now: datetime) -> str:
        """Return the browser's pseudonym for this UTC day: 32 hex digits."""
        return _keyed(self._salt(day_of(now), now), f"{address}\0{user_agent}")

    def others(self, address: str, user_agent: str, now: datetime) -> tuple[str, ...]:
        """Return this browser's pseudonyms without an account, today's and yesterday's.

        They connect what a person did before signing in, or before midnight, with the ticket that
        follows; they are never stored together.
        """
        yesterday = now - timedelta(days=1)
        salts = [self._salt(day_of(day), now) for day in (now, yesterday)]
        return tuple(_keyed(salt, f"{address}\0{user_agent}") for salt in salts)

    def _salt(self, day: str, now: datetime) -> bytes:
        """Return the day's salt, or while the database is away one derived from the secret key."""
        with self._lock:
            if day in self._salts:
                return self._salts[day]
            if self._retry_at and now < self._retry_at:
                return self._derived(day)
            return self._fetched(day, now)

    def _fetched(self, day: str, now: datetime) -> bytes:
        try:
            salt = store.salt_of(self._db, day, secrets.token_bytes(32))
        except FAULTS as problem:
            log.warning("No salt from the database, one is derived for now: %s", problem)
            self._retry_at = now + RETRY
            return self._derived(day)
        oldest = day_of(now - timedelta(days=1))
        kept = {known: value for known, value in self._salts.items() if known >= oldest}
        self._salts = kept | {day: salt}
        return salt

    def _derived(self, day: str) -> bytes:
        """Return a salt that is the same on all machines, so an outage does not split visitors."""
        return hmac.digest(self._secret, f"salt\0{day}".encode(), hashlib.sha256)


def _keyed(key: bytes, text: str) -> str:
    data = text.encode("utf-8", "surrogatepass")
    return hmac.new(key, data, hashlib.sha256).hexdigest()[:LENGTH]
