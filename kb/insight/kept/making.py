"""All tables of a report, from the rows that its exports have.

Promises the cells of the exports under the captions of the page. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from kb.insight.definitions import DEFINITIONS
from kb.insight.export import TABLES, csv_rows
from kb.insight.report import Report
from kb.insight.tables.table import Cell, Column, Kind, Line, Table

CAPTIONS = {
    "outcomes": "Episodes by outcome",
    "deflection": "Deflection, and what the estimate rests on",
    "holdout": "Tickets with and without suggestions",
    "power": "How long until a difference can be seen",
    "populations": "Two populations",
    "windows": "Had we waited longer, or less, for a ticket",
    "formulas": "Others' formulas on the same data",
    "before": "Beside the period before",
    "days": "Episodes by outcome over time",
    "searches": "Failed searches by class",
    "failed-by": "Failed searches by language and place",
    "failing-words": "Words that fail most",
    "articles": "Articles by how often they were opened",
    "tickets": "Tickets by how they came to be",
    "outside": "Tickets that other systems told of",
}
_HIDDEN = {"unit", "definition", "definition_version", "code_version"}
_KINDS = {
    "figure": Kind.FIGURE, "words": Kind.WORDS, "article": Kind.ARTICLE, "origin": Kind.ORIGIN,
    "first": Kind.DAY, "last": Kind.DAY, "why_no_value": Kind.NOTE, "group": Kind.TEXT,
    "by": Kind.TEXT, "which": Kind.TEXT, "unit": Kind.TEXT, "definition": Kind.TEXT,
    "value": Kind.AMOUNT, "low95": Kind.AMOUNT, "high95": Kind.AMOUNT,
    "low_every_look": Kind.AMOUNT, "high_every_look": Kind.AMOUNT,
}  # fmt: skip
_OF_TABLE = {
    "before": {"now": Kind.SHARE, "before": Kind.SHARE, "difference": Kind.DIFFERENCE,
               "low95": Kind.DIFFERENCE, "high95": Kind.DIFFERENCE},
    "power": {"difference": Kind.DIFFERENCE},
}  # fmt: skip
_NAMES = {
    "low95": "95 % from", "high95": "95 % to", "low_every_look": "At every look from",
    "high_every_look": "At every look to", "n": "Rests on", "why_no_value": "Why there is none",
    "which": "Which", "now_numerator": "Now, count", "now_denominator": "Now, of",
    "before_numerator": "Before, count", "before_denominator": "Before, of",
}  # fmt: skip
_BY_MEANING = {definition.meaning: key for key, definition in DEFINITIONS.items()}


def tables_of(report: Report) -> tuple[Table, ...]:
    """Return every table that the report has."""
    return tuple(_table(key, csv_rows(report, key)) for key in TABLES)


def _table(key: str, rows: Sequence[Sequence[Cell]]) -> Table:
    header, *body = rows
    columns = tuple(_column(key, str(name)) for name in header)
    return Table(key, CAPTIONS[key], columns, tuple(_line(columns, row) for row in body))


def _column(table: str, key: str) -> Column:
    kind = _OF_TABLE.get(table, {}).get(key) or _KINDS.get(key, Kind.COUNT)
    name = _NAMES.get(key, key.replace("_", " ").capitalize())
    return Column(key, name, kind, shown=key not in _HIDDEN)


def _line(columns: Sequence[Column], row: Sequence[Cell]) -> Line:
    cells = dict(zip((column.key for column in columns), row, strict=True))
    key = _BY_MEANING.get(str(cells.get("definition", "")), "")
    return Line(tuple(row), key=key, unit=str(cells.get("unit", "share")))
