"""Read the daily counts from the database and make reports from them, on request.

The figures are as of the last time that episodes were judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version
from types import MappingProxyType

from kb.analytics import article_metrics, report_store
from kb.analytics.article_metrics import ArticleRow, article_rows
from kb.analytics.daily_counts import added, counts
from kb.analytics.daily_counts_store import PEOPLE, days_of, marks_of, wordings
from kb.analytics.figures import TierCost
from kb.analytics.report import DateRange, Report, ReportFacts, beside, make_report
from kb.analytics.search_metrics import WordsRow, common, grouped
from kb.database import Connection, Database

NONE: Mapping[int, TierCost] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ReportParts:
    """The parts of a report that take extra time: failures and failing words, articles, and figures
    that count people (the experiment and the formulas of other products).
    """

    words: bool = True
    articles: bool = True
    people: bool = True


ALL = ReportParts()
SUMS = ReportParts(words=False, articles=False, people=False)


def report(
    db: Database,
    span: DateRange,
    *,
    k: int,
    now: datetime,
    costs: Mapping[int, TierCost] = NONE,
    parts: ReportParts = ALL,
) -> Report:
    """Return the report of a range of UTC days; `k` is the setting k_anonymity, `costs` are the
    tiers by level. Parts that are not wanted are empty.
    Raises NotReady while many days wait to be counted.
    """
    with db.read() as connection:
        return _made(connection, span, k=k, now=now, costs=costs, parts=parts)


def report_beside(
    db: Database,
    span: DateRange,
    *,
    k: int,
    now: datetime,
    costs: Mapping[int, TierCost] = NONE,
    parts: ReportParts = ALL,
) -> Report:
    """Return the report of a range, compared with the range of the same length before it."""
    before = span.before()
    with db.read() as connection:
        found = _made(connection, span, k=k, now=now, costs=costs, parts=parts)
        earlier = days_of(connection, before.first, before.last, people=())
    return beside(found, make_report(ReportFacts(earlier, words=False), before, k=k, now=now))


def _made(
    connection: Connection,
    span: DateRange,
    *,
    k: int,
    now: datetime,
    costs: Mapping[int, TierCost],
    parts: ReportParts,
) -> Report:
    people = PEOPLE if parts.people else ()
    blobs = [name for name in people if name != "failed"] + ["failed"] * parts.words
    days = days_of(connection, span.first, span.last, people=blobs)
    standing = report_store.tickets_by_tier(connection, span.start, span.end)
    whole = added(days.values())
    failing = grouped(whole.failed) if parts.words else None
    shown = common(failing, k) if failing else ()
    facts = ReportFacts(
        days=days,
        marks=marks_of(connection, span.first, span.last) if parts.articles else {},
        whole=whole,
        failing=failing,
        words=parts.words,
        wordings=wordings(connection, shown, span.start, span.end),
        tickets=report_store.tickets_by_origin(connection, span.start, span.end)
        | {"outside": whole.sums["outside"]},
        tiers={n: replace(tier, tickets=standing.get(n, 0)) for n, tier in costs.items()},
        outside=(whole.sums["outside_matched"], whole.sums["outside"]),
    )
    return make_report(facts, span, k=k, now=now, code=version("tier-zero"))


def articles_of(db: Database, span: DateRange) -> tuple[ArticleRow, ...]:
    """Return the article rows of a report. Raises NotReady as `report` does."""
    with db.read() as connection:
        whole = counts(days_of(connection, span.first, span.last, people=()).values())
        whole.marks = marks_of(connection, span.first, span.last)
    return article_rows(whole)


def article_figures_of(
    db: Database, span: DateRange, *, k: int
) -> dict[str, article_metrics.ArticleFigures]:
    """Return the figures by article, for those who maintain them, over a range of UTC days."""
    with db.read() as connection:
        seen = report_store.articles_seen(connection, span.start, span.end)
        votes = report_store.votes(connection, span.start, span.end)
        failed = report_store.failed_near(connection, span.start, span.end)
    return article_metrics.article_figures(seen, votes, failed, k=k)


def failing_words(db: Database, span: DateRange, *, k: int, now: datetime) -> tuple[WordsRow, ...]:
    """Return the report's rows of failing words, most searches first, without the row of words
    that are not shown.
    """
    return tuple(
        row
        for row in report(
            db, span, k=k, now=now, parts=ReportParts(articles=False, people=False)
        ).failing_words
        if row.words
    )
