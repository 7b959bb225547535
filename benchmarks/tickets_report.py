"""How long the tables on tickets take for a year of them.

    python -m benchmarks.tickets_report [--tickets 100000] [--database URL]

Fills an empty database (a temporary SQLite file unless a URL is given) with generated tickets of
366 days, about five events each with texts of usual length, then prints the tickets, the events,
and the medians of five runs in ms, by the clock and of this process: of reading the rows, and of
all tables. Seeded.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import sqlalchemy as sa

from kb.analytics.report import DateRange
from kb.analytics.report_store import tickets_alike
from kb.analytics.ticket_metrics import RESOLUTIONS
from kb.database import Database
from kb.reports.pages import tickets_tables
from kb.schema import ticket_events, tickets
from kb.tickets.model import TicketEvent
from kb.tickets.transitions import COLUMNS, answers, counted

FIRST, DAYS = date(2025, 1, 1), 366
START = datetime(2025, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=DAYS + 1)
TEXT = "Please try the steps in the article, then tell us whether the connection holds. " * 4
BATCH, RUNS = 5000, 5
TIERS = (1, 2, 3, 4)


def lives(count: int, seed: int = 7) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield tickets with their events as rows."""
    chance = random.Random(seed)
    moments = sorted(chance.random() * DAYS * 86400 for _ in range(count))
    for number, moment in enumerate(moments):
        created = START + timedelta(seconds=moment)
        ident, tier, at = str(uuid.UUID(int=chance.getrandbits(128))), 1, created
        told = [_event(ident, at, "opened", by="asked", tier=1)]
        while chance.random() < 0.3 and tier < TIERS[-1]:
            at += timedelta(minutes=15)
            by = {"by": "agent", "agent_id": "a"} if chance.random() < 0.5 else {}
            told.append(_event(ident, at, "escalated", **by, **{"from": tier, "to": tier + 1}))
            tier += 1
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            at += timedelta(seconds=chance.expovariate(1 / 7200))
            told.append(_event(ident, at, "answered", by="agent", text=TEXT, waiting=True))
            at += timedelta(seconds=chance.expovariate(1 / 20000))
            told.append(_event(ident, at, "replied", by="requester", text=TEXT, reopened=False))
        done, kind = chance.random() < 0.95, chance.choice(RESOLUTIONS)
        if done:
            told.append(_event(ident, at, "resolved", by="agent", resolution=kind, text=""))
        row = _ticket(ident, number, created, at, tier, kind if done else "")
        yield row | _sums(told), told


def _sums(told: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the totals of the events, which the desk stores with each of them."""
    sums: Counter[str] = Counter(dict.fromkeys(COLUMNS - {"answered_at"}, 0))
    answered = None
    for row in told:
        event = TicketEvent(row["at"], row["kind"], row["actor"], row["public"], row["data"])
        sums.update(counted(event))
        answered = event.at if answered is None and answers(event) else answered
    return {**sums, "answered_at": answered}


def _event(ticket: str, at: datetime, kind: str, **data: Any) -> dict[str, Any]:
    row = {"ticket_id": ticket, "at": at, "kind": kind, "actor": "Ada", "public": True}
    return row | {"data": data}


def _ticket(
    ident: str, number: int, created: datetime, at: datetime, tier: int, resolution: str
) -> dict[str, Any]:
    return {
        "id": ident, "number": 1001 + number, "origin": "asked", "need_key": ident,
        "open_need_key": None, "words_key": "vpn", "subject": "VPN drops", "body": TEXT,
        "status": "resolved" if resolution else "open", "tier": tier, "tier_since": created,
        "requester_name": "Ann", "requester_email": "ann@example.com", "link_digest": ident,
        "language": "en", "trail": {}, "resolution": resolution,
        "resolution_article": "", "created_at": created, "updated_at": at,
        "resolved_at": at if resolution else None, "version": 1,
    }  # fmt: skip


def fill(db: Database, count: int) -> int:
    """Insert the tickets; return how many events they have."""
    waiting: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    total = 0
    for life in lives(count):
        waiting.append(life)
        if len(waiting) == BATCH:
            total += _insert(db, waiting)
            waiting = []
    return total + (_insert(db, waiting) if waiting else 0)


def _insert(db: Database, some: list[tuple[dict[str, Any], list[dict[str, Any]]]]) -> int:
    told = [event for _, events in some for event in events]
    with db.begin() as connection:
        connection.execute(sa.insert(tickets), [ticket for ticket, _ in some])
        connection.execute(sa.insert(ticket_events), told)
    return len(told)


def timed(work: Callable[[], object]) -> str:
    """Return the median times of the runs: by the clock, and of this process."""
    clock, own = [], []
    for _ in range(RUNS):
        began, worked = perf_counter(), process_time()
        work()
        clock.append((perf_counter() - began) * 1000)
        own.append((process_time() - worked) * 1000)
    return f"{median(clock):7.0f} ms by the clock {median(own):7.0f} ms of this process"


def main() -> int:
    """Fill, measure and print; return 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--tickets", type=int, default=100_000)
    parser.add_argument("--database", default="")
    given = parser.parse_args()
    span = DateRange(FIRST, FIRST + timedelta(days=DAYS - 1))
    with tempfile.TemporaryDirectory() as folder:
        db = Database(given.database or f"sqlite:///{Path(folder) / 'record.db'}")
        db.migrate()
        events = fill(db, given.tickets)
        with db.begin() as connection:
            connection.execute(sa.text("ANALYZE"))

        def rows() -> None:
            with db.read() as connection:
                tickets_alike(connection, span.start, span.end)

        print(f"{db.dialect}: {given.tickets} tickets, {events} events, {DAYS} days")
        print(f"rows   {timed(rows)}")
        print(f"tables {timed(lambda: tickets_tables(db, span, TIERS, NOW))}")
        db.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
