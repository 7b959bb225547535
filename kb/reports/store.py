"""Annotations, saved views and snapshots in the database, stored and read back unchanged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from kb.analytics.report import DateRange
from kb.reports.model import Annotation, SavedView, Written, from_json, to_json
from kb.schema import kept_reports, report_notes, report_views
from kb.table import Table

# -- Annotations --


def add_annotation(connection: Connection, note: Annotation) -> None:
    """Insert a note."""
    row = {"id": note.id, "made_by": note.by, "made_at": note.at}
    words = {"first_day": note.first, "last_day": note.last, "text": note.text}
    connection.execute(sa.insert(report_notes).values(**row, **words))


def change_annotation(
    connection: Connection, note_id: str, to: Written, by: str, now: datetime
) -> bool:
    """Change a note; return whether it was there."""
    values = {"first_day": to.first, "last_day": to.last, "text": to.text}
    statement = sa.update(report_notes).where(report_notes.c.id == note_id)
    done = connection.execute(statement.values(**values, changed_by=by, changed_at=now))
    return done.rowcount == 1


def remove_annotation(connection: Connection, note_id: str) -> None:
    """Delete a note."""
    connection.execute(sa.delete(report_notes).where(report_notes.c.id == note_id))


def annotations_touching(connection: Connection, first: date, last: date) -> list[Annotation]:
    """Return the notes that overlap these days."""
    query = sa.select(report_notes).where(
        report_notes.c.first_day <= last, report_notes.c.last_day >= first
    )
    return [_note(row) for row in connection.execute(query)]


def find_annotation(connection: Connection, note_id: str) -> Annotation | None:
    """Return a note, None if there is none of that id."""
    query = sa.select(report_notes).where(report_notes.c.id == note_id)
    row = connection.execute(query).first()
    return _note(row) if row else None


def _note(row: Row[Any]) -> Annotation:
    return Annotation(
        id=row.id,
        first=row.first_day,
        last=row.last_day,
        text=row.text,
        by=row.made_by,
        at=row.made_at,
        changed_by=row.changed_by,
        changed_at=row.changed_at,
    )


# -- Saved views --


def add_view(connection: Connection, view: SavedView) -> None:
    """Insert a view."""
    connection.execute(
        sa.insert(report_views).values(
            id=view.id,
            owner_id=view.owner,
            name=view.name,
            shared=view.shared,
            page=view.page,
            query={key: list(values) for key, values in view.query.items()},
            made_at=view.at,
        )
    )


def change_view(connection: Connection, view_id: str, **values: Any) -> None:
    """Change the given columns of a view, such as `name` or `shared`."""
    here = report_views.c.id == view_id
    connection.execute(sa.update(report_views).where(here).values(**values))


def remove_view(connection: Connection, view_id: str) -> None:
    """Delete a view."""
    connection.execute(sa.delete(report_views).where(report_views.c.id == view_id))


def find_view(connection: Connection, view_id: str) -> SavedView | None:
    """Return a view, None if there is none of that id."""
    query = sa.select(report_views).where(report_views.c.id == view_id)
    row = connection.execute(query).first()
    return _view(row) if row else None


def name_taken(connection: Connection, owner: str, name: str) -> str:
    """Return the id of the owner's view of that name, "" for none."""
    query = sa.select(report_views.c.id).where(
        report_views.c.owner_id == owner, report_views.c.name == name
    )
    return connection.scalar(query) or ""


def views_seen_by(connection: Connection, user_id: str) -> list[SavedView]:
    """Return the person's own views, then those shared by others, each sorted by name."""
    query = sa.select(report_views).where(
        sa.or_(report_views.c.owner_id == user_id, report_views.c.shared)
    )
    found = [_view(row) for row in connection.execute(query)]
    return sorted(found, key=lambda view: (view.owner != user_id, view.name.casefold(), view.id))


def _view(row: Row[Any]) -> SavedView:
    query = {str(key): tuple(map(str, values)) for key, values in row.query.items()}
    return SavedView(row.id, row.owner_id, row.name, row.shared, row.page, query, row.made_at)


# -- Snapshots --


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot without its tables. `by` is an account's id; `definition` and `code` are the
    versions that made it.
    """

    id: str
    title: str
    range: DateRange
    at: datetime
    by: str
    definition: int
    code: str


def add_snapshot(connection: Connection, kept: Snapshot, tables: Sequence[Table]) -> None:
    """Insert a snapshot with its tables."""
    connection.execute(
        sa.insert(kept_reports).values(
            id=kept.id,
            title=kept.title,
            first_day=kept.range.first,
            last_day=kept.range.last,
            made_at=kept.at,
            made_by=kept.by,
            definition=kept.definition,
            code=kept.code,
            tables=json.dumps([to_json(table) for table in tables]),
        )
    )


def find_snapshot(
    connection: Connection, kept_id: str
) -> tuple[Snapshot, tuple[Table, ...]] | None:
    """Return a snapshot and its tables, None if there is none of that id."""
    query = sa.select(kept_reports).where(kept_reports.c.id == kept_id)
    row = connection.execute(query).first()
    if row is None:
        return None
    return _snapshot(row), tuple(from_json(each) for each in json.loads(row.tables))


def snapshots(connection: Connection) -> list[Snapshot]:
    """Return the snapshots without their tables, newest first."""
    columns = [column for column in kept_reports.c if column.name != "tables"]
    query = sa.select(*columns).order_by(kept_reports.c.made_at.desc(), kept_reports.c.id)
    return [_snapshot(row) for row in connection.execute(query)]


def remove_snapshot(connection: Connection, kept_id: str) -> None:
    """Delete a snapshot."""
    connection.execute(sa.delete(kept_reports).where(kept_reports.c.id == kept_id))


def _snapshot(row: Row[Any]) -> Snapshot:
    span = DateRange(row.first_day, row.last_day)
    return Snapshot(row.id, row.title, span, row.made_at, row.made_by, row.definition, row.code)
