"""Days counted while others write: nothing is counted from two states, nobody waits for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from kb.analytics import daily_counts_store
from kb.analytics.daily_counts import DailyTally, number_of
from kb.analytics.daily_counts_store import days_of
from kb.analytics.jobs import close_episodes, rebuild
from kb.database import Database
from kb.schema import report_days
from kb.tracking.events import Event
from kb.tracking.store import put_all

Did = Callable[..., Event]


@dataclass(frozen=True, slots=True)
class Spans:
    """The two settings that closing reads."""

    episode_gap: timedelta = timedelta(minutes=30)
    outcome_window: timedelta = timedelta(hours=24)


EARLY, LATE = date(2025, 3, 9), date(2025, 3, 10)


def test_a_reader_sees_one_state_throughout(database: Database) -> None:
    """Several statements make one report; what is written between them is not half in it."""
    with database.begin() as connection:
        daily_counts_store.touch(connection, [EARLY])
    with database.read() as connection:
        before = len(daily_counts_store.stale(connection))
        with database.begin() as other:
            daily_counts_store.touch(other, [LATE])
        assert len(daily_counts_store.stale(connection)) == before
    with database.read() as connection:
        assert len(daily_counts_store.stale(connection)) == before + 1


def test_a_day_that_changed_while_it_was_counted_is_not_kept(
    database: Database, noon: datetime, did: Did
) -> None:
    """Somebody erased meanwhile must not come back with counts of before."""
    put_all(database, [did("search", 0, words="vpn", visitor="v1")])
    close_episodes(database, Spans(), noon + timedelta(days=3))
    with database.begin() as connection:
        daily_counts_store.touch(connection, [LATE])
    with database.read() as connection:
        (waiting,) = daily_counts_store.stale(connection)
        counted = days_of(connection, LATE, LATE)
    with database.begin() as connection:
        daily_counts_store.forget_visitors(connection, ["v1"])
    with database.begin() as connection:
        daily_counts_store.keep(connection, waiting, counted[LATE], now=noon)
    with database.read() as connection:
        row = connection.execute(sa.select(report_days)).one()
        assert number_of("v1").to_bytes(8, "little") not in (row.people or b"")
        assert [one.day for one in daily_counts_store.stale(connection)] == [LATE]


def test_marking_every_day_waits_in_order_of_time(database: Database) -> None:
    """Two writers that mark several days never wait for each other, however rows lie on disk."""
    with database.begin() as connection:
        daily_counts_store.touch(connection, [LATE])
    with database.begin() as connection:
        daily_counts_store.touch(connection, [EARLY])
    failed: list[Exception] = []

    def mark_all() -> None:
        try:
            with database.begin() as connection:
                daily_counts_store.touch_all(connection)
        except Exception as problem:  # told to the test
            failed.append(problem)

    other = threading.Thread(target=mark_all)
    with database.begin() as connection:
        daily_counts_store.touch(connection, [EARLY])
        other.start()
        _until_it_waits(database)
        daily_counts_store.touch(connection, [LATE])
    other.join()
    assert failed == []
    with database.read() as connection:
        assert [one.marks for one in daily_counts_store.stale(connection)] == [3, 3]


def _until_it_waits(database: Database) -> None:
    """Return when a transaction waits for a lock; SQLite's waits from its first statement on."""
    waiting = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    while database.dialect == "postgresql":
        with database.read() as connection:
            if connection.scalar(waiting):
                return
        time.sleep(0.01)


def test_counts_of_an_unchanged_day_are_kept(database: Database, noon: datetime) -> None:
    with database.begin() as connection:
        daily_counts_store.touch(connection, [LATE])
        (waiting,) = daily_counts_store.stale(connection)
        daily_counts_store.keep(connection, waiting, DailyTally(), now=noon)
        assert daily_counts_store.stale(connection) == []


def test_a_rebuild_beside_a_worker_finds_no_difference(
    database: Database, noon: datetime, did: Did
) -> None:
    """What a worker changes while all is counted anew is no fault of the counts."""
    put_all(database, [did("search", 0, words="vpn")])
    now = noon + timedelta(days=3)
    close_episodes(database, Spans(), now)

    def meanwhile(what: str, _done: int, _all: int) -> None:
        if what == "days":
            with database.begin() as connection:
                daily_counts_store.touch(connection, [LATE])

    found = rebuild(database, Spans(), now, since=noon - timedelta(days=30), progress=meanwhile)
    assert (found.rows, found.days_differ) == (0, 0)
    close_episodes(database, Spans(), now)
    with database.read() as connection:
        assert daily_counts_store.stale(connection) == []
