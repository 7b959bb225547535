"""Notes on days in the database.

Promises rows as they were written. Knows no rule.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from kb.insight.notes.note import Note, Written
from kb.schema import report_notes


def add(connection: Connection, note: Note) -> None:
    """Insert a note."""
    row = {"id": note.id, "made_by": note.by, "made_at": note.at}
    words = {"first_day": note.first, "last_day": note.last, "text": note.text}
    connection.execute(sa.insert(report_notes).values(**row, **words))


def change(connection: Connection, note_id: str, to: Written, by: str, now: datetime) -> bool:
    """Change a note; return whether it was there."""
    values = {"first_day": to.first, "last_day": to.last, "text": to.text}
    statement = sa.update(report_notes).where(report_notes.c.id == note_id)
    done = connection.execute(statement.values(**values, changed_by=by, changed_at=now))
    return done.rowcount == 1


def remove(connection: Connection, note_id: str) -> None:
    """Delete a note."""
    connection.execute(sa.delete(report_notes).where(report_notes.c.id == note_id))


def touching(connection: Connection, first: date, last: date) -> list[Note]:
    """Return the notes that touch these days."""
    query = sa.select(report_notes).where(
        report_notes.c.first_day <= last, report_notes.c.last_day >= first
    )
    return [_note(row) for row in connection.execute(query)]


def find(connection: Connection, note_id: str) -> Note | None:
    """Return a note, None where there is none."""
    query = sa.select(report_notes).where(report_notes.c.id == note_id)
    row = connection.execute(query).first()
    return _note(row) if row else None


def _note(row: Row[Any]) -> Note:
    return Note(
        id=row.id,
        first=row.first_day,
        last=row.last_day,
        text=row.text,
        by=row.made_by,
        at=row.made_at,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
    )
