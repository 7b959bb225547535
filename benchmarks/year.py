"""A year of ten million events: how long it takes to count, to open, and how much disk it needs.

    python -m benchmarks.year build --database URL [--events 10000000] [--days 366]
    python -m benchmarks.year grow --database URL
    python -m benchmarks.year open --database URL
    python -m benchmarks.year prove --database URL

URL is sqlite:////folder/year.db or postgresql://... of an empty database. `build` puts the events
of one day after the other and lets the worker's round judge and count each, a day later, as a site
does that runs all year. `grow` fills the rest of the year with copies of those days, moved in time,
with ids and visitors of their own, and counts every day, for days that are lived take hours. `open`
opens the pages of a report over the year in a fresh process. `prove` judges the last days, 90 as
the retention is, anew from the raw events, counts every day anew and says what differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Any

import sqlalchemy as sa

from benchmarks.children import peak
from kb.analytics.daily_counts_store import bring_up_to_date, touch, touch_all
from kb.analytics.jobs import close_episodes, rebuild
from kb.config.settings import load
from kb.database import Database
from kb.errors import InvalidInput
from kb.schema import events

START = datetime(2025, 1, 1, tzinfo=UTC)
ARTICLES, QUESTIONS, ACCOUNTS = 1_000, 50_000, 5_000
COLLECTIONS = [f"collection-{n}" for n in range(12)]
DEVICES = ["computer"] * 6 + ["phone"] * 3 + ["tablet"]
REASONS = ["not-my-problem", "did-not-work", "hard-to-follow", "out-of-date"]
ROUNDS = 5
PASSWORD = "a long enough password"
PAGES = ("/reports/", "/reports/searches", "/reports/articles", "/reports/tickets",
         "/reports/knowledge")  # fmt: skip

Row = dict[str, Any]


class Year:
    """Made-up days: four visitors in five are anonymous, the others come back all year."""

    def __init__(self, per_day: int, seed: int = 11) -> None:
        self._chance = random.Random(seed)
        self._per_day = per_day
        self._made = 0
        keys = (hashlib.sha256(f"question {n}".encode()).hexdigest() for n in range(QUESTIONS))
        self._questions = [(f"question {n}", key) for n, key in enumerate(keys)]

    def day(self, number: int) -> Iterator[Row]:
        """Yield the events of one day, visitor by visitor."""
        begin, wanted, visit = START + timedelta(days=number), self._per_day, 0
        while wanted > 0:
            rows = list(self._visit(begin, f"{number}.{visit}"))
            wanted -= len(rows)
            visit += 1
            yield from rows

    def _visit(self, begin: datetime, name: str) -> Iterator[Row]:
        c = self._chance
        known = c.random() < 0.2
        account = f"account-{c.randrange(ACCOUNTS)}" if known else None
        who = hashlib.sha256((account or name).encode()).hexdigest()[:32]
        at = begin + timedelta(seconds=c.randrange(86_400 - 1_800))
        for _ in range(c.choice((1, 1, 1, 2, 2, 3))):
            search, fails = self._id(), c.random() < 0.15
            words, key = self._questions[int(QUESTIONS * c.random() ** 3)]
            yield self._row("search", at, who, account, id=search, search_id=search, words=words,
                            words_key=key, data=self._search(fails))  # fmt: skip
            at += timedelta(seconds=c.randrange(3, 40))
            if fails or c.random() < 0.2:
                continue
            article = f"collection/article-{int(ARTICLES * c.random() ** 2)}"
            about = {"search_id": search, "article": article}
            yield self._row(
                "click", at, who, account, **about, data={"rank": c.choice((1, 1, 2, 5))}
            )
            yield self._row("view", at, who, account, **about)
            at += timedelta(seconds=c.randrange(4, 200))
            yield self._row(
                "dwell", at, who, account, **about, data={"seconds": c.randrange(2, 190)}
            )
            if c.random() < 0.1:
                down = c.random() < 0.3
                reason = c.choice(REASONS) if down else ""
                yield self._row("vote", at, who, account, **about,
                                data={"helpful": not down, "reason": reason})  # fmt: skip
        if c.random() < 0.08:
            yield self._row("form_opened", at, who, account)
            arm = "held_out" if c.random() < 0.1 else "shown"
            yield self._row("holdout", at, who, account, data={"arm": arm, "share": 10})
            if c.random() < 0.5:
                data = {"number": 1, "origin": "asked"}
                yield self._row(
                    "ticket_created", at + timedelta(seconds=90), who, account, data=data
                )
        if c.random() < 0.05:
            yield self._row("survey_shown", at, who, account)
            if c.random() < 0.4:
                found = c.random() < 0.6
                yield self._row("survey_answered", at, who, account, data={"found": found})

    def _search(self, fails: bool) -> Row:
        c = self._chance
        return {
            "mode": "hybrid", "total": 0 if fails and c.random() < 0.1 else 20,
            "answerable": not fails, "language": c.choice(("en", "en", "de", "es")),
            "surface": c.choice(("page", "page", "page", "suggest", "form", "api")),
            "device": c.choice(DEVICES), "collection": c.choice(COLLECTIONS),
            "ms": round(c.lognormvariate(3, 0.6), 1), "hits": [], "filters": {},
        }  # fmt: skip

    def _id(self) -> str:
        self._made += 1
        return f"{self._made:032x}"

    def _row(self, kind: str, at: datetime, who: str, account: str | None, **more: Any) -> Row:
        usual = dict.fromkeys(("search_id", "article", "words", "words_key"))
        return usual | {"id": self._id(), "at": at, "kind": kind, "visitor": who,
                        "user_id": account, "left_out": "", "data": {}} | more  # fmt: skip


def build(db: Database, total: int, days: int) -> None:
    """Write a year of events, running the worker's round after each day."""
    db.migrate()
    settings, year = load({}), Year(total // days)
    put = judged = 0.0
    count = 0
    for number in range(days):
        rows = list(year.day(number))
        begun = perf_counter()
        with db.begin() as connection:
            connection.execute(sa.insert(events), rows)
        put += perf_counter() - begun
        begun = perf_counter()
        now = START + timedelta(days=number + 2, hours=1)  # all waiting times are over
        close_episodes(db, settings, now)
        judged += perf_counter() - begun
        count += len(rows)
        if number % 10 == 9 or number == days - 1:
            took = f"put in {put:.0f} s, judged and counted in {judged:.0f} s"
            print(f"day {number + 1}: {count} events, {took}", flush=True)
    print(f"events: {count}; {judged / days:.1f} s a day to judge and count; peak {peak():.0f} MB")
    disk(db)


COPIED = {
    "events": ("id", "at", "kind", "visitor", "user_id", "search_id", "article", "words",
               "words_key", "left_out", "data"),
    "episodes": ("id", "visitor", "user_id", "started_at", "ended_at", "outcome", "ended",
                 "closed", "unresolved", "policy", "definition", "data"),
    "failed_searches": ("search_id", "episode_id", "at", "visitor", "failure", "words",
                        "words_key", "language", "definition"),
}  # fmt: skip
NAMES = {"id", "search_id", "episode_id"}
TIMES = {"at", "started_at", "ended_at"}


def grow(db: Database, total_days: int) -> None:
    """Copy the simulated days until the year is full, then count all days."""
    db.migrate()
    with db.read() as connection:
        lived = connection.scalar(sa.text("SELECT count(*) FROM report_days"))
    begun = perf_counter()
    for copy in range(1, -(-total_days // lived)):
        days = min(lived, total_days - copy * lived)
        end = (START + timedelta(days=days)).isoformat(timespec="microseconds")
        with db.begin() as connection:
            for table, columns in COPIED.items():
                time = "started_at" if table == "episodes" else "at"
                given = ", ".join(_moved(db, name, copy, lived) for name in columns)
                connection.execute(sa.text(
                    f"INSERT INTO {table} ({', '.join(columns)}) SELECT {given} FROM {table} "
                    f"WHERE {time} < :end"), {"end": end})  # fmt: skip
            touch(connection, (START.date() + timedelta(days=copy * lived + n)
                               for n in range(days)))  # fmt: skip
        print(f"copy {copy} of {lived} lived days: {perf_counter() - begun:.0f} s", flush=True)
    with db.begin() as connection:
        touch_all(connection)
    begun = perf_counter()
    counted = bring_up_to_date(db, START + timedelta(days=total_days + 1))
    took = perf_counter() - begun
    print(f"{counted} days counted in {took:.0f} s, {took / counted:.2f} s a day")
    disk(db)


def _moved(db: Database, name: str, copy: int, lived: int) -> str:
    """Return the SQL of a column's value in a copy of the simulated days."""
    if name in NAMES:
        return f"'x{copy}' || substr({name}, 3)"
    if name == "visitor":
        return f"'x{copy}' || substr(visitor, 3)"
    if name in TIMES and db.dialect == "sqlite":
        return f"date(substr({name}, 1, 10), '+{copy * lived} days') || substr({name}, 11)"
    return f"{name} + interval '{copy * lived} days'" if name in TIMES else name


def disk(db: Database) -> None:
    """Print how much disk each table needs, its indexes included."""
    names = ("events", "episodes", "failed_searches", "report_days", "article_days")
    with db.read() as connection:
        for name in names:
            rows = connection.scalar(sa.text(f"SELECT count(*) FROM {name}"))
            if db.dialect == "postgresql":
                size = connection.scalar(sa.text(f"SELECT pg_total_relation_size('{name}')"))
            else:
                size = connection.scalar(
                    sa.text("SELECT sum(pgsize) FROM dbstat WHERE name IN (SELECT name FROM "
                            "sqlite_master WHERE tbl_name = :name)"), {"name": name}
                )  # fmt: skip
            print(f"{name}: {rows} rows, {(size or 0) / 1e6:.1f} MB")


def open_pages(url: str, days: int) -> None:
    """Open the pages of a report over the year, signed in as a lead."""
    from kb.accounts.roles import Role
    from kb.app import create_app
    from kb.publishing.publisher import publish
    from kb.services import build as parts_of
    from search.semantic.encoder import silent

    with tempfile.TemporaryDirectory() as folder:
        settings = load({"KB_DATA": folder, "KB_DATABASE_URL": url, "KB_SEMANTIC": "off"})
        publish(settings, progress=silent, now=datetime.now(UTC))
        parts = parts_of(settings)
        parts.db.migrate()
        with suppress(InvalidInput):  # exists from an earlier run
            parts.accounts.add("lead@example.org", PASSWORD, name="", role=Role.LEAD, now=START)
        client = create_app(settings).test_client()
        form = {"email": "lead@example.org", "password": PASSWORD}
        client.post("/sign-in", data=form, headers={"Sec-Fetch-Site": "same-origin"})
        last = START + timedelta(days=days - 1)
        asked = {"from": START.date().isoformat(), "until": last.date().isoformat()}
        for page in PAGES:
            times = []
            for _ in range(ROUNDS):
                begun = perf_counter()
                answer = client.get(page, query_string=asked)
                times.append(perf_counter() - begun)
            print(json.dumps({"page": page, "status": answer.status_code, "days": days,
                              "first_s": round(times[0], 3), "median_s": round(median(times), 3),
                              "longest_s": round(max(times), 3),
                              "kb": round(len(answer.data) / 1000)}), flush=True)  # fmt: skip


def _tell(what: str, done: int, total: int) -> None:
    if done % 5_000 == 0:
        print(what, done, total, flush=True)


def prove(db: Database, days: int, last: int) -> None:
    """Judge the `last` days anew from the raw events, count all days anew, print what differs."""
    begun = perf_counter()
    now = START + timedelta(days=days + 1, hours=1)
    since = START + timedelta(days=days - last)
    done = rebuild(db, load({}), now, since=since, progress=_tell)
    print(f"{done}; {perf_counter() - begun:.0f} s; peak {peak():.0f} MB")


def main() -> int:
    """Run the named part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("build", "grow", "open", "prove", "disk"))
    parser.add_argument("--database", required=True)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=366)
    parser.add_argument("--last", type=int, default=90, help="days that `prove` judges anew")
    given = parser.parse_args()
    if given.what == "open":
        open_pages(given.database, given.days)
        return 0
    db = Database(given.database)
    if given.what == "build":
        build(db, given.events, given.days)
    elif given.what == "grow":
        grow(db, given.days)
    elif given.what == "disk":
        disk(db)
    else:
        prove(db, given.days, given.last)
    return 0


if __name__ == "__main__":
    sys.exit(main())
