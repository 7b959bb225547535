"""Saved views in the database.

Promises one view of a name for each owner. Knows no page.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from kb.insight.views.view import View
from kb.schema import report_views


def add(connection: Connection, view: View) -> None:
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


def change(connection: Connection, view_id: str, **values: Any) -> None:
    """Give a view another name, or share it or not."""
    here = report_views.c.id == view_id
    connection.execute(sa.update(report_views).where(here).values(**values))


def remove(connection: Connection, view_id: str) -> None:
    """Delete a view."""
    connection.execute(sa.delete(report_views).where(report_views.c.id == view_id))


def find(connection: Connection, view_id: str) -> View | None:
    """Return a view, None where there is none."""
    query = sa.select(report_views).where(report_views.c.id == view_id)
    row = connection.execute(query).first()
    return _view(row) if row else None


def taken(connection: Connection, owner: str, name: str) -> str:
    """Return the id of the owner's view of that name, "" for none."""
    query = sa.select(report_views.c.id).where(
        report_views.c.owner_id == owner, report_views.c.name == name
    )
    return connection.scalar(query) or ""


def seen_by(connection: Connection, user_id: str) -> list[View]:
    """Return the views that are a person's own or shared, by name."""
    query = sa.select(report_views).where(
        sa.or_(report_views.c.owner_id == user_id, report_views.c.shared)
    )
    found = [_view(row) for row in connection.execute(query)]
    return sorted(found, key=lambda view: (view.owner != user_id, view.name.casefold(), view.id))


def _view(row: Row[Any]) -> View:
    query = {str(key): tuple(map(str, values)) for key, values in row.query.items()}
    return View(row.id, row.owner_id, row.name, row.shared, row.page, query, row.made_at)
