"""Tables as CSV and as JSON.

Promises one header line a table, numbers as numbers, and CSV cells that no spreadsheet runs as a
formula. Pure.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from kb.insight.tables.table import Cell, Table

Row = Sequence[Cell]
# A spreadsheet takes a cell that begins with one of these for a formula (OWASP, CSV injection);
# the wide forms are turned into the plain ones by some.
_LIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_text(rows: Iterable[Row]) -> str:
    """Return rows as CSV (RFC 4180), every text cell made inert."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([inert(cell) for cell in row] for row in rows)
    return out.getvalue()


def inert(cell: Cell) -> Cell:
    """Return the cell; text that a spreadsheet would run gets an apostrophe in front."""
    if not isinstance(cell, str):
        return cell
    return "'" + cell if cell.startswith(_LIVE) else cell


def json_rows(table: Table) -> list[dict[str, Cell]]:
    """Return the rows of a table by the keys of its columns."""
    keys = [column.key for column in table.columns]
    return [dict(zip(keys, line.cells, strict=True)) for line in table.lines]
