"""A database from before days were counted: every day of it is found, whatever its clock says."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from kb.database import MIGRATIONS, Database
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
