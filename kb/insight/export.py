"""A report's tables as CSV.

Promises one header line a table, numbers as numbers, and cells that no spreadsheet runs as a
formula. Pure.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence

from kb.errors import NotFound
from kb.insight.definitions import DEFINITIONS
from kb.insight.facts import Failure
from kb.insight.report import Figure, Report

Cell = str | int | float | None
Row = Sequence[Cell]
# A spreadsheet takes a cell that begins with one of these for a formula (OWASP, CSV injection);
# the wide forms are turned into the plain ones by some.
_LIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_FIGURE_HEADER = ("figure", "value", "numerator", "denominator", "low95", "high95", "definition")


def csv_rows(report: Report, table: str) -> list[Row]:
    """Return a table's rows with its header: one of TABLES, else NotFound."""
    if table not in TABLES:
        raise NotFound(f"There is no table {table!r}.", f"Choose one of {', '.join(TABLES)}.")
    return TABLES[table](report)


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


def _figures(figures: Iterable[Figure]) -> list[Row]:
    return [_FIGURE_HEADER, *map(_figure, figures)]


def _figure(figure: Figure) -> Row:
    low, high = figure.interval or (None, None)
    meaning = DEFINITIONS[figure.definition].meaning
    return (
        figure.name,
        _short(figure.value),
        figure.numerator,
        figure.denominator,
        _short(low),
        _short(high),
        meaning,
    )


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _outcomes(report: Report) -> list[Row]:
    return _figures((report.episodes, *report.outcomes, report.unresolved))


def _deflection(report: Report) -> list[Row]:
    return _figures((report.deflection_lower, report.deflection_upper))


def _searches(report: Report) -> list[Row]:
    return _figures((report.searches, report.failed, *report.failures))


def _words(report: Report) -> list[Row]:
    classes = [failure.value for failure in Failure]
    rows: list[Row] = [
        (
            row.words or "(other words)",
            row.wordings,
            row.people,
            row.searches,
            *(row.classes.get(name, 0) for name in classes),
        )
        for row in report.failing_words
    ]
    return [("words", "wordings", "people", "searches", *classes), *rows]


def _articles(report: Report) -> list[Row]:
    rows: list[Row] = [
        (row.slug, row.opened, row.read, row.resolved, row.unhelpful, row.failed.numerator)
        for row in report.articles
    ]
    return [("article", "opened", "read", "resolved", "not_helpful", "failed_deflections"), *rows]


def _tickets(report: Report) -> list[Row]:
    rows: list[Row] = [(figure.name, figure.numerator) for figure in report.tickets]
    return [("origin", "tickets"), *rows]


TABLES: dict[str, Callable[[Report], list[Row]]] = {
    "outcomes": _outcomes,
    "deflection": _deflection,
    "searches": _searches,
    "failing-words": _words,
    "articles": _articles,
    "tickets": _tickets,
}
