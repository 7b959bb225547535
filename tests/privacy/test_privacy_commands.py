"""`kb privacy` from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from kb.accounts.roles import Role
from kb.cli.main import main
from kb.database import Database
from kb.schema import tickets
from kb.services import Services
from kb.tickets.model import Requester, TicketDraft

Kb = Callable[..., Any]
ANA = "ana@uni.es"


@pytest.fixture
def kb(services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kb:
    """Return a function that runs `kb` on the test's own site."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KB_DATA", str(services.settings.data))
    monkeypatch.setenv("KB_REDACT_PATTERNS", r"\bEMP\d{5}\b")

    def run(*words: str, typed: str = "") -> Any:
        return CliRunner().invoke(main, ["privacy", *words], input=typed)

    return run


@pytest.fixture
def ticket(services: Services) -> tuple[str, str]:
    """Open a ticket of a person without an account; return its number and private link."""
    person = Requester("Ana Pérez", ANA)
    made = services.desk.open_ticket(
        TicketDraft(subject="Lost badge", body="My badge", requester=person), now=datetime.now(UTC)
    )
    return made.ticket.display_number, f"http://localhost/t/{made.link_token}?opened=1"


def test_a_text_is_shown_as_it_would_be_stored(kb: Kb) -> None:
    done = kb("check", "EMP12345 my password is hunter2, write ana@uni.es")
    assert done.exit_code == 0
    assert done.stdout == "[number] my password is [secret] write [email]\n"
    assert "by the rule password: hunter2," in done.stderr
    assert "by the rule own-pattern: EMP12345" in done.stderr
    lines = kb("check", "-", "--json", typed="printer offline\ncall 612 345 678\n").stdout
    first, second = map(json.loads, lines.splitlines())
    assert first == {"stored": "printer offline", "redacted": {}, "rules": []}
    assert second["redacted"] == {"phone": 1}


def test_the_report_is_text_or_json(kb: Kb) -> None:
    plain = kb("report")
    assert plain.exit_code == 0
    assert "Words are kept for 90 days" in plain.stdout
    assert json.loads(kb("report", "--json").stdout)["k_anonymity"] == 5


def test_purging_says_what_and_a_dry_run_what_it_would(kb: Kb) -> None:
    assert kb("purge", "--dry-run").stdout == "Due to be forgotten: nothing.\n"
    assert kb("purge").stdout == "Forgotten: nothing.\n"
    assert CliRunner().invoke(main, ["purge"]).stdout == "Forgotten: nothing.\n"


def test_a_person_is_named_in_one_way(kb: Kb) -> None:
    for words in ((), ("--email", ANA, "--user", "u")):
        assert kb("export", *words).exit_code == 1
        assert "Give one of" in kb("erase", *words).output
    assert kb("export", "--link", "T-9999").exit_code == 1
    assert kb("erase", "--link", "T-9999").stdout == "Nothing is held.\n"


def test_a_ticket_is_found_by_number_and_by_its_link(kb: Kb, ticket: tuple[str, str]) -> None:
    for way in ticket:
        found = json.loads(kb("export", "--link", way).stdout)
        assert [each["subject"] for each in found["tickets"]] == ["Lost badge"]
    [letter] = json.loads(kb("export", "--email", ANA).stdout)["letters"]
    assert letter["letter"]["to"] == ANA


def test_erasing_asks_refuses_and_is_done_once(
    kb: Kb, ticket: tuple[str, str], services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    assert kb("erase", "--email", ANA, "--with-open", typed="n\n").exit_code == 1
    refused = kb("erase", "--email", ANA, "--yes")
    assert refused.exit_code == 1
    assert ticket[0] in refused.output
    would = kb("erase", "--email", ANA, "--with-open", "--dry-run").stdout
    assert would == "Would be erased: 1 tickets, 1 letters.\n"
    assert _subject(services.db) == "Lost badge"
    caplog.set_level("INFO")
    done = kb("erase", "--email", ANA, "--with-open", "--yes")
    assert done.stdout == "Erased: 1 tickets, 1 letters.\n"
    assert "one person was erased" in caplog.text
    assert ANA not in caplog.text
    assert _subject(services.db) == "Erased at the person's request"
    assert kb("erase", "--email", ANA, "--yes").stdout == "Nothing is held.\n"
    assert kb("erase", "--link", ticket[0], "--yes").stdout == "Nothing is held.\n"
    assert json.loads(kb("report", "--json").stdout)["held"]["people erased so far"] == 1


def _subject(database: Database) -> str:
    with database.read() as connection:
        return str(connection.scalar(sa.select(tickets.c.subject)))


def test_what_waits_in_the_spool_is_erased_too(kb: Kb, services: Services) -> None:
    from kb.tracking.events import Event, EventKind

    made = services.accounts.add(
        ANA, "correct horse battery", name="Ana", role=Role.READER, now=datetime.now(UTC)
    )
    spool = services.recorder.spool
    event = Event(
        "e1", datetime.now(UTC), EventKind.SEARCH, "v1", user_id=made.id, words="ana's own words"
    )
    spool.append(event)
    lines = [json.dumps({"user_id": made.id, "words": "ana's torn words"}), '{"user_id": "other"}']
    (spool.folder / "unreadable.jsonl").write_text("\n".join(lines) + "\n")
    done = kb("erase", "--user", made.id, "--yes")
    assert done.stdout == "Erased: 1 events, 1 accounts.\n"
    assert not spool.waiting()
    assert (spool.folder / "unreadable.jsonl").read_text() == '{"user_id": "other"}\n'
