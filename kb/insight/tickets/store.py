"""Tickets of a span of time by what happened to them.

Promises seconds and counts, so that a year of tickets costs no conversion of times. Knows no
definition.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from kb.insight.figures.store import of_requesters
from kb.insight.tickets.rows import Alike
from kb.schema import tickets


class seconds_between(sa.sql.expression.ColumnElement[float]):  # noqa: N801, reads as a function
    """The seconds from one time to another, null where either is."""

    inherit_cache = False
    type = sa.Float()

    def __init__(self, start: sa.ColumnElement[Any], end: sa.ColumnElement[Any]) -> None:
        self.start, self.end = start, end


@compiles(seconds_between)
def _seconds(element: seconds_between, compiler: SQLCompiler, **more: Any) -> str:
    start, end = (compiler.process(each, **more) for each in (element.start, element.end))
    if compiler.dialect.name == "sqlite":
        return f"round((julianday({end}) - julianday({start})) * 86400.0, 3)"
    return f"CAST(extract(epoch FROM ({end} - {start})) AS double precision)"


def tickets_alike(connection: Connection, start: datetime, end: datetime) -> tuple[Alike, ...]:
    """Return the tickets created in [start, end), staff's own left out."""
    columns = tickets.c
    began = sa.literal(start, columns.created_at.type)
    common = (
        columns.origin,
        columns.status,
        columns.tier,
        columns.resolution,
        columns.raised_by_clock,
        columns.raised_by_hand,
        columns.returned,
        columns.answers,
        columns.resolutions,
    )
    times = (
        seconds_between(began, columns.created_at),
        seconds_between(columns.created_at, columns.resolved_at),
        seconds_between(columns.created_at, columns.answered_at),
    )
    query = sa.select(*common, *times).where(*of_requesters(start, end))
    split = len(common)
    found: dict[tuple[Any, ...], list[Any]] = {}
    for row in connection.execute(query):
        found.setdefault(row[:split], []).append(row[split:])
    names = [column.key for column in common]
    return tuple(
        Alike(**dict(zip(names, life, strict=True)), times=np.array(held, np.float64))
        for life, held in found.items()
    )
