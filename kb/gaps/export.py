"""Gaps as CSV rows, as a table of the report and as JSON.

The values are those that the pages show: numbers as numbers, times in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from kb.gaps.model import Gap
from kb.gaps.service import Detail, Listing, name_of
from kb.table import Column, ColumnKind, Row, Table, table_from

HEADER = (
    "number", "name", "status", "cause", "language", "people", "searches", "tickets",
    "people_last_30_days", "people_30_days_before", "first_at", "last_at", "answered_article",
)  # fmt: skip # a list, several to a line


def csv_rows(found: Listing) -> list[Row]:
    """Return a header and a row for each gap that may be shown, then one for the rest."""
    rows: list[Row] = [HEADER, *map(_row, found.gaps)]
    if found.small:
        rest = ["", f"({found.small} gaps with fewer than {found.k} people)", "", "", "", ""]
        rows.append([*rest, found.small_searches, *[""] * (len(HEADER) - len(rest) - 1)])
    return rows


def _row(gap: Gap) -> Row:
    found = gap_json(gap)
    return [found[name] for name in HEADER]


COLUMNS = (
    Column("number", "Gap", ColumnKind.GAP, definition="gap", cell=lambda gap: gap.number),
    Column("name", "Asked", ColumnKind.WORDS, cell=name_of),
    Column(
        "people", "People", ColumnKind.COUNT, definition="gap_people", cell=lambda gap: gap.people
    ),
    Column("searches", "Searches", ColumnKind.COUNT, cell=lambda gap: gap.searches),
    Column(
        "tickets",
        "Tickets that followed",
        ColumnKind.COUNT,
        definition="gap_tickets",
        cell=lambda gap: gap.tickets,
    ),
    Column(
        "people_last_30_days",
        "People, last 30 days",
        ColumnKind.COUNT,
        definition="gap_trend",
        cell=lambda gap: gap.trend[0],
    ),
    Column(
        "people_30_days_before",
        "30 days before",
        ColumnKind.COUNT,
        definition="gap_trend",
        cell=lambda gap: gap.trend[1],
    ),
    Column("cause", "Cause", ColumnKind.CAUSE, definition="gap_cause", cell=lambda gap: gap.cause),
)


def gaps_table(gaps: Iterable[Gap]) -> Table:
    """Return gaps as a table of the report."""
    caption = "What most people did not find in the last 90 days, by meaning"
    return table_from("top-gaps", caption, COLUMNS, gaps, empty="No gap is open.")


def json_rows(found: Listing) -> dict[str, Any]:
    """Return the listing, JSON-able."""
    return {
        "k_anonymity": found.k,
        "grouped_at": _time(found.grouped_at),
        "failed_searches": found.total,
        "held_by_ten_largest": None if found.held is None else round(found.held, 4),
        "small_gaps": found.small,
        "small_gaps_searches": found.small_searches,
        "gaps": [gap_json(gap) for gap in found.gaps],
    }


def gap_json(gap: Gap) -> dict[str, Any]:
    """Return one gap, JSON-able."""
    now, before = gap.trend
    return {
        "number": gap.number,
        "name": name_of(gap),
        "status": gap.status.value,
        "cause": gap.cause,
        "language": gap.language,
        "people": gap.people,
        "searches": gap.searches,
        "tickets": gap.tickets,
        "people_last_30_days": now,
        "people_30_days_before": before,
        "first_at": _time(gap.first_at),
        "last_at": _time(gap.last_at),
        "answered_article": gap.answered_article,
    }


def detail_json(found: Detail) -> dict[str, Any]:
    """Return one gap with its questions, JSON-able."""
    questions = [
        {
            "words": each.shown.words,
            "people": each.shown.people,
            "searches": each.shown.searches,
            "cause": each.cause,
            "article": each.article,
            "failures": dict(each.failures),
        }
        for each in found.questions
    ]
    became = {"became": found.became or None, "came_from": found.came_from or None}
    return gap_json(found.gap) | became | {"questions": questions}


def _time(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
