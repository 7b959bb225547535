"""The pages of the report, each as its tables.

Promises that a page, its files, the API and the command line show the same tables. Knows where each
comes from and no figure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kb.analytics.figures import TierCost
from kb.analytics.report import DateRange, Report
from kb.analytics.service import ReportParts, articles_of, report, report_beside
from kb.database import Database
from kb.errors import NotFound
from kb.gaps import service as gaps_service
from kb.gaps.cycle.reporting import knowledge_tables
from kb.gaps.export import gaps_table
from kb.insight.notes.note import notes_table
from kb.insight.notes.noting import notes_in
from kb.insight.tables import deflection, searches
from kb.insight.tickets.reporting import tickets_tables
from kb.table import Table

TOP_GAPS = 10
KNOWN_ANSWERS = "known-answers"


@dataclass(frozen=True, slots=True)
class Source:
    """What pages are made from: the database and the settings that figures depend on."""

    db: Database
    k: int
    retention: timedelta
    costs: Mapping[int, TierCost]


@dataclass(frozen=True, slots=True)
class Made:
    """A page's tables for a range, and the report that they come from where there is one."""

    tables: tuple[Table, ...]
    report: Report | None = None

    def table(self, key: str) -> Table:
        """Return one of the tables."""
        return next(table for table in self.tables if table.key == key)


@dataclass(frozen=True, slots=True)
class Page:
    """One page: `key` names it in addresses; `tables` are the keys of its tables."""

    key: str
    title: str
    make: Callable[[Source, DateRange, datetime], Made] = field(repr=False)
    tables: tuple[str, ...] = ()


def _deflection(source: Source, span: DateRange, now: datetime) -> Made:
    parts = ReportParts(words=False, articles=False)
    found = report_beside(source.db, span, k=source.k, now=now, costs=source.costs, parts=parts)
    notes = notes_table(notes_in(source.db, span))
    return Made((*deflection.tables(found), notes), found)


def _searches(source: Source, span: DateRange, now: datetime) -> Made:
    parts = ReportParts(articles=False, people=False)
    found = report(source.db, span, k=source.k, now=now, costs=source.costs, parts=parts)
    gaps = gaps_service.most_asked(source.db, TOP_GAPS, k=source.k)
    return Made((*searches.tables(found), gaps_table(gaps)), found)


def _articles(source: Source, span: DateRange, now: datetime) -> Made:
    del now
    return Made(searches.article_tables(articles_of(source.db, span)))


def _tickets(source: Source, span: DateRange, now: datetime) -> Made:
    found = tickets_tables(source.db, span, tuple(source.costs), now)
    return Made(tuple(table for table in found if table.key != KNOWN_ANSWERS))


def _knowledge(source: Source, span: DateRange, now: datetime) -> Made:
    cycle = knowledge_tables(source.db, span, k=source.k, now=now, retention=source.retention)
    tickets = tickets_tables(source.db, span, tuple(source.costs), now)
    return Made((*cycle, *(table for table in tickets if table.key == KNOWN_ANSWERS)))


PAGES: dict[str, Page] = {
    page.key: page
    for page in (
        Page(
            "deflection",
            "Does self-service work?",
            _deflection,
            ("deflection", "days", "notes", "funnel", "holdout", "power", "populations",
             "windows", "formulas", "outcomes", "before", "outside"),
        ),
        Page(
            "searches",
            "Searches that fail",
            _searches,
            ("searches", "failed-by-language", "failed-by-surface", "failed-by-device",
             "failed-by-collection", "failing-words", "top-gaps", "quality",
             "quality-over-time"),
        ),
        Page("articles", "Articles that resolve", _articles, ("articles",)),
        Page(
            "tickets",
            "Tickets",
            _tickets,
            ("tickets-by-origin", "tickets-by-tier", "ticket-shares", "ticket-times",
             "ticket-resolutions"),
        ),
        Page(
            "knowledge",
            "From a gap to an answer",
            _knowledge,
            ("cycle-overall", "gap-waits", "gap-cycle", KNOWN_ANSWERS),
        ),
    )
}  # fmt: skip
TABLES: dict[str, str] = {table: page.key for page in PAGES.values() for table in page.tables}


def page_of(key: str) -> Page:
    """Return the page of that name; NotFound when there is none."""
    if key not in PAGES:
        raise NotFound(f"There is no report {key[:40]!r}.", f"Choose one of {', '.join(PAGES)}.")
    return PAGES[key]


def table_of(source: Source, key: str, span: DateRange, now: datetime) -> Table:
    """Return one table of a range; NotFound when there is none of that name."""
    if key not in TABLES:
        raise NotFound(f"There is no table {key[:40]!r}.", f"Choose one of {', '.join(TABLES)}.")
    return PAGES[TABLES[key]].make(source, span, now).table(key)


def every_table(source: Source, span: DateRange, now: datetime) -> tuple[Table, ...]:
    """Return the tables of all pages."""
    return tuple(table for page in PAGES.values() for table in page.make(source, span, now).tables)
