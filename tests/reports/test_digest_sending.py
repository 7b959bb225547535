"""One letter a week and address: two workers, a killed one, a server that is away, by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from kb.accounts.roles import Role
from kb.cli.main import main
from kb.config.settings import Settings, load
from kb.database import Database
from kb.notifications.delivery import deliver_due
from kb.reports.digest.jobs import Weekly
from kb.scheduler import Worker
from kb.schema import outbox
from kb.services import Services, build
from tests.reports.conftest import TUESDAY, WEEK
from tests.tickets.test_mail_channel import SmtpServer

Fill = Callable[..., None]
PASSWORD = "correct horse battery staple"


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    """A mail server on the loopback."""
    with SmtpServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def parts(
    settings: Settings, database_url: str, smtp: SmtpServer, fill: Fill
) -> Iterator[Services]:
    """Return a site whose digest goes to two addresses, over each kind of database."""
    mine = replace(
        settings,
        database_url=database_url,
        semantic=False,
        publish_interval=None,
        digest_to=("lead@example.org", "list@example.com"),
        site_url="https://help.example.org",
    )
    made = build(mine)
    fill(made.db)
    yield replace(made, channels={"mail": smtp.channel()})
    made.db.close()


def digests(smtp: SmtpServer) -> list[Any]:
    return [letter for letter in smtp.letters() if "self-service, week" in letter["Subject"]]


def rounds(parts: Services, *times: datetime) -> None:
    """Let a worker started anew pass one round at each time, and one that delivers."""
    for now in times:
        Worker(parts).round(now, without={"gaps", "answers", "publish", "previews"})
        deliver_due(parts.db, parts.channels, now=now + timedelta(seconds=5))


def test_each_address_gets_one_letter_a_week(parts: Services, smtp: SmtpServer) -> None:
    rounds(parts, TUESDAY, TUESDAY + timedelta(hours=2), TUESDAY + timedelta(days=6))
    assert sorted(each["To"] for each in digests(smtp)) == ["lead@example.org", "list@example.com"]
    [letter, _] = digests(smtp)
    assert letter["Subject"] == "Tier Zero: self-service, week 10, 2 to 8 March 2026"
    assert letter.get_content_type() == "multipart/alternative"
    plain, rich = letter.iter_parts()
    assert (plain.get_content_type(), rich.get_content_type()) == ("text/plain", "text/html")
    assert "Deflection, lower bound" in plain.get_content()
    assert rich.get_content().startswith("<!doctype html>")
    assert all(len(line) <= 998 for each in smtp.mail for line in each.splitlines())
    rounds(parts, TUESDAY + timedelta(days=7))
    assert len(digests(smtp)) == 4


def test_before_it_is_due_no_letter_of_that_week_is_sent(parts: Services, smtp: SmtpServer) -> None:
    rounds(parts, TUESDAY - timedelta(seconds=20))
    assert {"week 9," in each["Subject"] for each in digests(smtp)} == {True}


def test_after_the_record_forgot_its_letters_none_is_sent_again(
    parts: Services, smtp: SmtpServer
) -> None:
    rounds(parts, TUESDAY)
    with parts.db.begin() as connection:  # as the purge leaves what was delivered long ago
        connection.execute(sa.update(outbox).values(payload={}))
    assert parts.weekly().send(WEEK, TUESDAY + timedelta(days=400)) == ()


def test_a_server_that_is_away_gets_the_letter_later(parts: Services, smtp: SmtpServer) -> None:
    smtp.replies["DATA"] = "451 4.3.0 try later"
    rounds(parts, TUESDAY)
    assert digests(smtp) == []
    smtp.replies.clear()
    rounds(parts, TUESDAY + timedelta(minutes=10))
    assert len(digests(smtp)) == 2


def test_of_many_workers_at_once_one_writes(weekly: Weekly, fill: Fill) -> None:
    fill(weekly.db)
    gate = threading.Barrier(4)

    def work(_: int) -> tuple[str, ...]:
        gate.wait()
        return weekly.send(WEEK, TUESDAY)

    with ThreadPoolExecutor(4) as pool:
        sent = [address for each in pool.map(work, range(4)) for address in each]
    assert sorted(sent) == ["lead@example.org", "list@example.com"]
    assert count(weekly.db) == 2


def test_a_worker_killed_in_the_middle_leaves_all_or_none(
    weekly: Weekly, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(weekly.db)
    from kb.notifications.outbox import Outbox

    put, calls = Outbox.put_once, []

    def dies(self: Outbox, *args: Any, **more: Any) -> bool:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return put(self, *args, **more)

    monkeypatch.setattr(Outbox, "put_once", dies)
    with pytest.raises(KeyboardInterrupt):
        weekly.send(WEEK, TUESDAY)
    assert count(weekly.db) == 0
    assert len(weekly.send(WEEK, TUESDAY)) == 2


def test_who_may_not_read_reports_is_left_out(weekly: Weekly, fill: Fill) -> None:
    fill(weekly.db)
    add = weekly.accounts.add
    for name, role in (("lead", Role.LEAD), ("agent", Role.AGENT), ("gone", Role.LEAD)):
        add(f"{name}@example.org", PASSWORD, name=name, role=role, now=TUESDAY)
    weekly.accounts.set_active("gone@example.org", False)
    to = ("lead@example.org", "agent@example.org", "gone@example.org", "list@example.com")
    sent = replace(weekly, addresses=to).send(WEEK, TUESDAY)
    assert sent == ("lead@example.org", "list@example.com")


def test_nobody_is_written_to_unless_the_setting_says_so(weekly: Weekly, fill: Fill) -> None:
    fill(weekly.db)
    assert load({}).digest_to == ()
    assert replace(weekly, addresses=()).send(WEEK, TUESDAY) == ()
    assert count(weekly.db) == 0


def count(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(outbox)).scalar_one()


# -- by hand --------------------------------------------------------------------------------------

Kb = Callable[..., Any]


@pytest.fixture
def kb(parts: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kb:
    """Return a function that runs `kb report digest` over that site."""
    monkeypatch.chdir(tmp_path)
    for name in ("articles", "templates", "data", "database_url"):
        monkeypatch.setenv(f"KB_{name.upper()}", str(getattr(parts.settings, name)))
    monkeypatch.setenv("KB_SEMANTIC", "off")

    def run(*words: str, to: str = "lead@example.org") -> Any:
        return CliRunner().invoke(main, ["report", "digest", *words], env={"KB_DIGEST_TO": to})

    return run


def test_a_dry_run_prints_the_letter_and_sends_nothing(
    kb: Kb, parts: Services, tmp_path: Path
) -> None:
    told = kb("--week", "2026-W10", "--dry-run", to="")
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("Subject: Tier Zero: self-service, week 10, 2 to 8 March 2026\n")
    assert "20.0 % (11.8 % to 31.8 %; 12 of 60)" in told.stdout
    file = tmp_path / "digest.html"
    assert kb("--week", "2026-W10", "--html", str(file)).exit_code == 0
    assert file.read_text("utf-8").startswith("<!doctype html>")
    assert count(parts.db) == 0


def test_by_hand_too_each_address_gets_it_once(kb: Kb, parts: Services) -> None:
    first, second = kb("--week", "2026-W10"), kb("--week", "2026-w10")
    assert first.exit_code == second.exit_code == 0, first.output
    assert first.stdout == "lead@example.org\n"
    assert second.stdout == ""
    assert count(parts.db) == 1


@pytest.mark.parametrize(
    ("words", "to", "code", "said"),
    [
        (("--week", "2026-W10"), "", 2, "Nobody gets the digest."),
        (("--week", "next"), "a@example.org", 1, "'next' is no week."),
        (("--week", "2999-W01", "--dry-run"), "a@example.org", 1, "has not begun"),
        (("--week", "2999-W01"), "a@example.org", 1, "are not final before 2999-01-08 06:00 UTC"),
        ((), "no address", 2, "The setting digest_to cannot be"),
        (("--week", "2026-W10", "--html", "/nowhere/x.html"), "", 1, "cannot be written"),
    ],
)
def test_what_cannot_be_sent_is_refused_in_words(
    kb: Kb, words: tuple[str, ...], to: str, code: int, said: str
) -> None:
    told = kb(*words, to=to)
    assert told.exit_code == code, told.output
    assert said in told.stderr
