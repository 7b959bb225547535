"""The tables of the report pages on searches and on articles, with figures in the order of reading.

Words appear only as the report has them, with those of too few people left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kb.analytics.article_metrics import ArticleRow
from kb.analytics.figures import Figure
from kb.analytics.model import Failure
from kb.analytics.report import Report
from kb.analytics.search_metrics import Quality
from kb.reports.tables.figures import (
    figures_table,
    interval_columns,
    limits,
    short,
    step_columns,
)
from kb.table import Column, ColumnKind, Table, table_from
from kb.tracking.events import REASONS

REASON_NAMES = {
    "not-my-problem": "About something else",
    "did-not-work": "Did not work",
    "hard-to-follow": "Hard to follow",
    "out-of-date": "Out of date",
}
assert REASON_NAMES.keys() == REASONS
DIMENSION_NAMES = {
    "language": ("by language", "Language", ColumnKind.LANGUAGE),
    "surface": ("by where they were typed", "Place", ColumnKind.SURFACE),
    "device": ("by device", "Device", ColumnKind.DEVICE),
    "collection": ("by collection", "Collection", ColumnKind.COLLECTION),
}


def tables(report: Report) -> tuple[Table, ...]:
    """Return the tables of the page on searches, except the one of gaps."""
    return (
        figures_table(
            report,
            "searches",
            "Failed searches by kind of failure",
            (report.searches, report.failed, *report.failures),
        ),
        *(_failed_by(report, kind) for kind in DIMENSION_NAMES),
        _quality(report),
        _over_time(report),
        _words(report),
    )


def _failure(failure: Failure) -> Column:
    return Column(
        failure.value,
        failure.column,
        ColumnKind.COUNT,
        definition=failure.key,
        cell=lambda row: row.classes.get(failure.value, 0),
    )


def _failed_by(report: Report, kind: str) -> Table:
    caption, name, words = DIMENSION_NAMES[kind]
    columns = (
        Column(kind, name, words, cell=lambda one: one.value),
        Column(
            "share",
            "Failed",
            ColumnKind.SHARE,
            definition="failed_by",
            cell=lambda one: short(one.share.value),
        ),
        Column("failed", "Count", ColumnKind.COUNT, cell=lambda one: one.share.numerator),
        Column("searches", "Of", ColumnKind.COUNT, cell=lambda one: one.share.denominator),
        *interval_columns(lambda one: limits(one.share)),
        *map(_failure, Failure),
    )
    return table_from(
        f"failed-by-{kind}",
        f"Failed searches {caption}",
        columns,
        [one for one in report.failed_by if one.kind == kind],
        key_of=lambda _: "failed_by",
        empty="No search in this range.",
    )


def _quality(report: Report) -> Table:
    q = report.quality
    return figures_table(
        report, "quality", "How well search does", (q.clicked, q.top, q.near_top, q.reworded)
    )


def _over_time(report: Report) -> Table:
    columns = (*step_columns(report.quality_steps), *_QUALITY)
    steps = (*report.quality_steps, report.quality)
    caption = "How well search does over time; last the whole"
    return table_from("quality-over-time", caption, columns, steps)


def _share(key: str, name: str, definition: str, of: Callable[[Any], Figure]) -> Column:
    return Column(
        key,
        name,
        ColumnKind.SHARE,
        definition=definition,
        cell=lambda row: short(of(row).value),
    )


def _time(key: str, name: str, of: Callable[[Quality], float | None]) -> Column:
    return Column(
        key,
        name,
        ColumnKind.MILLISECONDS,
        definition="latency",
        cell=lambda step: short(of(step)),
    )


# The rows are of Quality.
_QUALITY = (
    Column(
        "searches",
        "Searches",
        ColumnKind.COUNT,
        definition="searches",
        cell=lambda step: step.searches,
    ),
    _share("failed", "Failed", "failed_share", lambda step: step.failed),
    *interval_columns(lambda step: limits(step.failed)),
    _share("clicked", "Opened something", "clicked", lambda step: step.clicked),
    _share("top", "Opened the first hit", "clicked_top", lambda step: step.top),
    Column(
        "rank",
        "Mean place opened",
        ColumnKind.NUMBER,
        definition="clicked_rank",
        cell=lambda step: short(step.rank),
    ),
    _share("reworded", "Related words followed", "reworded", lambda step: step.reworded),
    _time("median_ms", "Half within", lambda step: step.median_ms),
    _time("slow_ms", "95 of 100 within", lambda step: step.slow_ms),
    Column("timed", "Timed", ColumnKind.COUNT, cell=lambda step: step.timed),
)


def _words(report: Report) -> Table:
    columns = (
        Column(
            "words",
            "Words",
            ColumnKind.WORDS,
            definition="failing_words",
            cell=lambda row: row.words or "(other words)",
        ),
        Column("wordings", "Wordings", ColumnKind.COUNT, cell=lambda row: row.wordings),
        Column("people", "People", ColumnKind.COUNT, cell=lambda row: row.people),
        Column("searches", "Searches", ColumnKind.COUNT, cell=lambda row: row.searches),
        *map(_failure, Failure),
    )
    return table_from(
        "failing-words",
        f"Words that fail most; shown from {report.k_anonymity} people on",
        columns,
        report.failing_words,
        empty="No search failed in this range.",
    )


# -- Articles --


def article_tables(articles: Iterable[ArticleRow]) -> tuple[Table, ...]:
    """Return the tables of the page on articles."""
    caption, empty = "Articles, the most opened first", "No article was opened in this range."
    return (table_from("articles", caption, _ARTICLE, articles, empty=empty),)


def _count(key: str, name: str, definition: str, of: Callable[[ArticleRow], int]) -> Column:
    return Column(key, name, ColumnKind.COUNT, definition=definition, cell=of)


def _reason(reason: str, name: str) -> Column:
    return _count(reason.replace("-", "_"), name, "", lambda row: row.reasons.get(reason, 0))


# The rows are of ArticleRow.
_ARTICLE = (
    Column("article", "Article", ColumnKind.ARTICLE, cell=lambda row: row.slug),
    _count("opened", "Opened", "", lambda row: row.opened),
    _count("read", "Read", "article_read", lambda row: row.read),
    _count("resolved", "Resolved", "article_resolved", lambda row: row.resolved),
    _share("share", "Resolved, of opened", "article_share", lambda row: row.share),
    *interval_columns(lambda row: limits(row.share)),
    Column(
        "leaning",
        "Resolved, adjusted",
        ColumnKind.SHARE,
        definition="article_leaning",
        cell=lambda row: short(row.leaning),
    ),
    _count("not_helpful", "Not helpful", "article_unhelpful", lambda row: row.unhelpful),
    *(_reason(reason, name) for reason, name in REASON_NAMES.items()),
    _count(
        "failed_deflections",
        "Ticket after reading",
        "article_failed",
        lambda row: row.failed.numerator,
    ),
    _share("failed_share", "Ticket, of read", "article_failed", lambda row: row.failed),
)
