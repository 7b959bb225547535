"""The weekly digest as a mail program shows it: accessible, light and dark, at 320 px."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from kb.accounts.store import Accounts
from kb.database import Database
from kb.reports.digest.jobs import Weekly
from tests.e2e.test_looks import LOOKS, faults
from tests.reports.conftest import TUESDAY, WEEK, fill, weekly

pytestmark = pytest.mark.browser
__all__ = ["fill", "weekly"]  # fixtures of the digest's own tests

NOTE = "Demonstration: these figures are made up."


@pytest.fixture
def database(_sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """Return one empty record: what is looked at is the same on every database."""
    file = tmp_path / "record.db"
    file.write_bytes(_sqlite_template.read_bytes())
    opened = Database(f"sqlite:///{file}")
    yield opened
    opened.close()


@pytest.mark.parametrize("look", LOOKS)
def test_the_letter_looks_right(
    chromium: Browser,
    weekly: Weekly,
    fill: Callable[..., None],
    tmp_path: Path,
    look: dict[str, Any],
) -> None:
    fill(weekly.db)
    weekly = replace(weekly, note=NOTE, accounts=Accounts(weekly.db))
    name = f"{look['color_scheme']}-{look['viewport']['width']}"
    shots = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    asked: list[str] = []
    context = chromium.new_context(**look)
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    for week, kind in ((WEEK, "digest"), (WEEK.before.before.before, "digest-of-nothing")):
        file = tmp_path / f"{kind}.html"
        file.write_text(weekly.letter(week, TUESDAY).html, encoding="utf-8")
        page.goto(file.as_uri())
        page.screenshot(path=shots / f"{kind}-{name}.png", full_page=True)
        assert faults(page) == []
    assert [url for url in asked if not url.startswith("file:")] == []
    context.close()
