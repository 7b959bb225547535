"""What the desk's tests share: accounts, letters waiting in the outbox, episodes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from kb.database import Database
from kb.schema import episodes, failed_searches, outbox, users

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def letters_in(database: Database) -> Callable[[], list[dict[str, Any]]]:
    """Return a function that gives the payloads that wait, in the order they were written."""

    def waiting() -> list[dict[str, Any]]:
        with database.read() as connection:
            rows = connection.execute(
                sa.select(outbox.c.payload)
                .where(outbox.c.state == "waiting")
                .order_by(outbox.c.created_at)
            )
            return [row.payload for row in rows]

    return waiting


@pytest.fixture
def staff(database: Database) -> None:
    """Add the agents Ada and Ben."""
    for user_id, name in (("a1", "Ada"), ("a2", "Ben")):
        row = {
            "id": user_id,
            "email": f"{name.lower()}@example.com",
            "name": name,
            "role": "agent",
            "password_hash": "x",
            "created_at": START,
        }
        with database.begin() as connection:
            connection.execute(sa.insert(users).values(**row))


@pytest.fixture
def account(database: Database) -> Callable[..., str]:
    """Return a function that adds an account and gives its id."""

    def add(name: str, *, active: bool = True) -> str:
        row = {
            "id": f"id-{name}",
            "email": f"{name}@example.com",
            "name": name.title(),
            "role": "reader",
            "password_hash": "x",
            "active": active,
            "created_at": START,
        }
        with database.begin() as connection:
            connection.execute(sa.insert(users).values(**row))
        return f"id-{name}"

    return add


@pytest.fixture
def failed(database: Database) -> Callable[..., None]:
    """Return a function that records that a visitor failed on words, in an episode of their own."""

    def add(visitor: str, words_key: str, at: datetime, **changes: Any) -> None:
        episode = {
            "id": f"e-{visitor}-{at.timestamp()}",
            "visitor": visitor,
            "user_id": changes.get("user_id"),
            "started_at": at,
            "ended_at": at,
            "outcome": changes.get("outcome", "abandoned"),
            "ended": True,
            "closed": False,
            "unresolved": True,
            "definition": 1,
            "data": {},
        }
        search = {
            "search_id": f"s-{visitor}-{at.timestamp()}",
            "episode_id": episode["id"],
            "at": at,
            "visitor": visitor,
            "failure": "zero",
            "words": words_key,
            "words_key": words_key,
            "language": "en",
            "definition": 1,
        }
        with database.begin() as connection:
            connection.execute(sa.insert(episodes).values(**episode))
            connection.execute(sa.insert(failed_searches).values(**search))

    return add
