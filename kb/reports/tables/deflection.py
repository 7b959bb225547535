"""The tables of the report page on deflection, with figures in the order of reading."""

from __future__ import annotations

from kb.analytics.definitions import DEFINITIONS
from kb.analytics.model import Outcome
from kb.analytics.report import Report
from kb.reports.tables.figures import (
    figures_table,
    groups_table,
    interval_columns,
    limits,
    short,
    step_columns,
)
from kb.table import Column, ColumnKind, Table, table_from

OUTCOMES = tuple(outcome.value for outcome in Outcome)


def tables(report: Report) -> tuple[Table, ...]:
    """Return every table of the page."""
    return (
        figures_table(
            report,
            "deflection",
            "Deflection, and what the estimate rests on",
            report.bounds() + report.of_survey(),
        ),
        days_table(report),
        _funnel(report),
        figures_table(
            report, "holdout", "Tickets with and without suggestions", report.of_holdout()
        ),
        _power(report),
        groups_table(report, "populations", "Two populations", report.deflection.populations),
        groups_table(
            report,
            "windows",
            "Had we waited longer, or less, for a ticket",
            report.deflection.waits,
        ),
        figures_table(
            report, "formulas", "Others' formulas on the same data", report.deflection.rivals
        ),
        figures_table(
            report,
            "outcomes",
            "Episodes by outcome",
            (report.episodes, *report.outcomes, report.unresolved),
        ),
        _before(report),
        figures_table(report, "outside", "Tickets that other systems told of", (report.outside,)),
    )


def _power(report: Report) -> Table:
    columns = (
        Column(
            "difference",
            "Fewer tickets by",
            ColumnKind.AMOUNT,
            definition="power",
            cell=lambda one: one.points,
        ),
        Column(
            "people",
            "People needed at the form",
            ColumnKind.COUNT,
            cell=lambda one: one.people.value,
        ),
        Column("days", "Days needed", ColumnKind.COUNT, cell=lambda one: one.days.value),
        Column(
            "why_no_value", "Why no value", ColumnKind.NOTE, cell=lambda one: one.people.lacking
        ),
    )
    return table_from(
        "power",
        "How long until a difference can be seen",
        columns,
        report.deflection.patience,
        key_of=lambda _: "power",
        unit_of=lambda _: "difference",
    )


def days_table(report: Report) -> Table:
    """Return episodes by outcome, with a row for each day or week."""
    columns = (*step_columns(report.steps), *map(_outcome, OUTCOMES))
    return table_from("days", "Episodes by outcome over time", columns, report.steps)


def _outcome(name: str) -> Column:
    return Column(
        name,
        DEFINITIONS[name].name,
        ColumnKind.COUNT,
        definition=name,
        cell=lambda step: step.outcomes[name],
    )


def _funnel(report: Report) -> Table:
    columns = (
        Column("figure", "Step", ColumnKind.FIGURE, cell=lambda step: step.reached.name),
        Column(
            "reached", "Came this far", ColumnKind.COUNT, cell=lambda step: step.reached.numerator
        ),
        Column(
            "share",
            "Of all who searched",
            ColumnKind.SHARE,
            cell=lambda step: short(step.reached.value),
        ),
        *interval_columns(lambda step: limits(step.reached)),
        *(_ended_here(name) for name in OUTCOMES if name != Outcome.OPEN.value),
    )
    return table_from(
        "funnel",
        "From a search to how it ended",
        columns,
        report.funnel,
        key_of=lambda step: step.reached.key,
    )


def _ended_here(name: str) -> Column:
    return Column(
        f"{name}_here",
        f"Ended here: {DEFINITIONS[name].name.lower()}",
        ColumnKind.COUNT,
        cell=lambda step: step.outcomes.get(name, 0),
    )


def _before(report: Report) -> Table:
    columns = (
        Column("figure", "Figure", ColumnKind.FIGURE, cell=lambda one: one.now.name),
        Column("now", "Now", ColumnKind.SHARE, cell=lambda one: short(one.now.value)),
        Column("now_numerator", "Count", ColumnKind.COUNT, cell=lambda one: one.now.numerator),
        Column("now_denominator", "Of", ColumnKind.COUNT, cell=lambda one: one.now.denominator),
        Column("before", "Before", ColumnKind.SHARE, cell=lambda one: short(one.before.value)),
        Column(
            "before_numerator",
            "Count before",
            ColumnKind.COUNT,
            cell=lambda one: one.before.numerator,
        ),
        Column(
            "before_denominator",
            "Of, before",
            ColumnKind.COUNT,
            cell=lambda one: one.before.denominator,
        ),
        Column(
            "difference",
            "Difference",
            ColumnKind.DIFFERENCE,
            definition="before",
            cell=lambda one: short(one.difference),
        ),
        *interval_columns(limits, ColumnKind.DIFFERENCE),
    )
    span = report.range.before()
    first, last = (f"{day.day} {day:%B %Y}" for day in (span.first, span.last))
    caption = f"Beside the period before, {first} to {last}"
    return table_from("before", caption, columns, report.changes, key_of=lambda one: one.now.key)
