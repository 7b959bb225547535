"""Figures as rows of a table, with the same columns everywhere.

A row has the figure's value, counts, sample size and intervals, and why there is no value. In
exports it also has the definition and the versions of definitions and code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kb.analytics.definitions import DEFINITIONS
from kb.analytics.deflection import Group
from kb.analytics.figures import Estimate, Figure, Unit
from kb.analytics.report import Report
from kb.analytics.search_metrics import ShareChange
from kb.table import Column, ColumnKind, Table, table_from

AnyFigure = Figure | Estimate
Ends = tuple[float | None, float | None]  # of an interval, None for none
PLACES = 6  # decimals in exports


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A figure of a report as a row; `group` is the group of episodes that it is about, if any."""

    report: Report
    figure: AnyFigure
    group: Group | None = None


def unit_of(figure: AnyFigure) -> Unit:
    """Return the unit of a figure's value."""
    if isinstance(figure, Estimate):
        return figure.unit
    return Unit.COUNT if figure.denominator is None else Unit.SHARE


def short(value: float | None) -> float | None:
    """Return the value rounded to PLACES decimals."""
    return None if value is None else round(value, PLACES)


def limits(found: AnyFigure | ShareChange) -> Ends:
    """Return the rounded ends of the interval of a figure or of a change."""
    return _rounded(found.interval)


def _always(figure: AnyFigure) -> Ends:
    return _rounded(figure.always if isinstance(figure, Estimate) else None)


def _rounded(interval: tuple[float, float] | None) -> Ends:
    low, high = interval or (None, None)
    return short(low), short(high)


# -- Columns --


def interval_columns(
    ends: Callable[[Any], Ends], kind: ColumnKind = ColumnKind.SHARE
) -> tuple[Column, Column]:
    """Return the columns of an interval; `ends` returns its ends for a row."""
    return (
        Column("low95", "95 % from", kind, cell=lambda row: ends(row)[0]),
        Column("high95", "95 % to", kind, cell=lambda row: ends(row)[1]),
    )


def step_columns(steps: Iterable[Any]) -> tuple[Column, Column]:
    """Return the columns for the days of steps over time; each step is a day or some days."""
    single = all(step.first == step.last for step in steps)
    return (
        Column(
            "first",
            "Day" if single else "From",
            ColumnKind.DAY,
            cell=lambda step: step.first.isoformat(),
        ),
        Column(
            "last",
            "Until",
            ColumnKind.DAY,
            shown=not single,
            cell=lambda step: step.last.isoformat(),
        ),
    )


def definition_column() -> Column:
    """Return the column of what is counted, which only exports have."""
    return Column(
        "definition",
        "Definition",
        ColumnKind.NOTE,
        shown=False,
        cell=lambda each: DEFINITIONS[each.definition].meaning,
    )


def lacking_column(rows: Iterable[Any]) -> Column:
    """Return the column of why there is no value, shown only if some row has none."""
    return Column(
        "why_no_value",
        "Why no value",
        ColumnKind.NOTE,
        shown=any(each.lacking for each in rows),
        cell=lambda each: each.lacking,
    )


# The rows are of FigureRow.
COLUMNS = (
    Column("figure", "Figure", ColumnKind.FIGURE, cell=lambda row: row.figure.name),
    Column("value", "Value", ColumnKind.AMOUNT, cell=lambda row: short(row.figure.value)),
    Column("unit", "Unit", shown=False, cell=lambda row: unit_of(row.figure).value),
    Column("numerator", "Count", ColumnKind.NUMBER, cell=lambda row: short(row.figure.numerator)),
    Column("denominator", "Of", ColumnKind.NUMBER, cell=lambda row: short(row.figure.denominator)),
    Column("n", "Sample size", ColumnKind.COUNT, cell=lambda row: row.figure.n),
    *interval_columns(lambda row: limits(row.figure), ColumnKind.AMOUNT),
    Column(
        "low_every_look",
        "At every look from",
        ColumnKind.AMOUNT,
        definition="always_valid",
        cell=lambda row: _always(row.figure)[0],
    ),
    Column(
        "high_every_look",
        "At every look to",
        ColumnKind.AMOUNT,
        definition="always_valid",
        cell=lambda row: _always(row.figure)[1],
    ),
    Column(
        "why_no_value",
        "Why no value",
        ColumnKind.NOTE,
        cell=lambda row: row.figure.lacking if isinstance(row.figure, Estimate) else "",
    ),
    Column(
        "definition",
        "Definition",
        ColumnKind.NOTE,
        shown=False,
        cell=lambda row: DEFINITIONS[row.figure.definition].meaning,
    ),
    Column(
        "definition_version",
        "Version of the definitions",
        ColumnKind.COUNT,
        shown=False,
        cell=lambda row: row.report.definition,
    ),
    Column("code_version", "Version of the code", shown=False, cell=lambda row: row.report.code),
)
# Columns that are shown only if some row has a value there.
_SELDOM = frozenset({"low_every_look", "high_every_look", "why_no_value"})


def _columns(rows: Sequence[FigureRow]) -> tuple[Column, ...]:
    return tuple(
        replace(column, shown=False)
        if column.key in _SELDOM and not any(map(column.cell_of, rows))
        else column
        for column in COLUMNS
    )


# -- Tables --


def figures_table(report: Report, key: str, caption: str, figures: Iterable[AnyFigure]) -> Table:
    """Return a table of figures."""
    rows = [FigureRow(report, figure) for figure in figures]
    return _table(key, caption, _columns(rows), rows)


def groups_table(report: Report, key: str, caption: str, groups: Iterable[Group]) -> Table:
    """Return a table of the figures of groups of episodes."""
    rows = [FigureRow(report, figure, group) for group in groups for figure in group.figures()]
    about = "" if key == "populations" else key
    of = Column("group", "Episodes", definition=about, cell=lambda row: row.group.name)
    return _table(key, caption, (of, *_columns(rows)), rows)


def _table(key: str, caption: str, columns: Sequence[Column], rows: Sequence[FigureRow]) -> Table:
    return table_from(
        key, caption, columns, rows, key_of=_key_of, unit_of=lambda row: unit_of(row.figure).value
    )


def _key_of(row: FigureRow) -> str:
    """Return the row's key in addresses, which is unique in a report."""
    figure = row.figure
    if row.group:
        return f"{row.group.key}:{figure.key}"
    return figure.definition if figure.key == "ticketed" else figure.key
