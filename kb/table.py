"""Tables as the product shows and exports them: one value for pages, CSV, JSON and XLSX.

Promises that the screen, CSV, JSON and a workbook are made of the same cells, and that each row
has a cell for each column. Pure; knows no figure and no page.

Promises one header line a table, numbers as numbers, and CSV cells that no spreadsheet runs as a
formula. Pure.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

# -- The shape of a table that a report shows and gives away --


Cell = str | int | float | None
Cells = tuple[Cell, ...]


class ColumnKind(StrEnum):
    """What the cells of a column hold, and so how the screen words them; cells hold the raw value.

    AMOUNT is in the unit that the row's `unit` names, a Unit of kb.insight.estimates. The codes
    (LANGUAGE to CAUSE) are shown in words; FIGURE names a figure, and the screen leads from it
    to its definition; ARTICLE holds a slug, GAP a gap's number, COMMIT an id of Git.
    """

    TEXT = "text"
    WORDS = "words"  # that people typed, of k or more of them; kept reports leave them out
    NOTE = "note"  # longer text
    AMOUNT = "amount"
    COUNT = "count"
    SHARE = "share"  # in [0, 1]
    DIFFERENCE = "difference"  # of two shares, in [-1, 1]
    NUMBER = "number"  # with one decimal
    SECONDS = "seconds"  # shown as minutes, hours or days
    MILLISECONDS = "milliseconds"
    DAY = "day"  # YYYY-MM-DD
    MOMENT = "moment"  # ISO 8601, UTC
    FIGURE = "figure"
    ARTICLE = "article"
    GAP = "gap"
    COMMIT = "commit"
    TIER = "tier"
    LANGUAGE = "language"
    SURFACE = "surface"
    DEVICE = "device"
    COLLECTION = "collection"
    FAILURE = "failure"
    ORIGIN = "origin"
    REASON = "reason"
    CAUSE = "cause"


NUMERIC = frozenset(
    {
        ColumnKind.AMOUNT,
        ColumnKind.COUNT,
        ColumnKind.SHARE,
        ColumnKind.DIFFERENCE,
        ColumnKind.NUMBER,
        ColumnKind.SECONDS,
        ColumnKind.MILLISECONDS,
    }
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `key` heads it in exports, `name` on the screen. One that is not `shown` is in
    exports alone: definitions and versions, which the screen says elsewhere. `definition` is a key
    of DEFINITIONS that the heading leads to, "" for none.
    """

    key: str
    name: str
    kind: ColumnKind = ColumnKind.TEXT
    shown: bool = True
    definition: str = ""

    @property
    def numeric(self) -> bool:
        """Return whether the cells are numbers."""
        return self.kind in NUMERIC


@dataclass(frozen=True, slots=True)
class Line:
    """One row: a cell for each column; `key` says of what (a figure's key); `unit` is that of its
    AMOUNT cells.
    """

    cells: Cells
    key: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: `key` names it in addresses and commands, `caption` heads it; `empty` is said where
    it has no rows.
    """

    key: str
    caption: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    empty: str = "Nothing in this range."

    def __post_init__(self) -> None:
        width = len(self.columns)
        if any(len(line.cells) != width for line in self.lines):
            raise ValueError(f"table {self.key}: each line needs {width} cells")

    @property
    def shown(self) -> tuple[int, ...]:
        """Return the places of the columns that the screen shows."""
        return tuple(place for place, column in enumerate(self.columns) if column.shown)

    def rows(self) -> list[Cells]:
        """Return the keys of the columns, then the raw cells, line by line."""
        return [tuple(column.key for column in self.columns), *(line.cells for line in self.lines)]


def lines(rows: Sequence[Cells]) -> tuple[Line, ...]:
    """Return rows that are of nothing in particular and in no unit of their own."""
    return tuple(Line(row) for row in rows)


# -- Tables as CSV and as JSON --


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
