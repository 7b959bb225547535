"""What happened on a day or a span of days: a release, an outage, a campaign.

Promises that a note has words and days in order, and that a report's notes are those of its days.
Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from kb.analytics.date_ranges import EARLIEST, LATEST
from kb.analytics.report import DateRange
from kb.errors import InvalidInput
from kb.table import Column, ColumnKind, Line, Table

LONGEST = 200
COLUMNS = (
    Column("mark", "Mark", ColumnKind.COUNT),
    Column("first", "From", ColumnKind.DAY),
    Column("last", "Until", ColumnKind.DAY),
    Column("note", "What happened", ColumnKind.NOTE),
)


@dataclass(frozen=True, slots=True)
class Note:
    """A note on UTC days, both included. `by` is the id of the account that wrote it, "" for the
    command line; `changed_by` and `changed_at` say who changed it last.
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
    """The words and days of a note."""

    first: date
    last: date
    text: str


def written(form: Mapping[str, str]) -> Written:
    """Return what a form says: `day`, `last` (as the day when left empty), `text`; InvalidInput
    with every field that is wrong.
    """
    problems: dict[str, str] = {}
    first = _day(form, "day", problems)
    last = _day(form, "last", problems) if form.get("last", "").strip() else first
    text = " ".join(form.get("text", "").split())
    if not text:
        problems["text"] = "Say what happened."
    elif len(text) > LONGEST or not text.isprintable():
        problems["text"] = f"Use at most {LONGEST} characters that can be shown."
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


def notes_of(notes: Iterable[Note], span: DateRange) -> tuple[Note, ...]:
    """Return the notes that touch a range, the earliest first."""
    found = (note for note in notes if note.first <= span.last and note.last >= span.first)
    return tuple(sorted(found, key=lambda note: (note.first, note.last, note.at, note.id)))


def notes_table(notes: Iterable[Note]) -> Table:
    """Return the notes as a table; `mark` is the number that a chart marks them with."""
    rows = [
        (mark, note.first.isoformat(), note.last.isoformat(), note.text)
        for mark, note in enumerate(notes, start=1)
    ]
    found = tuple(Line(row, key="note") for row in rows)
    return Table("notes", "What happened on these days", COLUMNS, found, empty="No notes.")
