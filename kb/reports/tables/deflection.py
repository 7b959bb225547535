"""The tables of the report page on deflection, with figures in the order of reading."""

from __future__ import annotations

from collections.abc import Iterable

from kb.analytics.definitions import DEFINITIONS
from kb.analytics.deflection import Group
from kb.analytics.model import Outcome
from kb.analytics.report import Report
from kb.reports.tables.figures import columns, figures_table, limits, line, short
from kb.table import Cells, Column, ColumnKind, Line, Table, lines

OUTCOMES = tuple(outcome.value for outcome in Outcome)
_WITHOUT = (None, None)


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
        _groups(report, "populations", "Two populations", report.deflection.populations),
        _groups(
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
    rows = tuple(
        Line(
            (one.points, one.people.value, one.days.value, one.people.lacking),
            key="power",
            unit="difference",
        )
        for one in report.deflection.patience
    )
    known = (
        Column("difference", "Fewer tickets by", ColumnKind.AMOUNT, definition="power"),
        Column("people", "People needed at the form", ColumnKind.COUNT),
        Column("days", "Days needed", ColumnKind.COUNT),
        Column("why_no_value", "Why no value", ColumnKind.NOTE),
    )
    return Table("power", "How long until a difference can be seen", known, rows)


def _groups(report: Report, key: str, caption: str, groups: Iterable[Group]) -> Table:
    rows = []
    for group in groups:
        for figure in group.figures():
            own = line(report, figure, key=f"{group.key}:{figure.key}")
            rows.append(Line((group.name, *own.cells), own.key, own.unit))
    of = Column("group", "Episodes", definition="" if key == "populations" else key)
    return Table(key, caption, (of, *columns(rows, skipped=1)), tuple(rows))


def days_table(report: Report) -> Table:
    """Return episodes by outcome, with a row for each day or week."""
    rows: list[Cells] = [
        (step.first.isoformat(), step.last.isoformat(), *(step.outcomes[o] for o in OUTCOMES))
        for step in report.steps
    ]
    single = all(step.first == step.last for step in report.steps)
    known = (
        Column("first", "Day" if single else "From", ColumnKind.DAY),
        Column("last", "Until", ColumnKind.DAY, shown=not single),
        *(Column(o, DEFINITIONS[o].name, ColumnKind.COUNT, definition=o) for o in OUTCOMES),
    )
    return Table("days", "Episodes by outcome over time", known, lines(rows))


def _funnel(report: Report) -> Table:
    names = [outcome for outcome in OUTCOMES if outcome != Outcome.OPEN.value]
    rows = tuple(
        Line(
            (
                step.reached.name,
                step.reached.numerator,
                short(step.reached.value),
                *limits(step.reached),
                *(step.outcomes.get(name, 0) for name in names),
            ),
            key=step.reached.key,
        )
        for step in report.funnel
    )
    known = (
        Column("figure", "Step", ColumnKind.FIGURE),
        Column("reached", "Came this far", ColumnKind.COUNT),
        Column("share", "Of all who searched", ColumnKind.SHARE),
        Column("low95", "95 % from", ColumnKind.SHARE),
        Column("high95", "95 % to", ColumnKind.SHARE),
        *(
            Column(
                f"{name}_here", f"Ended here: {DEFINITIONS[name].name.lower()}", ColumnKind.COUNT
            )
            for name in names
        ),
    )
    return Table("funnel", "From a search to how it ended", known, rows)


def _before(report: Report) -> Table:
    rows = tuple(
        Line(
            (
                one.now.name,
                short(one.now.value),
                one.now.numerator,
                one.now.denominator,
                short(one.before.value),
                one.before.numerator,
                one.before.denominator,
                short(one.difference),
                *(map(short, one.interval) if one.interval else _WITHOUT),
            ),
            key=one.now.key,
        )
        for one in report.changes
    )
    known = (
        Column("figure", "Figure", ColumnKind.FIGURE),
        Column("now", "Now", ColumnKind.SHARE),
        Column("now_numerator", "Count", ColumnKind.COUNT),
        Column("now_denominator", "Of", ColumnKind.COUNT),
        Column("before", "Before", ColumnKind.SHARE),
        Column("before_numerator", "Count before", ColumnKind.COUNT),
        Column("before_denominator", "Of, before", ColumnKind.COUNT),
        Column("difference", "Difference", ColumnKind.DIFFERENCE, definition="before"),
        Column("low95", "95 % from", ColumnKind.DIFFERENCE),
        Column("high95", "95 % to", ColumnKind.DIFFERENCE),
    )
    span = report.range.before()
    first, last = (f"{day.day} {day:%B %Y}" for day in (span.first, span.last))
    caption = f"Beside the period before, {first} to {last}"
    return Table("before", caption, known, rows)
