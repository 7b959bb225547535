"""Two weeks of a site's life, so that a digest has something in every table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kb.accounts.store import Accounts
from kb.analytics.jobs import close_episodes
from kb.config.settings import load
from kb.database import Database
from kb.gaps.jobs import Grouping
from kb.reports.digest.content import Week
from kb.reports.digest.jobs import Weekly
from kb.schema import metadata
from kb.tracking.events import Event, EventKind
from kb.tracking.query_text import words_key
from kb.tracking.store import put_all

WEEK = Week.parse("2026-W10")
TUESDAY = datetime(2026, 3, 10, 6, tzinfo=UTC)  # when that week's digest is due
HOSTILE = '<img src="https://elsewhere.example/x.png" onerror="alert(1)">'
WORDS = f"printer says {HOSTILE}"
TITLES = {"vpn/connect": f"Connect to the VPN {HOSTILE}"}


def event(kind: str, at: datetime, visitor: str, **more: Any) -> Event:
    """Return an event; a search's own id is made of who and when."""
    number = f"{kind[:6]}{visitor}{at:%d%H%M%S}"
    fields = {name: more.pop(name, None) for name in ("search_id", "article")}
    words = more.pop("words", None)
    if kind == "search":
        more = {"total": 0, "answerable": False, "language": "en", "surface": "page"} | more
        fields["search_id"] = number
    key = words_key(words) if words is not None else None
    return Event(number, at, EventKind(kind), visitor, words=words, words_key=key,
                 left_out="", data=more, **fields)  # fmt: skip


def lived(monday: datetime, people: int) -> list[Event]:
    """Return a week: by turns solved, silent, silent and asked, failed, failed and a ticket."""
    made = []
    for number in range(people):
        who, at = f"p{monday:%d}-{number}", monday + timedelta(minutes=150 * number)
        after = [at + timedelta(seconds=each) for each in (5, 40, 90)]
        read = [event("view", after[0], who, article="vpn/connect"),
                event("dwell", after[1], who, article="vpn/connect", seconds=35)]  # fmt: skip
        if number % 5 == 0:
            made += [*read, event("solved", after[2], who, article="vpn/connect")]
        elif number % 5 in (1, 2):
            made += [*read, event("survey_shown", after[1], who, article="vpn/connect")]
            found = number % 3 > 0
            made.append(event("survey_answered", after[2], who, found=found))
        elif number % 5 == 3:
            made.append(event("search", at, who, words=WORDS))
        else:
            made += [event("search", at, who, words="my badge opens no door"), *read]
            made.append(event("ticket_created", after[2], who, number=number, origin="asked"))
    return made


Rows = dict[sa.Table, list[dict[str, Any]]]


@pytest.fixture(scope="session")
def fill() -> Callable[..., None]:
    """Return a function that records two weeks in an empty database, judges and groups them; what
    that left in one of each kind is copied into others.
    """
    left: dict[tuple[str, datetime], Rows] = {}

    def filled(database: Database, now: datetime = TUESDAY) -> None:
        key = database.dialect, now
        if key in left:
            put_rows(database, left[key])
            return
        monday = WEEK.span.start
        put_all(database, lived(monday - timedelta(days=7), 55) + lived(monday, 60))
        close_episodes(database, load({}), now)
        Grouping(database, lambda: None, k=5).run(now)
        left[key] = all_rows(database)

    return filled


def all_rows(database: Database) -> Rows:
    """Return every row of the tables that hold any."""
    with database.read() as connection:
        found = {
            table: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            for table in metadata.sorted_tables
        }
    return {table: rows for table, rows in found.items() if rows}


def put_rows(database: Database, rows: Rows) -> None:
    """Insert the rows, and let PostgreSQL count on from them."""
    with database.begin() as connection:
        for table, those in rows.items():
            connection.execute(sa.insert(table), those)
            if "seq" in table.c and database.dialect == "postgresql":
                last = sa.func.pg_get_serial_sequence(table.name, "seq")
                newest = max(row["seq"] for row in those)
                connection.execute(sa.select(sa.func.setval(last, newest)))


@pytest.fixture
def weekly(database: Database) -> Weekly:
    """Return what writes digests over an empty record of each kind of database."""
    return Weekly(
        db=database,
        accounts=Accounts(database),
        titles=lambda: TITLES,
        costs={},
        addresses=("lead@example.org", "list@example.com"),
        waits=timedelta(hours=24, minutes=30),
        k=5,
        site="Help & <desk>",
        site_url="https://help.example.org/",
    )
