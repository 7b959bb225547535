"""Tables kept as JSON, and what differs between a table as it was kept and as it is now.

Promises that a table comes back equal to what it was, that words which people typed are not kept,
and that every shown cell which differs is told once. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kb.table import Cell, Column, ColumnKind, Line, Table

NOT_KEPT = "words are not kept"
_WORDED_KEYS = frozenset({"words", "label"})  # columns of words by their key, whatever their kind
# What a row is of: these cells stay the same when its numbers move.
_OF = frozenset(ColumnKind) - {
    ColumnKind.NOTE,
    ColumnKind.MOMENT,
    ColumnKind.AMOUNT,
    ColumnKind.COUNT,
    ColumnKind.SHARE,
    ColumnKind.DIFFERENCE,
    ColumnKind.NUMBER,
    ColumnKind.SECONDS,
    ColumnKind.MILLISECONDS,
}
Named = tuple[Cell, ...]


def to_json(table: Table) -> dict[str, Any]:
    """Return the table as values that JSON has."""
    return {
        "key": table.key,
        "caption": table.caption,
        "empty": table.empty,
        "columns": [
            {"key": c.key, "name": c.name, "kind": c.kind.value, "shown": c.shown,
             "definition": c.definition}
            for c in table.columns
        ],
        "lines": [
            {"key": line.key, "unit": line.unit, "cells": list(line.cells)} for line in table.lines
        ],
    }  # fmt: skip


def from_json(kept: Mapping[str, Any]) -> Table:
    """Return the table that `to_json` was given; a kind that is not known any more is text."""
    return Table(
        kept["key"],
        kept["caption"],
        tuple(
            Column(c["key"], c["name"], _kind(c["kind"]), c["shown"], c["definition"])
            for c in kept["columns"]
        ),
        tuple(Line(tuple(x["cells"]), x["key"], x["unit"]) for x in kept["lines"]),
        kept["empty"],
    )


def _kind(name: str) -> ColumnKind:
    return ColumnKind(name) if name in set(ColumnKind) else ColumnKind.TEXT


def has_words(table: Table) -> bool:
    """Return whether a column holds words that people typed."""
    return any(_worded(column) for column in table.columns)


def _worded(column: Column) -> bool:
    return column.kind is ColumnKind.WORDS or column.key in _WORDED_KEYS


def without_words(table: Table) -> Table:
    """Return the table with `NOT_KEPT` in place of every word that people typed."""
    hide = {place for place, column in enumerate(table.columns) if _worded(column)}
    if not hide:
        return table
    columns = tuple(replace(c, kind=ColumnKind.WORDS) if _worded(c) else c for c in table.columns)
    lines = tuple(
        replace(
            line,
            key="",
            cells=tuple(
                NOT_KEPT if place in hide and cell else cell
                for place, cell in enumerate(line.cells)
            ),
        )
        for line in table.lines
    )
    return replace(table, columns=columns, lines=lines)


@dataclass(frozen=True, slots=True)
class Difference:
    """One cell that is not what it was; None where there was or is no such cell. `row` says of what
    the row is; `kind` and `unit` say how the cell is worded.
    """

    table: str
    row: str
    column: str
    kind: ColumnKind
    unit: str
    was: Cell
    now: Cell


def differences(was: Sequence[Table], now: Sequence[Table]) -> tuple[Difference, ...]:
    """Return the shown cells that differ, table by table, row by row; rows and columns are set side
    by side by what they are of, not by their place. Tables with people's words are left out: their
    rows cannot be told apart.
    """
    before = {table.key: table for table in was if not has_words(table)}
    after = {table.key: table for table in now if not has_words(table)}
    found: list[Difference] = []
    for key in _both(before, after):
        found += _of_table(before.get(key), after.get(key))
    return tuple(found)


def _of_table(was: Table | None, now: Table | None) -> Iterable[Difference]:
    caption = (now or was).caption  # type: ignore[union-attr]  # one of them is there
    columns = _columns(was) | _columns(now)
    before, after = _rows(was), _rows(now)
    for named in _both(before, after):
        old, new = before.get(named), after.get(named)
        row = ", ".join(str(cell) for cell in named[2:] if cell not in (None, "")) or "this row"
        unit = (new or old)[0].unit  # type: ignore[index]  # likewise
        keys = [key for key, column in columns.items() if column.kind not in _OF]
        for key in keys or list(columns)[:1]:
            cells = tuple(side[1].get(key) if side else None for side in (old, new))
            if not _same(*cells):
                column = columns[key]
                yield Difference(caption, row, column.name, column.kind, unit, *cells)


def _same(was: Cell, now: Cell) -> bool:
    """Whether two cells say the same: 2 and 2.0 do."""
    return was == now


def _columns(table: Table | None) -> dict[str, Column]:
    return {c.key: c for c in table.columns if c.shown} if table else {}


def _rows(table: Table | None) -> dict[Named, tuple[Line, dict[str, Cell]]]:
    """Return the lines by what they are of: key, how many of the like came before, cells."""
    found: dict[Named, tuple[Line, dict[str, Cell]]] = {}
    seen: Counter[Named] = Counter()
    for line in table.lines if table else ():
        cells = {table.columns[place].key: line.cells[place] for place in table.shown}  # type: ignore[union-attr]
        of = tuple(
            line.cells[place]
            for place in table.shown  # type: ignore[union-attr]
            if table.columns[place].kind in _OF  # type: ignore[union-attr]
        )
        found[line.key, seen[line.key, *of], *of] = (line, cells)
        seen[line.key, *of] += 1
    return found


def _both(before: Iterable[Any], after: Iterable[Any]) -> list[Any]:
    """Return the keys of both, in the order of what is now, then those that are gone."""
    return list(dict.fromkeys([*after, *before]))
