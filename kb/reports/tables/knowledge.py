"""The tables on the knowledge cycle: what happened after gaps were answered.

A gap is listed only if at least k_anonymity people are in it, but it always counts in the totals.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kb.analytics.definitions import DEFINITIONS
from kb.analytics.figures import Unit
from kb.analytics.ticket_metrics import Duration
from kb.gaps.knowledge_cycle import AnswerEffect, overall
from kb.reports.tables.tickets import durations_table
from kb.table import Cells, Column, ColumnKind, Line, Table

# -- Tables --


NONE = "No gap was answered in this range."
NAMELESS = "Words that are no longer kept"


def cycle_tables(effects: Sequence[AnswerEffect], waits: Duration, *, k: int) -> tuple[Table, ...]:
    """Return the tables of /reports/knowledge on gaps; `k` is the setting k_anonymity."""
    return (
        _whole(effects),
        durations_table("gap-waits", "How soon gaps are answered", [waits]),
        _gaps([each for each in effects if each.most_people >= k], k),
    )


def _whole(effects: Sequence[AnswerEffect]) -> Table:
    found = overall(effects)
    low, high = found.interval or (None, None)
    columns = (
        Column("figure", "Figure", ColumnKind.FIGURE),
        Column("value", "Rate after : before", ColumnKind.AMOUNT, definition="cycle_overall"),
        Column("low95", "95 % from", ColumnKind.AMOUNT),
        Column("high95", "95 % to", ColumnKind.AMOUNT),
        Column("people_before", "People before", ColumnKind.COUNT),
        Column("people_after", "People after", ColumnKind.COUNT),
        Column("gaps", "Gaps compared", ColumnKind.COUNT),
        Column("answered", "Gaps answered", ColumnKind.COUNT, definition="cycle"),
        Column("opened_again", "Open again since", ColumnKind.COUNT),
        Column("why_no_value", "Why no value", ColumnKind.NOTE, shown=bool(found.lacking)),
        Column("definition", "Definition", ColumnKind.NOTE, shown=False),
    )
    cells: Cells = (
        found.name,
        found.value,
        low,
        high,
        int(found.denominator or 0),
        int(found.numerator or 0),
        sum(not each.lacking for each in effects),
        len(effects),
        sum(each.answer.again_at is not None for each in effects),
        found.lacking,
        DEFINITIONS[found.definition].meaning,
    )
    line = Line(cells, key=found.key, unit=Unit.RATIO.value)
    return Table("cycle-overall", "What answers changed", columns, (line,), NONE)


def _gaps(effects: Sequence[AnswerEffect], k: int) -> Table:
    effect = "cycle_effect"
    columns = (
        Column("gap", "Gap", ColumnKind.GAP),
        Column("title", "Asked", ColumnKind.WORDS),
        Column("article", "Article", ColumnKind.ARTICLE),
        Column("commit", "Commit", ColumnKind.COMMIT),
        Column("first_failed_at", "First failed", ColumnKind.MOMENT, definition="cycle"),
        Column("known_at", "Known since", ColumnKind.MOMENT, definition="cycle"),
        Column("answered_at", "Answered", ColumnKind.MOMENT, definition="cycle"),
        Column("took", "Took", ColumnKind.SECONDS, definition="cycle"),
        Column("days", "Days compared", ColumnKind.COUNT, definition=effect),
        Column("failed_before", "Failed searches before", ColumnKind.COUNT, definition=effect),
        Column("failed_after", "Failed searches after", ColumnKind.COUNT, definition=effect),
        Column("people_before", "People before", ColumnKind.COUNT, definition=effect),
        Column("people_after", "People after", ColumnKind.COUNT, definition=effect),
        Column("rate_before", "Rate before", ColumnKind.NUMBER, definition=effect),
        Column("rate_after", "Rate after", ColumnKind.NUMBER, definition=effect),
        Column("ratio", "Rate after : before", ColumnKind.AMOUNT, definition=effect),
        Column("low95", "95 % from", ColumnKind.AMOUNT, definition="cycle_ratio"),
        Column("high95", "95 % to", ColumnKind.AMOUNT, definition="cycle_ratio"),
        Column("opened_again_at", "Open again", ColumnKind.MOMENT),
        Column(
            "why_no_value", "Why no value", ColumnKind.NOTE, shown=any(e.lacking for e in effects)
        ),
    )
    rows = tuple(
        Line(_cells(each), key=str(each.answer.number), unit=Unit.RATIO.value) for each in effects
    )
    caption = f"Gaps answered, of those with {k} people or more"
    return Table("gap-cycle", caption, columns, rows, NONE)


def _cells(one: AnswerEffect) -> Cells:
    answer, held, ratio = one.answer, one.failures, one.ratio
    since = min(held.first_at or answer.known_at, answer.known_at)
    compared = one.pair is not None
    return (
        answer.number,
        answer.name or NAMELESS,
        answer.article,
        answer.commit,
        _moment(held.first_at),
        _moment(answer.known_at),
        _moment(answer.answered_at),
        max(0.0, (answer.answered_at - since).total_seconds()),
        one.days or None,
        held.before if compared else None,
        held.after if compared else None,
        held.people_before if compared else None,
        held.people_after if compared else None,
        _rate(one.pair.before, one.pair.of_before) if one.pair else None,
        _rate(one.pair.after, one.pair.of_after) if one.pair else None,
        ratio.value if ratio else None,
        ratio.low if ratio else None,
        ratio.high if ratio else None,
        _moment(answer.again_at),
        one.lacking,
    )


def _rate(people: int, searches: float) -> float | None:
    return 1000 * people / searches if searches else None


def _moment(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
