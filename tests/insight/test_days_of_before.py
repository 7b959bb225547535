"""A database from before days were counted: every day of it is found, whatever its clock says."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from kb.db import MIGRATIONS, Database
from kb.schema import report_days

EPISODE = (
    "INSERT INTO episodes (id, visitor, started_at, ended_at, outcome, ended, closed, unresolved,"
    " definition, data, policy) VALUES ('e', 'v', '2026-03-01T23:30:00.000000+00:00',"
    " '2026-03-01T23:40:00.000000+00:00', 'potential', true, true, false, 2, '{}', '')"
)
TICKET = (
    "INSERT INTO events (id, at, kind, visitor, left_out, data) VALUES"
    " ('t', '2026-03-05T23:30:00.000000+00:00', 'ticket_created', '', '',"
    ' \'{"origin": "outside"}\')'
)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """Return a database without a table; PostgreSQL's sessions are in another time zone."""
    if request.param == "sqlite":
        return Database(f"sqlite:///{tmp_path / 'before.db'}")
    server, name = request.getfixturevalue("postgresql_server"), f"before{uuid.uuid4().hex[:8]}"
    engine = sa.create_engine(
        sa.make_url(f"{server}/postgres").set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
    )
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
        connection.execute(sa.text(f"ALTER DATABASE {name} SET timezone TO 'Asia/Tokyo'"))
    engine.dispose()
    return Database(f"{server}/{name}")


def test_days_of_episodes_and_of_tickets_from_outside_are_to_be_counted(empty: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with empty.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        for row in (EPISODE, TICKET):
            connection.exec_driver_sql(row)
    empty.migrate()
    with empty.read() as connection:
        days = connection.scalars(sa.select(report_days.c.day).order_by(report_days.c.day)).all()
    empty.close()
    assert days == ["2026-03-01", "2026-03-05"]
