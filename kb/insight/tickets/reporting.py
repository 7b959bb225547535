"""The tables on tickets from the database, on request.

Promises tickets as they are now. Knows where rows come from and nothing of what they mean.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from kb.analytics import report_store
from kb.analytics.report import DateRange
from kb.analytics.ticket_metrics import TicketFigures, ticket_figures
from kb.database import Database
from kb.insight.tickets import tables
from kb.table import Table


def figures(db: Database, span: DateRange, tiers: Collection[int], now: datetime) -> TicketFigures:
    """Return the figures of the tickets created on the days of the range."""
    with db.read() as connection:
        found = report_store.tickets_alike(connection, span.start, span.end)
    watched = (now - span.start).total_seconds()
    return ticket_figures(found, first=span.first, last=span.last, tiers=tiers, now=watched)


def tickets_tables(
    db: Database, span: DateRange, tiers: Collection[int], now: datetime
) -> tuple[Table, ...]:
    """Return the tables of /reports/tickets; `tiers` are the levels at which tickets may stand."""
    return tables.tables(figures(db, span, tiers, now), tiers)
