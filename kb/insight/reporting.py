"""Reports from the database, on request.

Promises the figures as the last round of closing left them. Knows where rows come from and
nothing of what they mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from importlib.metadata import version
from types import MappingProxyType

from kb.db import Database
from kb.insight import care
from kb.insight.estimates.cost import TierCost
from kb.insight.figures import store
from kb.insight.report import DateRange, Facts, Report, WordsRow, beside, make_report

NONE: Mapping[int, TierCost] = MappingProxyType({})


def report(
    db: Database, span: DateRange, *, k: int, now: datetime, costs: Mapping[int, TierCost] = NONE
) -> Report:
    """Return the report of a range of UTC days; `k` is the setting k_anonymity, `costs` are those
    of the tiers by level.
    """
    return _made(db, span, k=k, now=now, costs=costs)


def report_beside(
    db: Database, span: DateRange, *, k: int, now: datetime, costs: Mapping[int, TierCost] = NONE
) -> Report:
    """Return the report of a range with its shares beside those of as many days before it."""
    found = _made(db, span, k=k, now=now, costs=costs)
    return beside(found, _made(db, span.before(), k=k, now=now, costs=costs))


def _made(
    db: Database, span: DateRange, *, k: int, now: datetime, costs: Mapping[int, TierCost]
) -> Report:
    with db.read() as connection:
        standing = store.tickets_by_tier(connection, span.start, span.end)
        facts = Facts(
            episodes=store.episode_rows(connection, span.start, span.end),
            failed=store.failed_rows(connection, span.start, span.end),
            tickets=store.tickets_by_origin(connection, span.start, span.end),
            tiers={n: replace(tier, tickets=standing.get(n, 0)) for n, tier in costs.items()},
            outside=store.outside(connection, span.start, span.end),
        )
    return make_report(facts, span, k=k, now=now, code=version("tier-zero"))


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
