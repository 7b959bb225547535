"""A recorder over each kind of database, a small library, a viewer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kb.accounts.roles import Viewer
from kb.database import Database
from kb.searches.activity import ActivityRecorder
from kb.tracking.recorder import Recorder

NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Page:
    """An article as a look-up sees it."""

    slug: str
    title: str = "A title"
    summary: str = ""
    language: str = "en"
    collection: str = ""
    audience: str = "public"
    status: str = "published"


SHELF = {
    page.slug: page
    for page in (
        Page("vpn", "Connect to the VPN"),
        Page("wifi", "Join the Wi-Fi"),
        Page("draft", status="draft"),
        Page("staff", audience="staff"),
    )
}


@pytest.fixture
def noon() -> datetime:
    return NOON


@pytest.fixture
def shelf() -> dict[str, Page]:
    return dict(SHELF)


@pytest.fixture
def recorder(database: Database, tmp_path: Path) -> Recorder:
    return Recorder(database, tmp_path / "spool", clock=lambda: 0.0)


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Database]:
    """Return a database that cannot be opened: its file is a folder."""
    (tmp_path / "folder.db").mkdir()
    broken = Database(f"sqlite:///{tmp_path / 'folder.db'}")
    yield broken
    broken.close()


@pytest.fixture
def record(recorder: Recorder, shelf: dict[str, Page]) -> ActivityRecorder:
    return ActivityRecorder(recorder, lambda: shelf)


@pytest.fixture
def reader() -> Viewer:
    return Viewer(visitor="reader-1")
