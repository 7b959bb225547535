"""A report from the database, on request.

Promises the figures as the last round of closing left them. Knows where rows come from and
nothing of what they mean.
"""

from __future__ import annotations

from datetime import datetime

from kb.db import Database
from kb.insight.figures import store
from kb.insight.report import DateRange, Facts, Report, make_report


def report(db: Database, span: DateRange, *, k: int, now: datetime) -> Report:
    """Return the report of a range of UTC days; `k` is the setting k_anonymity."""
    with db.read() as connection:
        facts = Facts(
            episodes=store.episode_rows(connection, span.start, span.end),
            failed=store.failed_rows(connection, span.start, span.end),
            tickets=store.tickets_by_origin(connection, span.start, span.end),
        )
    return make_report(facts, span, k=k, now=now)
