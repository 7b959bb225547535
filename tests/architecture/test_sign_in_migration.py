"""Accounts and API tokens of before go on as they were."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from alembic.config import Config

from kb.accounts.roles import Role
from kb.accounts.store import Accounts
from kb.database import MIGRATIONS, Database

NOW = datetime(2026, 3, 2, tzinfo=UTC)
USER = (
    "INSERT INTO users (id, email, name, role, password_hash, session_version, active, created_at)"
    " VALUES ('{id}', '{email}', 'A', '{role}', 'x', 1, true, '2026-01-01T00:00:00.000000+00:00')"
)
TOKEN = (
    "INSERT INTO api_tokens (digest, user_id, label, created_at)"
    " VALUES ('{digest}', '{user}', '{label}', '2026-01-01T00:00:00.000000+00:00')"
)


@pytest.fixture
def before(empty: Database) -> Database:
    """Return a database as it was, with an agent's two tokens and an address in two forms."""
    database = empty
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        rows = [
            USER.format(id="a", email="agent@example.org", role="agent"),
            USER.format(id="b", email="jose\u0301@example.org", role="reader"),
            *(
                TOKEN.format(digest=_digest(token), user="a", label=label)
                for token, label in (("tz_one", "cron"), ("tz_two", ""))
            ),
        ]
        for row in rows:
            connection.exec_driver_sql(row)
    return database


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def test_tokens_made_before_go_on_without_an_end(before: Database) -> None:
    before.migrate()
    accounts = Accounts(before)
    for token in ("tz_one", "tz_two"):
        account = accounts.by_token(token, NOW + timedelta(days=10_000))
        assert account is not None
        assert account.role is Role.AGENT
    told = {each.name: each.expires_at for each in accounts.tokens_of("agent@example.org")}
    assert told == {"cron": None, "without a name": None}
    before.close()


def test_an_address_of_before_is_found_however_its_accents_are_written(before: Database) -> None:
    before.migrate()
    accounts = Accounts(before)
    for typed in ("jose\u0301@example.org", "jos\u00e9@example.org", "JOS\u00c9@example.org"):
        assert accounts.by_email(typed).id == "b"
    before.close()
