"""The database holds what it promises, on both kinds."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from kb.database import MIGRATIONS, NEWEST_REVISION, Database
from kb.errors import StoreError
from kb.schema import events, metadata, rate_windows

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


def event(name: str, at: datetime = NOON) -> dict[str, object]:
    return {"id": name, "at": at, "kind": "view", "visitor": "v", "data": {"n": 1}}


def test_times_come_back_as_utc_and_in_order(database: Database) -> None:
    madrid = timezone(timedelta(hours=2))
    with database.begin() as connection:
        database.insert_once(connection, events, [event("b"), event("a", NOON.astimezone(madrid))])
    with database.read() as connection:
        times = connection.execute(sa.select(events.c.at)).scalars().all()
    assert times == [NOON, NOON]
    assert all(time.tzinfo == UTC for time in times)


def test_an_event_lands_once(database: Database) -> None:
    with database.begin() as connection:
        assert database.insert_once(connection, events, [event("a"), event("a")]) == 1
        assert database.insert_once(connection, events, [event("a")]) == 0


def test_an_error_undoes_the_whole_transaction(database: Database) -> None:
    def insert_and_fail() -> None:
        with database.begin() as connection:
            database.insert_once(connection, events, [event("a")])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        insert_and_fail()
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(events)).scalar() == 0


def test_eight_writers_lose_nothing_and_never_meet_a_lock(database: Database) -> None:
    failures: list[Exception] = []

    def write(name: str) -> None:
        own = Database(database.engine.url.render_as_string(hide_password=False))
        try:
            for _ in range(150):
                with own.begin() as connection:
                    connection.execute(
                        sa.update(rate_windows).values(count=rate_windows.c["count"] + 1)
                    )
        except Exception as problem:
            failures.append(problem)
        finally:
            own.close()

    with database.begin() as connection:
        connection.execute(sa.insert(rate_windows).values(key="k", window=0, count=0))
    writers = [threading.Thread(target=write, args=(str(n),)) for n in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failures == []
    with database.read() as connection:
        assert connection.execute(sa.select(rate_windows.c["count"])).scalar() == 1200


def test_the_revisions_make_exactly_the_tables_that_the_code_declares(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_newest_revision_is_the_last_in_the_folder(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == NEWEST_REVISION


@pytest.mark.parametrize(
    "url", ["", "not a url", "mysql://u@h/d", "postgresql://nobody@127.0.0.1:1/none"]
)
def test_a_wrong_url_says_what_to_do(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        Database(url).ping()
    assert "database_url" in str(caught.value)


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path_factory: object) -> None:
    with pytest.raises(StoreError, match="data folder"):
        Database("sqlite:////proc/nowhere/record.db").ping()
