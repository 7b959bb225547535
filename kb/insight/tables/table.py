"""The shape of a table that a report shows and gives away.

Promises that the screen, CSV, JSON and a workbook are made of the same cells, and that each row
has a cell for each column. Pure; knows no figure and no page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

Cell = str | int | float | None
Cells = tuple[Cell, ...]


class Kind(StrEnum):
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


NUMERIC = frozenset({
    Kind.AMOUNT, Kind.COUNT, Kind.SHARE, Kind.DIFFERENCE, Kind.NUMBER, Kind.SECONDS,
    Kind.MILLISECONDS,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `key` heads it in exports, `name` on the screen. One that is not `shown` is in
    exports alone: definitions and versions, which the screen says elsewhere. `definition` is a key
    of DEFINITIONS that the heading leads to, "" for none.
    """

    key: str
    name: str
    kind: Kind = Kind.TEXT
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
