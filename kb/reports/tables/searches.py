"""The tables of the report pages on searches and on articles, with figures in the order of reading.

Words appear only as the report has them, with those of too few people left out.
"""

from __future__ import annotations

from collections.abc import Iterable

from kb.analytics.article_metrics import ArticleRow
from kb.analytics.model import Failure
from kb.analytics.report import Report
from kb.analytics.search_metrics import Quality
from kb.reports.tables.figures import figures_table, limits, short
from kb.table import Cells, Column, ColumnKind, Line, Table, lines
from kb.tracking.events import REASONS

CLASSES = tuple(failure.value for failure in Failure)
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
CLASS_NAMES = {
    "zero": "No hit",
    "weak": "Weak",
    "voted_down": "Voted down",
    "ticketed": "Ticket followed",
    "bounced": "Came straight back",
    "refined": "Asked again",
    "no_click": "Nothing opened",
}
_INTERVAL = (
    Column("low95", "95 % from", ColumnKind.SHARE),
    Column("high95", "95 % to", ColumnKind.SHARE),
)


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


def _classes() -> tuple[Column, ...]:
    return tuple(
        Column(
            name,
            CLASS_NAMES[name],
            ColumnKind.COUNT,
            definition="ticketed_search" if name == "ticketed" else name,
        )
        for name in CLASSES
    )


def _failed_by(report: Report, kind: str) -> Table:
    caption, name, words = DIMENSION_NAMES[kind]
    rows = tuple(
        Line(
            (
                one.value,
                short(one.share.value),
                one.share.numerator,
                one.share.denominator,
                *limits(one.share),
                *(one.classes.get(each, 0) for each in CLASSES),
            ),
            key="failed_by",
        )
        for one in report.failed_by
        if one.kind == kind
    )
    known = (
        Column(kind, name, words),
        Column("share", "Failed", ColumnKind.SHARE, definition="failed_by"),
        Column("failed", "Count", ColumnKind.COUNT),
        Column("searches", "Of", ColumnKind.COUNT),
        *_INTERVAL,
        *_classes(),
    )
    key = f"failed-by-{kind}"
    return Table(key, f"Failed searches {caption}", known, rows, "No search in this range.")


def _quality(report: Report) -> Table:
    q = report.quality
    return figures_table(
        report, "quality", "How well search does", (q.clicked, q.top, q.near_top, q.reworded)
    )


def _over_time(report: Report) -> Table:
    single = all(step.first == step.last for step in report.quality_steps)
    known = (
        Column("first", "Day" if single else "From", ColumnKind.DAY),
        Column("last", "Until", ColumnKind.DAY, shown=not single),
        Column("searches", "Searches", ColumnKind.COUNT, definition="searches"),
        Column("failed", "Failed", ColumnKind.SHARE, definition="failed_share"),
        *_INTERVAL,
        Column("clicked", "Opened something", ColumnKind.SHARE, definition="clicked"),
        Column("top", "Opened the first hit", ColumnKind.SHARE, definition="clicked_top"),
        Column("rank", "Mean place opened", ColumnKind.NUMBER, definition="clicked_rank"),
        Column("reworded", "Related words followed", ColumnKind.SHARE, definition="reworded"),
        Column("median_ms", "Half within", ColumnKind.MILLISECONDS, definition="latency"),
        Column("slow_ms", "95 of 100 within", ColumnKind.MILLISECONDS, definition="latency"),
        Column("timed", "Timed", ColumnKind.COUNT),
    )
    rows = [_step(step) for step in (*report.quality_steps, report.quality)]
    return Table(
        "quality-over-time", "How well search does over time; last the whole", known, lines(rows)
    )


def _step(step: Quality) -> Cells:
    return (
        step.first.isoformat(),
        step.last.isoformat(),
        step.searches,
        short(step.failed.value),
        *limits(step.failed),
        short(step.clicked.value),
        short(step.top.value),
        short(step.rank),
        short(step.reworded.value),
        short(step.median_ms),
        short(step.slow_ms),
        step.timed,
    )


def _words(report: Report) -> Table:
    rows = tuple(
        Line(
            (
                row.words or "(other words)",
                row.wordings,
                row.people,
                row.searches,
                *(row.classes.get(name, 0) for name in CLASSES),
            )
        )
        for row in report.failing_words
    )
    known = (
        Column("words", "Words", ColumnKind.WORDS, definition="failing_words"),
        Column("wordings", "Wordings", ColumnKind.COUNT),
        Column("people", "People", ColumnKind.COUNT),
        Column("searches", "Searches", ColumnKind.COUNT),
        *_classes(),
    )
    caption = f"Words that fail most; shown from {report.k_anonymity} people on"
    return Table("failing-words", caption, known, rows, "No search failed in this range.")


# -- Articles --


def article_tables(articles: Iterable[ArticleRow]) -> tuple[Table, ...]:
    """Return the tables of the page on articles."""
    rows = tuple(
        Line(
            (
                row.slug,
                row.opened,
                row.read,
                row.resolved,
                short(row.share.value),
                *limits(row.share),
                short(row.leaning),
                row.unhelpful,
                *(row.reasons.get(reason, 0) for reason in REASON_NAMES),
                row.failed.numerator,
                short(row.failed.value),
            )
        )
        for row in articles
    )
    known = (
        Column("article", "Article", ColumnKind.ARTICLE),
        Column("opened", "Opened", ColumnKind.COUNT),
        Column("read", "Read", ColumnKind.COUNT, definition="article_read"),
        Column("resolved", "Resolved", ColumnKind.COUNT, definition="article_resolved"),
        Column("share", "Resolved, of opened", ColumnKind.SHARE, definition="article_share"),
        *_INTERVAL,
        Column("leaning", "Resolved, adjusted", ColumnKind.SHARE, definition="article_leaning"),
        Column("not_helpful", "Not helpful", ColumnKind.COUNT, definition="article_unhelpful"),
        *(
            Column(reason.replace("-", "_"), name, ColumnKind.COUNT)
            for reason, name in REASON_NAMES.items()
        ),
        Column("failed_deflections", "Ticket after reading", ColumnKind.COUNT,
               definition="article_failed"),
        Column("failed_share", "Ticket, of read", ColumnKind.SHARE, definition="article_failed"),
    )  # fmt: skip
    caption = "Articles, the most opened first"
    return (Table("articles", caption, known, rows, "No article was opened in this range."),)
