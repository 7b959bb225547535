"""Reports from the database, on request.

Promises the figures as the last round of closing left them. Knows where rows come from and
nothing of what they mean.
"""

from __future__ import annotations

from datetime import datetime

from kb.db import Database
from kb.insight import care
from kb.insight.figures import store
from kb.insight.report import DateRange, Facts, Report, WordsRow, make_report


def report(db: Database, span: DateRange, *, k: int, now: datetime) -> Report:
    """Return the report of a range of UTC days; `k` is the setting k_anonymity."""
    with db.read() as connection:
        facts = Facts(
            episodes=store.episode_rows(connection, span.start, span.end),
            failed=store.failed_rows(connection, span.start, span.end),
            tickets=store.tickets_by_origin(connection, span.start, span.end),
        )
    return make_report(facts, span, k=k, now=now)


def article_care(db: Database, span: DateRange, *, k: int) -> dict[str, care.Care]:
    """Return by article what its keepers should know of a range of UTC days."""
    with db.read() as connection:
        seen = store.articles_seen(connection, span.start, span.end)
        votes = store.votes(connection, span.start, span.end)
        failed = store.failed_near(connection, span.start, span.end)
    return care.care(seen, votes, failed, k=k)


def wanted(db: Database, span: DateRange, *, k: int, now: datetime) -> tuple[WordsRow, ...]:
    """Return the words that most searches failed on, as the report has them, without the row of
    those not told.
    """
    return tuple(row for row in report(db, span, k=k, now=now).failing_words if row.words)
