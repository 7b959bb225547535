"""Threads that wait for SQLite's lock: few at a time, not long, and readers never."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from kb import database as database_module
from kb.database import Database
from kb.errors import StoreError


@pytest.fixture
def page_database(tmp_path: Path) -> Iterator[Database]:
    """Return a database as a web process has it: two threads may wait at a time."""
    made = Database(f"sqlite:///{tmp_path / 'record.db'}", wait_s=30.0, crowd=2)
    with made.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a)")
    yield made
    made.close()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    holder = sqlite3.connect(folder / "record.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()


def write(database: Database, results: list[str] | None = None) -> None:
    try:
        with database.begin() as connection:
            connection.exec_driver_sql("INSERT INTO t VALUES (1)")
    except StoreError as refused:
        if results is None:
            raise
        results.append(refused.message)
    else:
        (results if results is not None else []).append("")


def test_the_third_that_waits_is_refused_while_two_wait_on(
    tmp_path: Path, page_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """slskd/slskd#1830: writers that queued for a lock left no thread for anybody else."""
    monkeypatch.setattr(database_module, "CROWDED_S", 0.0)
    results: list[str] = []
    with locked(tmp_path):
        patient = [threading.Thread(target=write, args=(page_database, results)) for _ in range(2)]
        for thread in patient:
            thread.start()
        while page_database._queue._waiting < 2:
            pass
        with pytest.raises(StoreError, match="locked"):
            write(page_database)
        assert all(thread.is_alive() for thread in patient)
        with page_database.read() as connection:  # readers never wait for them
            assert connection.scalar(sa.text("SELECT count(*) FROM t")) == 0
    for thread in patient:
        thread.join()
    assert results == ["", ""]


def test_a_caller_may_wait_less_and_a_lock_that_is_given_up_is_forgotten(
    tmp_path: Path, page_database: Database
) -> None:
    with (
        locked(tmp_path),
        pytest.raises(StoreError, match="locked"),
        page_database.begin(wait_s=0.0),
    ):
        pass
    for _ in range(3):
        write(page_database)
    with page_database.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM t")) == 3
        assert connection.scalar(sa.text("PRAGMA busy_timeout")) == 30_000


def test_healthy_writers_take_turns(page_database: Database) -> None:
    results: list[str] = []
    threads = [
        threading.Thread(target=lambda: [write(page_database, results) for _ in range(20)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count("") == len(results) == 160
