"""Figures as rows of a table, with the same columns everywhere.

A row has the figure's value, counts, sample size and intervals, and why there is no value. In
exports it also has the definition and the versions of definitions and code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from kb.analytics.definitions import DEFINITIONS
from kb.analytics.figures import Estimate, Figure, Unit
from kb.analytics.report import Report
from kb.table import Cells, Column, ColumnKind, Line, Table

AnyFigure = Figure | Estimate
PLACES = 6  # decimals in exports
COLUMNS = (
    Column("figure", "Figure", ColumnKind.FIGURE),
    Column("value", "Value", ColumnKind.AMOUNT),
    Column("unit", "Unit", shown=False),
    Column("numerator", "Count", ColumnKind.NUMBER),
    Column("denominator", "Of", ColumnKind.NUMBER),
    Column("n", "Sample size", ColumnKind.COUNT),
    Column("low95", "95 % from", ColumnKind.AMOUNT),
    Column("high95", "95 % to", ColumnKind.AMOUNT),
    Column("low_every_look", "At every look from", ColumnKind.AMOUNT, definition="always_valid"),
    Column("high_every_look", "At every look to", ColumnKind.AMOUNT, definition="always_valid"),
    Column("why_no_value", "Why no value", ColumnKind.NOTE),
    Column("definition", "Definition", ColumnKind.NOTE, shown=False),
    Column("definition_version", "Version of the definitions", ColumnKind.COUNT, shown=False),
    Column("code_version", "Version of the code", shown=False),
)
# Columns that are shown only if some row has a value there.
_SELDOM = frozenset({"low_every_look", "high_every_look", "why_no_value"})


def figures_table(report: Report, key: str, caption: str, figures: Iterable[AnyFigure]) -> Table:
    """Return a table of figures."""
    rows = tuple(line(report, figure) for figure in figures)
    return Table(key, caption, columns(rows), rows)


def columns(rows: Sequence[Line], *, skipped: int = 0) -> tuple[Column, ...]:
    """Return the columns for these rows; columns in _SELDOM are shown only if they have a value.
    `skipped` is the number of cells before the figure's own.
    """
    return tuple(
        replace(column, shown=False)
        if column.key in _SELDOM and not any(row.cells[place + skipped] for row in rows)
        else column
        for place, column in enumerate(COLUMNS)
    )


def line(report: Report, figure: AnyFigure, *, key: str = "") -> Line:
    """Return a figure's row; `key` replaces the figure's own key if that is taken."""
    return Line(cells(report, figure), key or key_of(figure), unit_of(figure).value)


def key_of(figure: AnyFigure) -> str:
    """Return a figure's key in addresses, which is unique in a report."""
    return figure.definition if figure.key == "ticketed" else figure.key


def cells(report: Report, figure: AnyFigure) -> Cells:
    """Return a cell for each of COLUMNS."""
    low, high = figure.interval or (None, None)
    always = (figure.always if isinstance(figure, Estimate) else None) or (None, None)
    return (
        figure.name,
        short(figure.value),
        unit_of(figure).value,
        short(figure.numerator),
        short(figure.denominator),
        figure.n,
        short(low),
        short(high),
        *map(short, always),
        figure.lacking if isinstance(figure, Estimate) else "",
        DEFINITIONS[figure.definition].meaning,
        report.definition,
        report.code,
    )


def unit_of(figure: AnyFigure) -> Unit:
    """Return the unit of a figure's value."""
    if isinstance(figure, Estimate):
        return figure.unit
    return Unit.COUNT if figure.denominator is None else Unit.SHARE


def short(value: float | None) -> float | None:
    """Return the value rounded to PLACES decimals."""
    return None if value is None else round(value, PLACES)


def limits(figure: Figure) -> tuple[float | None, float | None]:
    """Return the rounded ends of a figure's interval, None for none."""
    low, high = figure.interval or (None, None)
    return short(low), short(high)
