"""The pages of the report, each as tables and as a workbook.

A page, its exports, the API and the command line show the same tables. A workbook says which page
and range it shows, when it was made and by which version of the definitions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version

from kb.analytics import report_store
from kb.analytics.daily_counts_store import searches_by_day
from kb.analytics.definitions import DEFINITION_VERSION
from kb.analytics.figures import TierCost
from kb.analytics.report import DateRange, Report
from kb.analytics.service import ReportParts, articles_of, report, report_beside
from kb.analytics.ticket_metrics import (
    TicketFigures,
    ticket_figures,
)
from kb.config.demo_marker import SAYS
from kb.database import Database
from kb.errors import NotFound
from kb.gaps import knowledge_cycle_store
from kb.gaps import service as gaps_service
from kb.gaps.export import gaps_table
from kb.gaps.knowledge_cycle import waits
from kb.gaps.knowledge_cycle_store import SearchesByDay, effects
from kb.reports.annotations import notes_in
from kb.reports.model import annotations_table
from kb.reports.tables import deflection as tables_deflection
from kb.reports.tables import searches as tables_searches
from kb.reports.tables.knowledge import cycle_tables
from kb.reports.tables.tickets import known_table, ticket_tables
from kb.table import Table
from kb.workbook import workbook

# -- Pages --


TOP_GAPS = 10
KNOWN_ANSWERS = "known-answers"


@dataclass(frozen=True, slots=True)
class ReportSource:
    """The inputs of pages: the database and the settings that figures depend on."""

    db: Database
    k: int
    retention: timedelta
    costs: Mapping[int, TierCost]


@dataclass(frozen=True, slots=True)
class PageTables:
    """A page's tables for a range, and the report that they were made from, if any."""

    tables: tuple[Table, ...]
    report: Report | None = None

    def table(self, key: str) -> Table:
        """Return the table of that key."""
        return next(table for table in self.tables if table.key == key)


@dataclass(frozen=True, slots=True)
class ReportPage:
    """One page: `key` names it in addresses; `tables` are the keys of its tables."""

    key: str
    title: str
    make: Callable[[ReportSource, DateRange, datetime], PageTables] = field(repr=False)
    tables: tuple[str, ...] = ()


def _deflection(source: ReportSource, span: DateRange, now: datetime) -> PageTables:
    parts = ReportParts(words=False, articles=False)
    found = report_beside(source.db, span, k=source.k, now=now, costs=source.costs, parts=parts)
    notes = annotations_table(notes_in(source.db, span))
    return PageTables((*tables_deflection.tables(found), notes), found)


def _searches(source: ReportSource, span: DateRange, now: datetime) -> PageTables:
    parts = ReportParts(articles=False, people=False)
    found = report(source.db, span, k=source.k, now=now, costs=source.costs, parts=parts)
    gaps = gaps_service.most_asked(source.db, TOP_GAPS, k=source.k)
    return PageTables((*tables_searches.tables(found), gaps_table(gaps)), found)


def _articles(source: ReportSource, span: DateRange, now: datetime) -> PageTables:
    del now
    return PageTables(tables_searches.article_tables(articles_of(source.db, span)))


def _tickets(source: ReportSource, span: DateRange, now: datetime) -> PageTables:
    found = tickets_tables(source.db, span, tuple(source.costs), now)
    return PageTables(tuple(table for table in found if table.key != KNOWN_ANSWERS))


def _knowledge(source: ReportSource, span: DateRange, now: datetime) -> PageTables:
    cycle = knowledge_tables(source.db, span, k=source.k, now=now, retention=source.retention)
    tickets = figures_of_tickets(source.db, span, tuple(source.costs), now)
    return PageTables((*cycle, known_table(tickets.periods)))


PAGES: dict[str, ReportPage] = {
    page.key: page
    for page in (
        ReportPage(
            "deflection",
            "Does self-service work?",
            _deflection,
            ("deflection", "days", "notes", "funnel", "holdout", "power", "populations",
             "windows", "formulas", "outcomes", "before", "outside"),
        ),
        ReportPage(
            "searches",
            "Searches that fail",
            _searches,
            ("searches", "failed-by-language", "failed-by-surface", "failed-by-device",
             "failed-by-collection", "failing-words", "top-gaps", "quality",
             "quality-over-time"),
        ),
        ReportPage("articles", "Articles that resolve", _articles, ("articles",)),
        ReportPage(
            "tickets",
            "Tickets",
            _tickets,
            ("tickets-by-origin", "tickets-by-tier", "ticket-shares", "ticket-times",
             "ticket-resolutions"),
        ),
        ReportPage(
            "knowledge",
            "From a gap to an answer",
            _knowledge,
            ("cycle-overall", "gap-waits", "gap-cycle", KNOWN_ANSWERS),
        ),
    )
}  # fmt: skip # a table, a row a page
TABLES: dict[str, str] = {table: page.key for page in PAGES.values() for table in page.tables}


def page_of(key: str) -> ReportPage:
    """Return the page of that key. Raises NotFound if there is none."""
    if key not in PAGES:
        raise NotFound(f"There is no report {key[:40]!r}.", f"Choose one of {', '.join(PAGES)}.")
    return PAGES[key]


def table_of(source: ReportSource, key: str, span: DateRange, now: datetime) -> Table:
    """Return one table for a range. Raises NotFound if there is none of that key."""
    if key not in TABLES:
        raise NotFound(f"There is no table {key[:40]!r}.", f"Choose one of {', '.join(TABLES)}.")
    return PAGES[TABLES[key]].make(source, span, now).table(key)


def every_table(source: ReportSource, span: DateRange, now: datetime) -> tuple[Table, ...]:
    """Return the tables of all pages."""
    return tuple(table for page in PAGES.values() for table in page.make(source, span, now).tables)


# -- Workbook of a page --


CODE = version("tier-zero")


def page_workbook(
    page: ReportPage,
    made: PageTables,
    span: DateRange,
    now: datetime,
    *,
    demonstration: bool = False,
) -> bytes:
    """Return the tables of a page as an XLSX file."""
    about = [
        ("Report", page.title),
        ("From", span.first.isoformat()),
        ("Until", span.last.isoformat()),
        ("Days", "UTC, both included"),
        ("Made at", now.isoformat(timespec="seconds")),
        ("Version of the definitions", str(DEFINITION_VERSION)),
        ("Version of the code", CODE),
    ]
    if demonstration:
        about.insert(0, ("Data", SAYS))
    return workbook(made.tables, about, made=now)


# -- Knowledge tables from the database --


def knowledge_tables(
    db: Database,
    span: DateRange,
    *,
    k: int,
    now: datetime,
    retention: timedelta,
    searches: SearchesByDay = searches_by_day,
) -> tuple[Table, ...]:
    """Return the tables on gaps that were answered, or first known, in the range. `k` and
    `retention` are settings; `searches` returns the number of all searches by UTC day.
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
    return cycle_tables(found, waits(known, now), k=k)


# -- Ticket tables from the database --


def figures_of_tickets(
    db: Database, span: DateRange, tiers: Collection[int], now: datetime
) -> TicketFigures:
    """Return the figures of the tickets created in the range."""
    with db.read() as connection:
        found = report_store.tickets_alike(connection, span.start, span.end)
    watched = (now - span.start).total_seconds()
    return ticket_figures(found, first=span.first, last=span.last, tiers=tiers, now=watched)


def tickets_tables(
    db: Database, span: DateRange, tiers: Collection[int], now: datetime
) -> tuple[Table, ...]:
    """Return the tables of /reports/tickets; `tiers` are the levels of the tiers."""
    return ticket_tables(figures_of_tickets(db, span, tiers, now), tiers)
