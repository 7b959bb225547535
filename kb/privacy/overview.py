"""The privacy figures, read from one consistent state of the database."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from kb.database import Database
from kb.privacy import store
from kb.privacy.model import Figures
from kb.redaction.redactor import KINDS


class HasPromises(Protocol):
    """The settings that privacy promises depend on."""

    @property
    def retention(self) -> timedelta:
        """How long words are kept."""
        ...

    @property
    def k_anonymity(self) -> int:
        """How many people must have used words before they are shown."""
        ...


def figures(db: Database, settings: HasPromises, now: datetime) -> Figures:
    """Return the current figures; redactions are counted over the retention."""
    since = now - settings.retention
    with db.read() as connection:
        searches, touched, by_kind = store.redacted(connection, since, KINDS)
        wordings, shown = store.wordings(connection, settings.k_anonymity)
        salts, oldest_salt = store.salts_held(connection)
        return Figures(
            at=now,
            since=since,
            retention_days=settings.retention / timedelta(days=1),
            k_anonymity=settings.k_anonymity,
            events=store.events_by_kind(connection),
            oldest_words=store.oldest_words(connection),
            searches=searches,
            touched=touched,
            redacted=by_kind,
            wordings=wordings,
            shown=shown,
            salts=salts,
            oldest_salt=oldest_salt,
            held=store.held(connection),
        )
