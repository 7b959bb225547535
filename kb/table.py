"""Tables as the product shows and exports them: one value for pages, CSV, JSON and XLSX.

All formats are made of the same cells, and each row has a cell for each column. In exports a table
has one header line, numbers stay numbers, and no CSV cell can run as a formula in a spreadsheet.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# -- Tables --


Cell = str | int | float | None
Cells = tuple[Cell, ...]


class ColumnKind(StrEnum):
    """What the cells of a column hold, which decides how a page shows them; cells are raw values.

    AMOUNT is in the unit that the row's `unit` names, a Unit of kb.analytics.figures. The codes
    (LANGUAGE to CAUSE) are shown in words; FIGURE names a figure, which pages link to its
    definition; ARTICLE holds a slug, GAP a gap's number, COMMIT an id of Git.
    """

    TEXT = "text"
    WORDS = "words"  # typed by k or more people; snapshots leave them out
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
    """One column: its heading is `key` in exports and `name` on pages. A column that is not `shown`
    is only in exports: definitions and versions, which pages show elsewhere. `definition` is the
    key of DEFINITIONS that the heading links to, "" for none. `cell` makes the cell from the object
    of a row; it is None where the cells themselves are given, and it is never stored.
    """

    key: str
    name: str
    kind: ColumnKind = ColumnKind.TEXT
    shown: bool = True
    definition: str = ""
    cell: Callable[[Any], Cell] | None = field(default=None, compare=False, repr=False)

    @property
    def numeric(self) -> bool:
        """Return whether the cells are numbers."""
        return self.kind in NUMERIC

    def cell_of(self, row: Any) -> Cell:
        """Return the cell of a row. Raises ValueError if the column has no `cell`."""
        if self.cell is None:
            raise ValueError(f"column {self.key} makes no cells")
        return self.cell(row)

    def to_json(self) -> dict[str, str | bool]:
        """Return what exports and snapshots say of the column, JSON-able."""
        return {
            "key": self.key,
            "name": self.name,
            "kind": self.kind.value,
            "shown": self.shown,
            "definition": self.definition,
        }


@dataclass(frozen=True, slots=True)
class Line:
    """One row, with a cell for each column. `key` says what the row is about (such as a figure's
    key); `unit` is the unit of its AMOUNT cells.
    """

    cells: Cells
    key: str = ""
    unit: str = ""


EMPTY = "Nothing in this range."


@dataclass(frozen=True, slots=True)
class Table:
    """A table: `key` names it in addresses and commands, `caption` is its heading; `empty` is shown
    if it has no rows.
    """

    key: str
    caption: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    empty: str = EMPTY

    def __post_init__(self) -> None:
        width = len(self.columns)
        if any(len(line.cells) != width for line in self.lines):
            raise ValueError(f"table {self.key}: each line needs {width} cells")

    @property
    def shown(self) -> tuple[int, ...]:
        """Return the places of the columns that pages show."""
        return tuple(place for place, column in enumerate(self.columns) if column.shown)

    def rows(self) -> list[Cells]:
        """Return the keys of the columns, then the raw cells, line by line."""
        return [tuple(column.key for column in self.columns), *(line.cells for line in self.lines)]


def table_from(
    key: str,
    caption: str,
    columns: Sequence[Column],
    rows: Iterable[Any],
    *,
    key_of: Callable[[Any], str] = lambda _: "",
    unit_of: Callable[[Any], str] = lambda _: "",
    empty: str = EMPTY,
) -> Table:
    """Return a table with a line for each row; the columns make its cells. `key_of` and `unit_of`
    return the `key` and the `unit` of a row's line.
    """
    lines = tuple(
        Line(tuple(column.cell_of(row) for column in columns), key_of(row), unit_of(row))
        for row in rows
    )
    return Table(key, caption, tuple(columns), lines, empty)


# -- CSV and JSON --


Row = Sequence[Cell]
# A spreadsheet runs a cell that begins with one of these as a formula (OWASP, CSV injection); some
# convert the full-width forms to the plain ones.
_LIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_text(rows: Iterable[Row]) -> str:
    """Return the rows as CSV (RFC 4180), every text cell passed through `inert`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([inert(cell) for cell in row] for row in rows)
    return out.getvalue()


def inert(cell: Cell) -> Cell:
    """Return the cell, with an apostrophe before text that a spreadsheet would run as a formula."""
    if not isinstance(cell, str):
        return cell
    return "'" + cell if cell.startswith(_LIVE) else cell


def json_rows(table: Table) -> list[dict[str, Cell]]:
    """Return each row as a dictionary by column key."""
    keys = [column.key for column in table.columns]
    return [dict(zip(keys, line.cells, strict=True)) for line in table.lines]
