"""The values that support leads add to reports: annotations, saved views, snapshots.

An annotation has a text and days in order. A saved view stores only known pages and known arguments
as plain values, so that it can only lead to a report; the known pages are passed in. A snapshot's
tables are read back exactly as they were written, without words that people typed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from kb.analytics.date_ranges import EARLIEST, LATEST, RANGES
from kb.analytics.report import DateRange
from kb.errors import InvalidInput
from kb.table import Cell, Column, ColumnKind, Line, Table, table_from

# -- Names of views and snapshots --


def checked_name(text: str, *, what: str, field: str, longest: int) -> str:
    """Return the name. Raises InvalidInput for `field` if it is empty or too long; the error reads
    "Give " and `what`, such as "the view a name".
    """
    name = " ".join(text.split())
    problem = ""
    if not name:
        problem = f"Give {what}."
    elif len(name) > longest or not name.isprintable():
        problem = f"Use at most {longest} characters that can be shown."
    if problem:
        raise InvalidInput(problem, fields={field: problem})
    return name


# -- Annotations --


LONGEST_ANNOTATION = 200
# The rows are pairs of a mark and an Annotation.
COLUMNS = (
    Column("mark", "Mark", ColumnKind.COUNT, cell=lambda row: row[0]),
    Column("first", "From", ColumnKind.DAY, cell=lambda row: row[1].first.isoformat()),
    Column("last", "Until", ColumnKind.DAY, cell=lambda row: row[1].last.isoformat()),
    Column("note", "What happened", ColumnKind.NOTE, cell=lambda row: row[1].text),
)


@dataclass(frozen=True, slots=True)
class Annotation:
    """A note on a range of UTC days, both included. `by` is the id of the account that wrote it, ""
    for the command line; `changed_by` and `changed_at` are of the last change.
    """

    id: str
    first: date
    last: date
    text: str
    by: str
    at: datetime
    changed_by: str = ""
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """The text and days of a note."""

    first: date
    last: date
    text: str


def written(form: Mapping[str, str]) -> Written:
    """Return the note of a form with `day`, `last` (empty for the same day) and `text`. Raises
    InvalidInput with every field that is wrong.
    """
    problems: dict[str, str] = {}
    first = _day(form, "day", problems)
    last = _day(form, "last", problems) if form.get("last", "").strip() else first
    text = " ".join(form.get("text", "").split())
    if not text:
        problems["text"] = "Say what happened."
    elif len(text) > LONGEST_ANNOTATION or not text.isprintable():
        problems["text"] = f"Use at most {LONGEST_ANNOTATION} characters that can be shown."
    if not problems and last < first:
        problems["last"] = "The last day must not be before the first."
    if problems:
        raise InvalidInput("This note cannot be kept yet.", fields=problems)
    return Written(first, last, text)


def _day(form: Mapping[str, str], name: str, problems: dict[str, str]) -> date:
    try:
        day = date.fromisoformat(form.get(name, "").strip())
    except ValueError:
        day = date.min
    if not EARLIEST <= day <= LATEST:
        problems[name] = "Give a day: 2026-03-31."
    return day


def annotations_of(notes: Iterable[Annotation], span: DateRange) -> tuple[Annotation, ...]:
    """Return the notes that overlap a range, earliest first."""
    found = (note for note in notes if note.first <= span.last and note.last >= span.first)
    return tuple(sorted(found, key=lambda note: (note.first, note.last, note.at, note.id)))


def annotations_table(notes: Iterable[Annotation]) -> Table:
    """Return the notes as a table; `mark` is the number of a note in the chart."""
    caption, rows = "What happened on these days", enumerate(notes, start=1)
    return table_from("notes", caption, COLUMNS, rows, key_of=lambda _: "note", empty="No notes.")


# -- Saved views --


LONGEST_VIEW_NAME = 80
MOST_VALUES = 10
DAYS = ("from", "until")  # dropped when a named range is saved
Query = Mapping[str, tuple[str, ...]]
Pages = Mapping[str, frozenset[str]]  # page name -> its arguments


@dataclass(frozen=True, slots=True)
class SavedView:
    """A saved view: `page` is a page's name, `query` its arguments, `owner` an account's id."""

    id: str
    owner: str
    name: str
    shared: bool
    page: str
    query: Query
    at: datetime


@dataclass(frozen=True, slots=True)
class ViewRequest:
    """A request to save a view."""

    name: str
    shared: bool
    page: str
    query: Query


def named(text: str) -> str:
    """Return a view's name. Raises InvalidInput if it is empty or too long."""
    return checked_name(text, what="the view a name", field="name", longest=LONGEST_VIEW_NAME)


def view_request(
    form: Mapping[str, str], given: Mapping[str, Sequence[str]], pages: Pages
) -> ViewRequest:
    """Return the view that a form asks to save. Its fields are `name`, `shared`, `page` and `range`
    (a named range, or "" for the given days); `given` are the page's arguments. Raises InvalidInput
    for an unknown page.
    """
    page = form.get("page", "")
    if page not in pages:
        problem = "This page cannot be saved as a view."
        raise InvalidInput(problem, "Open the report and save it from there.")
    query = known_arguments(given, pages[page])
    moving = form.get("range", "".join(query.pop("range", ())[:1]))
    if moving in RANGES and "range" in pages[page]:
        query = {key: values for key, values in query.items() if key not in DAYS}
        query["range"] = (moving,)
    return ViewRequest(named(form.get("name", "")), "shared" in form, page, query)


def known_arguments(
    given: Mapping[str, Sequence[str]], known: frozenset[str]
) -> dict[str, tuple[str, ...]]:
    """Return the known arguments with their printable values, sorted by name."""
    found = {
        name: tuple(v for v in given[name] if v and v.isprintable() and len(v) <= 100)
        for name in sorted(known & given.keys())
    }
    return {name: values[:MOST_VALUES] for name, values in found.items() if values}


# -- Snapshots: tables as JSON, and differences between tables --


NOT_KEPT = "words are not kept"
_WORDED_KEYS = frozenset({"words", "label"})  # keys of columns that hold typed words, of any kind
# Kinds of cells that identify a row: they stay the same when its numbers change.
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
    """Return the table as JSON values."""
    return {
        "key": table.key,
        "caption": table.caption,
        "empty": table.empty,
        "columns": [column.to_json() for column in table.columns],
        "lines": [
            {"key": line.key, "unit": line.unit, "cells": list(line.cells)} for line in table.lines
        ],
    }


def from_json(kept: Mapping[str, Any]) -> Table:
    """Return the table that `to_json` was given; a kind that no longer exists becomes TEXT."""
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
    """Return whether some column holds words that people typed."""
    return any(_worded(column) for column in table.columns)


def _worded(column: Column) -> bool:
    return column.kind is ColumnKind.WORDS or column.key in _WORDED_KEYS


def without_words(table: Table) -> Table:
    """Return the table with `NOT_KEPT` in place of all words that people typed."""
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
class CellDifference:
    """A cell that has changed; None for a cell that was or is missing. `row` identifies the row;
    `kind` and `unit` decide how the values are shown.
    """

    table: str
    row: str
    column: str
    kind: ColumnKind
    unit: str
    was: Cell
    now: Cell


def differences(was: Sequence[Table], now: Sequence[Table]) -> tuple[CellDifference, ...]:
    """Return each shown cell that differs, by table and row. Rows and columns are matched by their
    identifying cells and keys, not by position. Tables with people's words are left out: without
    the words their rows cannot be matched.
    """
    before = {table.key: table for table in was if not has_words(table)}
    after = {table.key: table for table in now if not has_words(table)}
    found: list[CellDifference] = []
    for key in _both(before, after):
        found += _of_table(before.get(key), after.get(key))
    return tuple(found)


def _of_table(was: Table | None, now: Table | None) -> Iterable[CellDifference]:
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
                yield CellDifference(caption, row, column.name, column.kind, unit, *cells)


def _same(was: Cell, now: Cell) -> bool:
    """Return whether two cells are equal; 2 and 2.0 are."""
    return was == now


def _columns(table: Table | None) -> dict[str, Column]:
    return {c.key: c for c in table.columns if c.shown} if table else {}


def _rows(table: Table | None) -> dict[Named, tuple[Line, dict[str, Cell]]]:
    """Return lines and cells by identity: key, number of equal rows before, identifying cells."""
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
    """Return the keys of both: the present ones in order, then those that are gone."""
    return list(dict.fromkeys([*after, *before]))
