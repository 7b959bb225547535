"""Limits of several processes on one real database: what passes, what waits, what a fork leaves."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from kb.accounts import rate_limits_store
from kb.accounts.rate_limits import BATCH, Rate
from kb.accounts.rate_limits_store import RateLimits, unasked
from kb.database import Database
from kb.errors import StoreError
from kb.schema import rate_windows

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 2, 9, 0, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

BEGIN = """
import os, random, sys, threading
from datetime import UTC, datetime, timedelta
from kb.database import Database
from kb.accounts.rate_limits import Rate
from kb.accounts.rate_limits_store import RateLimits
NOW = datetime(2026, 3, 2, 9, 0, 5, tzinfo=UTC)
limits = RateLimits(Database(sys.argv[1]))
rate = Rate("search", int(sys.argv[2]), timedelta(minutes=1))
def ask(who="office"):
    return limits.take([(rate, who)], NOW).full is None
def settled():
    while limits.due:
        threading.Event().wait(0.002)
"""


def run(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a process that runs the code after BEGIN."""
    command = [sys.executable, "-c", BEGIN + textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def rows(database: Database) -> dict[str, int]:
    """Return the counts of the database by what is counted."""
    with database.read() as connection:
        found = connection.execute(sa.select(rate_windows.c.key, rate_windows.c["count"]))
        return {key.partition("/")[0]: count for key, count in found}


@pytest.mark.parametrize("limit", [3, 200])
def test_several_processes_let_through_the_limit_and_the_stated_error(
    database: Database, database_url: str, limit: int
) -> None:
    """flask-limiter#190, #256, estorides#38, slowapi#226: a count in memory is multiplied by the
    processes. Four of them, each settling in its own thread, with pauses of their own.
    """
    code = """
    random.seed(int(sys.argv[3]))
    print("ready", flush=True)
    sys.stdin.readline()
    passed = 0
    for _ in range(3 * rate.count):
        passed += ask()
        settled()  # the error is stated for a settlement that has come through
    print(passed)
    """
    processes = [run(code, database_url, limit, number) for number in range(4)]
    for each in processes:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in processes:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    passed = [int(each.communicate(timeout=60)[0]) for each in processes]
    assert limit <= sum(passed) <= limit + 3 * max(1, limit // 10)
    assert rows(database)["search"] <= sum(passed)


def test_a_process_that_starts_anew_learns_what_was_counted_before(database: Database) -> None:
    rate, passed = Rate("search", 50, MINUTE), 0
    for _ in range(6):  # started six times in one window
        limits = RateLimits(database)
        for _ in range(60):
            passed += limits.take([(rate, "office")], NOW).full is None
            limits.settle()
    assert 50 <= passed <= 50 + 5 * rate.share


def test_below_a_tenth_of_a_limit_nothing_is_written(database: Database) -> None:
    limits, rate = RateLimits(database), Rate("search", 60, MINUTE)
    for person in range(200):
        for _ in range(rate.share - 1):
            assert limits.take([(rate, f"person {person}")], NOW).full is None
    limits.settle()
    assert rows(database) == {}


def test_many_counts_are_settled_in_short_transactions(database: Database) -> None:
    limits, rate = RateLimits(database), Rate("search", 9, MINUTE)
    begun: list[int] = []
    limits._retry_at = float("inf")  # as while the database is away
    for person in range(2 * BATCH + 1):
        limits.take([(rate, f"person {person}")], NOW)
    sa.event.listen(database.engine, "checkout", lambda *_: begun.append(1))
    limits.settle()
    assert len(begun) == 3
    with database.read() as connection:
        found = connection.execute(sa.select(rate_windows.c["count"])).scalars().all()
    assert found == [1] * (2 * BATCH + 1)


def test_a_reader_uses_no_connection_of_the_database(database: Database) -> None:
    """Whatever is settled is settled by a thread of its own, which then ends."""
    users, ended = set(), threading.Event()
    note: Callable[..., None] = lambda *_: users.add(threading.current_thread().name)  # noqa: E731
    sa.event.listen(database.engine, "checkout", note)
    sa.event.listen(database.engine, "checkin", lambda *_: ended.set())
    limits, rate = RateLimits(database), Rate("search", 100, MINUTE)
    for _ in range(150):
        limits.take([(rate, "office")], NOW)
    assert ended.wait(20)
    for thread in [each for each in threading.enumerate() if each.name == "limits"]:
        thread.join(20)
    assert users == {"limits"}
    assert "limits" not in {each.name for each in threading.enumerate()}


def test_while_the_database_is_away_each_process_counts_by_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """cron-job.org#446, edictum-console#7: without its store a limit was none at all."""
    (tmp_path / "folder.db").mkdir()
    away = Database(f"sqlite:///{tmp_path / 'folder.db'}")
    clock = [0.0]
    limits, rate = RateLimits(away, clock=lambda: clock[0]), Rate("search", 20, MINUTE)
    found = [limits.take([(rate, "ann")], NOW).full is None for _ in range(30)]
    assert found == [True] * 20 + [False] * 10
    for thread in [each for each in threading.enumerate() if each.name == "limits"]:
        thread.join(20)
    assert caplog.text.count("counted by each process alone") == 1  # then it rests
    assert limits.due
    with pytest.raises(StoreError):
        limits.settle()


def test_it_settles_once_the_database_is_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, hasty = [0.0], rate_limits_store.hasty
    limits, rate = RateLimits(database, clock=lambda: clock[0]), Rate("search", 20, MINUTE)
    broken = sa.exc.OperationalError("", {}, Exception("gone"))
    monkeypatch.setattr(rate_limits_store, "hasty", lambda _db: (_ for _ in ()).throw(broken))
    for _ in range(5):
        limits.take([(rate, "ann")], NOW)
    _wait_for_thread()
    monkeypatch.setattr(rate_limits_store, "hasty", hasty)
    clock[0] += rate_limits_store.REST_S
    limits.take([(rate, "ann")], NOW)
    _wait_for_thread()
    assert rows(database) == {"search": 6}


def _wait_for_thread() -> None:
    for thread in [each for each in threading.enumerate() if each.name == "limits"]:
        thread.join(20)


def test_letters_are_counted_exactly_or_not_sent(database: Database, tmp_path: Path) -> None:
    limits, letters = RateLimits(database), unasked(3)
    found = [limits.wait(letters, "ann@example.org", NOW) for _ in range(5)]
    assert found[:3] == [0, 0, 0]
    assert all(1 <= wait <= 86400 for wait in found[3:])
    assert limits.wait(unasked(3, "reset"), "ann@example.org", NOW) == 0
    (tmp_path / "folder.db").mkdir()
    away = RateLimits(Database(f"sqlite:///{tmp_path / 'folder.db'}"))
    with pytest.raises(StoreError, match="cannot be counted"):
        away.wait(letters, "ann@example.org", NOW)


def test_old_windows_and_those_of_a_clock_that_was_ahead_are_forgotten(database: Database) -> None:
    limits, rate, letters = RateLimits(database), Rate("search", 1, MINUTE), unasked(3)
    for hours in (-60, -2, 0, 2, 60):
        at = NOW + timedelta(hours=hours)
        limits.take([(rate, "ann")], at)
        limits.settle()
        limits.wait(letters, "ann", at)
    with database.read() as connection:
        assert len(connection.execute(sa.select(rate_windows)).all()) == 8
    limits.purge(NOW)
    with database.read() as connection:
        kept = connection.execute(sa.select(rate_windows.c.key)).scalars().all()
    assert sorted(key[:7] for key in kept) == ["letters", "search/"]


def test_a_forked_process_counts_and_settles_although_its_parent_was_at_it(
    database: Database, database_url: str
) -> None:
    """gunicorn makes the parts of the site before it forks its workers. Here the parent has settled
    before, and goes on counting while it forks.
    """
    code = """
    for _ in range(rate.count // 10):
        ask("parent")
    settled()
    limits._db.engine.dispose()
    wide = Rate("search", 10**9, timedelta(minutes=1))
    def busy():
        while True:
            limits.take([(wide, "parent")], NOW)
    threading.Thread(target=busy, daemon=True).start()
    for child in range(20):
        if not (pid := os.fork()):
            for _ in range(rate.count // 10):
                assert ask(f"child {child}")
            settled()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    print("done", flush=True)
    os._exit(0)
    """
    process = run(code, database_url, 100)
    assert process.communicate(timeout=60)[0] == "done\n"
    with database.read() as connection:
        found = connection.execute(sa.select(rate_windows.c["count"])).scalars().all()
    assert found == [10] * 21
