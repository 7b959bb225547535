"""The tables on the cycle of knowledge from the database, on request.

Promises one state of the database for all of them. Knows where rows come from and nothing of what
they mean.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from kb.analytics.daily_counts_store import searches_by_day
from kb.analytics.report import DateRange
from kb.database import Database
from kb.gaps import knowledge_cycle_store
from kb.gaps.cycle import tables
from kb.gaps.knowledge_cycle import waits
from kb.gaps.knowledge_cycle_store import SearchesByDay, effects
from kb.table import Table


def knowledge_tables(
    db: Database,
    span: DateRange,
    *,
    k: int,
    now: datetime,
    retention: timedelta,
    searches: SearchesByDay = searches_by_day,
) -> tuple[Table, ...]:
    """Return the tables on gaps answered, and first known, on the days of the range; `k` and
    `retention` as the settings, `searches` gives those of all by UTC day.
    """
    with db.read() as connection:
        found = effects(
            connection,
            span.start,
            span.end,
            k=k,
            now=now,
            retention=retention,
            searches=searches,
        )
        known = knowledge_cycle_store.known(connection, span.start, span.end)
    return tables.tables(found, waits(known, now), k=k)
