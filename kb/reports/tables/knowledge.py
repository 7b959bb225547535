"""The tables on the knowledge cycle: what happened after gaps were answered.

A gap is listed only if at least k_anonymity people are in it, but it always counts in the totals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from kb.analytics.figures import Estimate, Unit
from kb.analytics.statistics.proportions import Pair, Ratio
from kb.analytics.ticket_metrics import Duration
from kb.gaps.knowledge_cycle import AnswerEffect, Failures, overall
from kb.reports.tables.figures import definition_column, lacking_column
from kb.reports.tables.tickets import durations_table
from kb.table import Cell, Column, ColumnKind, Table, table_from

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
        Column("figure", "Figure", ColumnKind.FIGURE, cell=lambda found: found.name),
        Column(
            "value",
            "Rate after : before",
            ColumnKind.AMOUNT,
            definition="cycle_overall",
            cell=lambda found: found.value,
        ),
        Column("low95", "95 % from", ColumnKind.AMOUNT, cell=lambda _: low),
        Column("high95", "95 % to", ColumnKind.AMOUNT, cell=lambda _: high),
        _count("people_before", "People before", lambda found: int(found.denominator or 0)),
        _count("people_after", "People after", lambda found: int(found.numerator or 0)),
        _count("gaps", "Gaps compared", lambda _: sum(not each.lacking for each in effects)),
        Column(
            "answered",
            "Gaps answered",
            ColumnKind.COUNT,
            definition="cycle",
            cell=lambda _: len(effects),
        ),
        _count(
            "opened_again",
            "Open again since",
            lambda _: sum(each.answer.again_at is not None for each in effects),
        ),
        lacking_column([found]),
        definition_column(),
    )
    return table_from(
        "cycle-overall",
        "What answers changed",
        columns,
        [found],
        key_of=lambda found: found.key,
        unit_of=lambda _: Unit.RATIO.value,
        empty=NONE,
    )


def _count(key: str, name: str, of: Callable[[Estimate], int]) -> Column:
    return Column(key, name, ColumnKind.COUNT, cell=of)


def _gaps(effects: Sequence[AnswerEffect], k: int) -> Table:
    return table_from(
        "gap-cycle",
        f"Gaps answered, of those with {k} people or more",
        (*_GAP, lacking_column(effects)),
        effects,
        key_of=lambda one: str(one.answer.number),
        unit_of=lambda _: Unit.RATIO.value,
        empty=NONE,
    )


def _moment(
    key: str, name: str, of: Callable[[AnswerEffect], datetime | None], definition: str = "cycle"
) -> Column:
    def cell(one: AnswerEffect) -> Cell:
        at = of(one)
        return at.isoformat(timespec="seconds") if at else None

    return Column(key, name, ColumnKind.MOMENT, definition=definition, cell=cell)


def _compared(key: str, name: str, of: Callable[[Failures], int]) -> Column:
    """Return the column of a count that is shown only where before and after were compared."""
    return Column(
        key,
        name,
        ColumnKind.COUNT,
        definition="cycle_effect",
        cell=lambda one: of(one.failures) if one.pair else None,
    )


def _rate(key: str, name: str, of: Callable[[Pair], tuple[int, float]]) -> Column:
    """Return the column of people per 1000 searches; `of` returns the two counts."""

    def cell(one: AnswerEffect) -> Cell:
        people, searches = of(one.pair) if one.pair else (0, 0.0)
        return 1000 * people / searches if searches else None

    return Column(key, name, ColumnKind.NUMBER, definition="cycle_effect", cell=cell)


def _of_ratio(key: str, name: str, definition: str, of: Callable[[Ratio], Cell]) -> Column:
    return Column(
        key,
        name,
        ColumnKind.AMOUNT,
        definition=definition,
        cell=lambda one: of(one.ratio) if one.ratio else None,
    )


def _took(one: AnswerEffect) -> float:
    """Return the seconds from the first failed search, or since the gap is known, to the answer."""
    answer, first = one.answer, one.failures.first_at
    since = min(first or answer.known_at, answer.known_at)
    return max(0.0, (answer.answered_at - since).total_seconds())


# The rows are of AnswerEffect.
_GAP = (
    Column("gap", "Gap", ColumnKind.GAP, cell=lambda one: one.answer.number),
    Column("title", "Asked", ColumnKind.WORDS, cell=lambda one: one.answer.name or NAMELESS),
    Column("article", "Article", ColumnKind.ARTICLE, cell=lambda one: one.answer.article),
    Column("commit", "Commit", ColumnKind.COMMIT, cell=lambda one: one.answer.commit),
    _moment("first_failed_at", "First failed", lambda one: one.failures.first_at),
    _moment("known_at", "Known since", lambda one: one.answer.known_at),
    _moment("answered_at", "Answered", lambda one: one.answer.answered_at),
    Column("took", "Took", ColumnKind.SECONDS, definition="cycle", cell=_took),
    Column(
        "days",
        "Days compared",
        ColumnKind.COUNT,
        definition="cycle_effect",
        cell=lambda one: one.days or None,
    ),
    _compared("failed_before", "Failed searches before", lambda found: found.before),
    _compared("failed_after", "Failed searches after", lambda found: found.after),
    _compared("people_before", "People before", lambda found: found.people_before),
    _compared("people_after", "People after", lambda found: found.people_after),
    _rate("rate_before", "Rate before", lambda pair: (pair.before, pair.of_before)),
    _rate("rate_after", "Rate after", lambda pair: (pair.after, pair.of_after)),
    _of_ratio("ratio", "Rate after : before", "cycle_effect", lambda ratio: ratio.value),
    _of_ratio("low95", "95 % from", "cycle_ratio", lambda ratio: ratio.low),
    _of_ratio("high95", "95 % to", "cycle_ratio", lambda ratio: ratio.high),
    _moment("opened_again_at", "Open again", lambda one: one.answer.again_at, definition=""),
)
