"""The shapes of a letter that holds tables.

Promises words alone, ready to be read: who renders them decides nothing. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell says, what stands small `below` it, and the absolute address it leads to."""

    words: str
    below: tuple[str, ...] = ()
    link: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table under a heading: `rows` have a cell for each of `columns`, the first names the row.
    `quiet` is said below the table; `empty` is said instead of a table without rows.
    """

    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    link: str
    quiet: str = ""
    empty: str = ""

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"{self.title}: each row needs {len(self.columns)} cells")


@dataclass(frozen=True, slots=True)
class Meaning:
    """A definition at the foot."""

    name: str
    words: str
    link: str


@dataclass(frozen=True, slots=True)
class Digest:
    """All that a letter says. `summary` is what to know when nothing else is read; `bar` holds the
    widths in whole per cent of what is sure and of what may be, None where nothing has closed.
    """

    site: str
    subject: str
    title: str
    days: str
    note: str
    summary: tuple[str, ...]
    bar: tuple[int, int] | None
    sheets: tuple[Sheet, ...]
    meanings: tuple[Meaning, ...]
    made: str
    report: str
    stop: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A digest as it is sent."""

    subject: str
    text: str
    html: str
