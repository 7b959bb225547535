"""Snapshots: reports kept as they were, and what has changed since.

A snapshot always shows what the report showed when it was kept, without words that people typed.
It can be compared with the same report made now. The function that makes a report's tables is
passed in.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from kb.analytics.definitions import DEFINITION_VERSION
from kb.analytics.report import DateRange
from kb.database import Database
from kb.errors import NotAllowed, NotFound
from kb.reports import store
from kb.reports.model import CellDifference, checked_name, differences, has_words, without_words
from kb.reports.store import Snapshot
from kb.table import Table

Make = Callable[[DateRange, datetime], Sequence[Table]]
LONGEST = 120
_ID_BYTES = 12  # 96 random bits, so that the address cannot be guessed


@dataclass(frozen=True, slots=True)
class SnapshotComparison:
    """The differences between a snapshot and the same report made now; `worded` are the captions of
    the tables with people's words, which cannot be compared.
    """

    differences: tuple[CellDifference, ...]
    worded: tuple[str, ...]
    definition: int


class Snapshots:
    """The snapshots of one site. `make(range, now)` returns all tables of a report."""

    def __init__(self, db: Database, make: Make, *, code: str) -> None:
        self._db = db
        self._make = make
        self._code = code

    def keep(self, title: str, span: DateRange, *, by: str, now: datetime) -> Snapshot:
        """Store a snapshot of a range and return it. Raises InvalidInput for a bad title."""
        kept = Snapshot(
            id=secrets.token_urlsafe(_ID_BYTES),
            title=checked_name(title, what="the report a title", field="title", longest=LONGEST),
            range=span,
            at=now,
            by=by,
            definition=DEFINITION_VERSION,
            code=self._code,
        )
        tables = self._made(span, now)
        with self._db.begin() as connection:
            store.add_snapshot(connection, kept, tables)
        return kept

    def _made(self, span: DateRange, now: datetime) -> list[Table]:
        return [without_words(table) for table in self._make(span, now)]

    def find(self, kept_id: str) -> tuple[Snapshot, tuple[Table, ...]]:
        """Return a snapshot and its tables. Raises NotFound if there is none of that id."""
        with self._db.read() as connection:
            found = store.find_snapshot(connection, kept_id)
        if found is None:
            raise NotFound(
                "There is no such kept report.",
                "It may have been removed: see /reports/kept for those there are.",
            )
        return found

    def all(self) -> list[Snapshot]:
        """Return the snapshots without their tables, newest first."""
        return kept_reports(self._db)

    def beside(self, kept: Snapshot, tables: Sequence[Table], now: datetime) -> SnapshotComparison:
        """Return what has changed since the snapshot was made; `tables` are its tables."""
        fresh = self._made(kept.range, now)
        worded = tuple(table.caption for table in tables if has_words(table))
        return SnapshotComparison(differences(tables, fresh), worded, DEFINITION_VERSION)

    def remove(self, kept_id: str, *, by: str, operates: bool = False) -> None:
        """Delete a snapshot. Raises NotAllowed unless it is one's own or `operates` is set."""
        kept, _ = self.find(kept_id)
        if kept.by != by and not operates:
            raise NotAllowed("Somebody else kept this report.", "Ask them, or an administrator.")
        with self._db.begin() as connection:
            store.remove_snapshot(connection, kept_id)


def kept_reports(db: Database) -> list[Snapshot]:
    """Return the snapshots without their tables, newest first."""
    with db.read() as connection:
        return store.snapshots(connection)
