"""The episodes behind a figure, page by page.

Promises rows without words and without pseudonyms, and times by the hour: who knows when somebody
was there does not find them, and the words of few are never shown. Knows no rule:
`kb.insight.behind` says what counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kb.analytics.model import EpisodeRow
from kb.analytics.report import DateRange
from kb.analytics.report_store import episodes_after, started_at
from kb.database import Connection
from kb.errors import InvalidInput
from kb.insight.behind import Behind
from kb.reports.pages import Source
from kb.table import Column, ColumnKind, Line, Table

SHOWN = 50  # rows on one page
READ = 2_000  # rows looked at in one query
MOST_READ = 40_000  # rows looked at for one page, where few count
COLUMNS = (
    Column("started_at", "Started in the hour from", ColumnKind.MOMENT),
    Column("outcome", "Outcome"),
    Column("searches", "Searches", ColumnKind.COUNT, definition="searches"),
    Column("failed", "Failed", ColumnKind.COUNT, definition="failed_share"),
    Column("articles", "Articles opened", ColumnKind.NOTE),
    Column("form", "Ticket form"),
    Column("arm", "Drawn by lot to", definition="effect"),
    Column("survey", "Survey", definition="survey_response"),
    Column("of", "Of", ColumnKind.COUNT),
    Column("counted", "Count", ColumnKind.COUNT),
)
_ARMS = {"shown": "see suggestions", "held_out": "see none"}
_HEARD = {"shown": "asked", "yes": "yes", "no": "no"}


@dataclass(frozen=True, slots=True)
class Rows:
    """One page of rows; `after` names the episode behind which the next begins, "" at the end."""

    table: Table
    after: str


def rows(source: Source, span: DateRange, found: Behind, after: str) -> Rows:
    """Return the next rows that the figure counts; `after` is "" for the first page."""
    read, ended = 0, False
    told: list[Line] = []
    with source.db.read() as connection:
        place = _place(connection, after, span)
        while len(told) < SHOWN and read < MOST_READ and not ended:
            some = episodes_after(connection, span.start, span.end, place=place, most=READ)
            ended, read = len(some) < READ, read + len(some)
            for row in some:
                if row.started_at is not None:
                    place = (row.started_at, row.id)
                of, counted = found.count(row)
                if of or counted:
                    told.append(_line(row, of, counted))
                if len(told) == SHOWN:
                    ended = ended and row is some[-1]
                    break
    table = Table("rows", "The episodes behind it, in order of start", COLUMNS, tuple(told))
    return Rows(table, "" if ended else place[1])


def _place(connection: Connection, after: str, span: DateRange) -> tuple[datetime, str]:
    if not after:
        return span.start - timedelta(microseconds=1), ""
    started = started_at(connection, after)
    if started is None:  # none, or judged anew since
        raise InvalidInput("This is no place in the rows.", "Begin at the first page.")
    return started, after


def _line(row: EpisodeRow, of: int, counted: int) -> Line:
    data = row.data
    opened = sorted(slug for slug, marks in data.get("articles", {}).items() if marks["opened"])
    hour = row.started_at.replace(minute=0, second=0, microsecond=0) if row.started_at else None
    return Line(
        (
            hour.isoformat(timespec="minutes") if hour else "",
            row.outcome.value if row.closed else "open",
            int(data.get("searches", 0)),
            sum(number for *_, why, number in data.get("asked", ()) if why),
            ", ".join(opened),
            "opened" if data.get("form") else "",
            _ARMS.get(str(data.get("arm", "")), ""),
            _HEARD.get(str(data.get("survey", "")), ""),
            of,
            counted,
        )
    )
