"""`kb report note` and `kb report kept`, on either database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kb.analytics.report import DateRange
from kb.cli.main import main
from kb.database import Database
from kb.reports.annotations import notes_in
from kb.reports.snapshots import Snapshots

Kb = Callable[..., Result]
MARCH = DateRange(date(2026, 3, 1), date(2026, 3, 31))


@pytest.fixture
def kb(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kb:
    """Return a function that runs `kb` on that database."""
    monkeypatch.setenv("KB_DATA", str(tmp_path))
    monkeypatch.setenv("KB_DATABASE_URL", database_url)
    return lambda *words: CliRunner().invoke(main, list(words))


def test_a_note_by_the_command_line(kb: Kb, database: Database) -> None:
    done = kb("report", "note", "--day", "2026-03-01", "Release  2.4")
    assert done.exit_code == 0, done.output
    assert done.stdout == "Noted on 2026-03-01: Release 2.4\n"
    kb("report", "note", "--day", "2026-02-20", "--until", "2026-03-02", "Outage")
    kb("report", "note", "--day", "2026-04-01", "Elsewhere")
    found = [(n.first.day, n.last.day, n.text, n.by) for n in notes_in(database, MARCH)]
    assert found == [(20, 2, "Outage", ""), (1, 1, "Release 2.4", "")]


@pytest.mark.parametrize(
    "words", [("--day", "2026-03-02", "--until", "2026-03-01", "x"), ("--day", "2026-03-02", " ")]
)
def test_what_cannot_be_a_note_is_refused(kb: Kb, database: Database, words: tuple[str]) -> None:
    done = kb("report", "note", *words)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: This note cannot be kept yet.\n")
    assert len(done.stderr.splitlines()) == 2
    assert notes_in(database) == ()


def test_kept_reports_are_listed(kb: Kb, database: Database) -> None:
    assert "No report is kept." in kb("report", "kept").stderr
    at = datetime(2026, 4, 2, 9, 5, tzinfo=UTC)
    made = Snapshots(database, lambda _span, _at: (), code="1").keep("March", MARCH, by="a", now=at)
    assert kb("report", "kept").stdout == (
        f"/reports/kept/{made.id}  2026-03-01 to 2026-03-31  2026-04-02 09:05 UTC  March\n"
    )
