"""Kept reports in the database.

Promises the tables as they were given. Knows no rule.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from kb.analytics.report import DateRange
from kb.insight.tables.keeping import from_json, to_json
from kb.schema import kept_reports
from kb.table import Table


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a kept report beside its tables. `by` is an account's id; `definition` and
    `code` are the versions that made it.
    """

    id: str
    title: str
    range: DateRange
    at: datetime
    by: str
    definition: int
    code: str


def add(connection: Connection, kept: Kept, tables: Sequence[Table]) -> None:
    """Insert a report with its tables."""
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


def find(connection: Connection, kept_id: str) -> tuple[Kept, tuple[Table, ...]] | None:
    """Return a report and its tables, None where there is none."""
    query = sa.select(kept_reports).where(kept_reports.c.id == kept_id)
    row = connection.execute(query).first()
    if row is None:
        return None
    return _kept(row), tuple(from_json(each) for each in json.loads(row.tables))


def newest_first(connection: Connection) -> list[Kept]:
    """Return the reports without their tables."""
    columns = [column for column in kept_reports.c if column.name != "tables"]
    query = sa.select(*columns).order_by(kept_reports.c.made_at.desc(), kept_reports.c.id)
    return [_kept(row) for row in connection.execute(query)]


def remove(connection: Connection, kept_id: str) -> None:
    """Delete a report."""
    connection.execute(sa.delete(kept_reports).where(kept_reports.c.id == kept_id))


def _kept(row: Row[Any]) -> Kept:
    span = DateRange(row.first_day, row.last_day)
    return Kept(row.id, row.title, span, row.made_at, row.made_by, row.definition, row.code)
