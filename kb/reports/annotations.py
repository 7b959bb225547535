"""Write, change, delete and read annotations: notes on days, shown beside the figures.

Each note keeps who wrote it and who changed it last.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from kb.analytics.date_ranges import EARLIEST, LATEST
from kb.analytics.report import DateRange
from kb.database import Database
from kb.errors import NotFound
from kb.reports import store
from kb.reports.model import Annotation, Written, annotations_of

EVER = DateRange(EARLIEST, LATEST)


def note(db: Database, what: Written, *, by: str, now: datetime) -> Annotation:
    """Store a note and return it; `by` is an account's id, "" for the command line."""
    made = Annotation(str(uuid.uuid4()), what.first, what.last, what.text, by, now)
    with db.begin() as connection:
        store.add_annotation(connection, made)
    return made


def change(db: Database, note_id: str, what: Written, *, by: str, now: datetime) -> None:
    """Change a note. Raises NotFound if there is none of that id."""
    with db.begin() as connection:
        if not store.change_annotation(connection, note_id, what, by, now):
            raise _gone()


def remove(db: Database, note_id: str) -> None:
    """Delete a note, if there is one of that id."""
    with db.begin() as connection:
        store.remove_annotation(connection, note_id)


def find(db: Database, note_id: str) -> Annotation:
    """Return a note. Raises NotFound if there is none of that id."""
    with db.read() as connection:
        found = store.find_annotation(connection, note_id)
    if found is None:
        raise _gone()
    return found


def notes_in(db: Database, span: DateRange = EVER) -> tuple[Annotation, ...]:
    """Return the notes that overlap a range, earliest first."""
    with db.read() as connection:
        return annotations_of(store.annotations_touching(connection, span.first, span.last), span)


def _gone() -> NotFound:
    return NotFound("There is no such note any more.", "See /reports/notes for those there are.")
