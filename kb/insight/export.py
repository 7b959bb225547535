"""A report's tables as CSV.

Promises one header line a table, the same header for every table of figures, numbers as numbers,
and cells that no spreadsheet runs as a formula. Pure.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence

from kb.errors import NotFound
from kb.insight.bounds import Group
from kb.insight.definitions import DEFINITIONS
from kb.insight.estimates.estimate import Estimate, Unit
from kb.insight.facts import Failure, Outcome
from kb.insight.figure import Figure
from kb.insight.report import Report

Cell = str | int | float | None
Row = Sequence[Cell]
# A spreadsheet takes a cell that begins with one of these for a formula (OWASP, CSV injection);
# the wide forms are turned into the plain ones by some.
_LIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
FIGURE_HEADER = (
    "figure", "value", "unit", "numerator", "denominator", "n", "low95", "high95",
    "low_every_look", "high_every_look", "why_no_value", "definition", "definition_version",
    "code_version",
)  # fmt: skip


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


def _figures(report: Report, figures: Iterable[Figure | Estimate]) -> list[Row]:
    return [FIGURE_HEADER, *(_figure(report, figure) for figure in figures)]


def _figure(report: Report, figure: Figure | Estimate) -> Row:
    low, high = figure.interval or (None, None)
    always = figure.always if isinstance(figure, Estimate) else None
    return (
        figure.name,
        _short(figure.value),
        unit_of(figure).value,
        figure.numerator,
        figure.denominator,
        figure.n,
        _short(low),
        _short(high),
        *(map(_short, always) if always else (None, None)),
        figure.lacking if isinstance(figure, Estimate) else "",
        DEFINITIONS[figure.definition].meaning,
        report.definition,
        report.code,
    )


def unit_of(figure: Figure | Estimate) -> Unit:
    """Return what the figure's value is in; a count is of whatever its name says."""
    if isinstance(figure, Estimate):
        return figure.unit
    return Unit.COUNT if figure.denominator is None else Unit.SHARE


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _outcomes(report: Report) -> list[Row]:
    return _figures(report, (report.episodes, *report.outcomes, report.unresolved))


def _deflection(report: Report) -> list[Row]:
    return _figures(report, report.bounds() + report.of_survey())


def _holdout(report: Report) -> list[Row]:
    return _figures(report, report.of_holdout())


def _power(report: Report) -> list[Row]:
    rows: list[Row] = [
        (one.points, one.people.value, one.days.value, one.people.lacking)
        for one in report.deflection.patience
    ]
    return [("difference", "people", "days", "why_no_value"), *rows]


def _groups(report: Report, groups: Iterable[Group]) -> list[Row]:
    rows = [
        (group.name, *_figure(report, figure)) for group in groups for figure in group.figures()
    ]
    return [("group", *FIGURE_HEADER), *rows]


def _populations(report: Report) -> list[Row]:
    return _groups(report, report.deflection.populations)


def _windows(report: Report) -> list[Row]:
    return _groups(report, report.deflection.waits)


def _formulas(report: Report) -> list[Row]:
    return _figures(report, report.deflection.rivals)


def _before(report: Report) -> list[Row]:
    rows: list[Row] = [
        (
            one.now.name,
            _short(one.now.value),
            one.now.numerator,
            one.now.denominator,
            _short(one.before.value),
            one.before.numerator,
            one.before.denominator,
            _short(one.difference),
            *(map(_short, one.interval) if one.interval else (None, None)),
        )
        for one in report.changes
    ]
    header = ("figure", "now", "now_numerator", "now_denominator", "before", "before_numerator",
              "before_denominator", "difference", "low95", "high95")  # fmt: skip
    return [header, *rows]


def _days(report: Report) -> list[Row]:
    names = [outcome.value for outcome in Outcome]
    rows: list[Row] = [
        (step.first.isoformat(), step.last.isoformat(), *(step.outcomes[name] for name in names))
        for step in report.steps
    ]
    return [("first", "last", *names), *rows]


def _searches(report: Report) -> list[Row]:
    return _figures(report, (report.searches, report.failed, *report.failures))


def _failed_by(report: Report) -> list[Row]:
    classes = [failure.value for failure in Failure]
    rows: list[Row] = [
        (
            one.kind,
            one.value,
            *_figure(report, one.share)[1:],
            *(one.classes.get(name, 0) for name in classes),
        )
        for one in report.failed_by
    ]
    return [("by", "which", *FIGURE_HEADER[1:], *classes), *rows]


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


def _outside(report: Report) -> list[Row]:
    return _figures(report, (report.outside,))


TABLES: dict[str, Callable[[Report], list[Row]]] = {
    "outcomes": _outcomes,
    "deflection": _deflection,
    "holdout": _holdout,
    "power": _power,
    "populations": _populations,
    "windows": _windows,
    "formulas": _formulas,
    "before": _before,
    "days": _days,
    "searches": _searches,
    "failed-by": _failed_by,
    "failing-words": _words,
    "articles": _articles,
    "tickets": _tickets,
    "outside": _outside,
}
