"""A small language for failed searches: who asked what, days ago."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kb.database import Database
from kb.gaps.jobs import Grouping
from kb.schema import episodes, events, failed_searches
from kb.tracking.query_text import words_key
from search.semantic.encoder import Encoder
from search.semantic.runtime import open_runtime

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
Fail = Callable[..., list[str]]


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def encoder(published: Path) -> Encoder:
    """Return the real model's light runtime."""
    return open_runtime(published / "model")


def put_failed(
    database: Database,
    words: str,
    people: int | Sequence[str] = 1,
    *,
    days: float = 1,
    at: datetime = NOW,
    **more: Any,
) -> list[str]:
    """Record that so many people, or these, failed on the words; return search ids."""
    who = [f"{words}-{n}" for n in range(people)] if isinstance(people, int) else list(people)
    made = []
    for visitor in who:
        when = at - timedelta(days=days)
        key = words_key(words)
        search_id = f"{key[:20]}{abs(hash((visitor, when))) % 10**12:012d}"
        episode = f"e{search_id}"[:36]
        common = {"visitor": visitor, "at": when, "words": words, "words_key": key}
        with database.begin() as connection:
            connection.execute(
                sa.insert(episodes).values(
                    id=episode, visitor=visitor, started_at=when, ended_at=when, ended=True,
                    outcome=more.get("outcome", "abandoned"), closed=True, unresolved=True,
                    definition=1, data={"last_failed": search_id},
                )
            )  # fmt: skip
            connection.execute(
                sa.insert(failed_searches).values(
                    **common, search_id=search_id, episode_id=episode, definition=1,
                    failure=more.get("failure", "weak"), language=more.get("language", "en"),
                )
            )  # fmt: skip
            connection.execute(
                sa.insert(events).values(
                    **common, id=search_id, search_id=search_id, kind="search",
                    user_id=more.get("user_id"), data=more.get("data", {"hits": []}),
                )
            )  # fmt: skip
        made.append(search_id)
    return made


@pytest.fixture
def fail(database: Database) -> Fail:
    """Return a maker of failed searches: fail("vpn drops", 5, days=3)."""

    def make(words: str, people: int | Sequence[str] = 1, **more: Any) -> list[str]:
        return put_failed(database, words, people, **more)

    return make


@pytest.fixture
def by_meaning(database: Database, encoder: Encoder) -> Grouping:
    """Return the grouping of the test's database with the real model, k = 3."""
    return Grouping(database, lambda: encoder, k=3)


@pytest.fixture
def by_stems(database: Database) -> Grouping:
    """Return the grouping of the test's database without a model, k = 3."""
    return Grouping(database, lambda: None, k=3)
