"""What the site says of itself: to monitoring, to staff and on the command line."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from kb import health
from kb.cli.main import main
from kb.config.settings import load
from kb.connectors.base import ConnectorFailure, Fault, PermanentFailure, TemporaryFailure
from kb.database import NEWEST_REVISION, Database
from kb.notifications.delivery import deliver_due
from kb.notifications.outbox import Outbox
from kb.services import Services

ROOT = Path(__file__).resolve().parents[2]
SECRET = "ann@example.com"


def checks(client: FlaskClient) -> dict[str, dict[str, Any]]:
    answer = client.get("/readyz")
    assert answer.status_code == 200  # only the index is vital
    found: dict[str, dict[str, Any]] = answer.get_json()["checks"]
    return found


class Failing:
    """A channel that fails in one way."""

    def __init__(self, failure: Exception | None) -> None:
        self.failure = failure

    def send(self, payload: Any, key: str) -> None:
        if self.failure:
            raise self.failure


def deliver(services: Services, failure: Exception | None, *keys: str, ago: int = 0) -> None:
    now = datetime.now(UTC) - timedelta(minutes=ago)
    with services.db.begin() as connection:
        for key in keys:
            letter = {"to": SECRET, "subject": f"About {key}", "text": "t"}
            Outbox(connection).put("mail", letter, now=now, ticket_id=None, key=key)
    deliver_due(services.db, {"mail": Failing(failure)}, now=now)


def test_the_last_round_of_the_worker_is_told(client: FlaskClient, services: Services) -> None:
    """swampratnz/community-agent#467, AshishKapoor/fintrack#147: healthy, and no job runs;
    celery/celery#4079 and #5014, nautobot/nautobot#1102, inveniosoftware/helm-invenio#71;
    internetstandards/Internet.nl#1512: a process that is there and stuck.
    """
    data = services.settings.data
    assert checks(client)["worker"] == {"ok": False, "detail": "no round yet"}
    health.beat(data)
    assert checks(client)["worker"]["ok"] is True
    assert "ago" in checks(client)["worker"]["detail"]
    health.beat(data, failing=("outbox", "escalation"))
    assert checks(client)["worker"]["detail"] == "jobs that fail: escalation, outbox"
    health.beat(data, fault="it cannot be started: Permission denied")
    assert checks(client)["worker"]["ok"] is False
    health.beat(data)
    told = json.loads((data / health.FILE).read_text())
    for working, gone, ok in ((False, 40, True), (False, 70, False), (True, 70, True)):
        stale = told | {"at": told["at"] - gone, "working": working}
        (data / health.FILE).write_text(json.dumps(stale))
        assert checks(client)["worker"]["ok"] is ok, (working, gone)


def test_a_disk_that_fills_up_is_told_before_it_is_full(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "free" in checks(client)["disk"]["detail"]
    monkeypatch.setattr(health, "FLOOR", 2**70)
    assert checks(client)["disk"]["ok"] is False


@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_of_all_mail_is_told_at_once_and_no_address_with_it(
    client: FlaskClient, services: Services, sign_in: Callable[[str], FlaskClient], fault: Fault
) -> None:
    """freescout-help-desk/freescout#3479, mailcow/mailcow-dockerized#4635, CSCfi/rems#2723."""
    assert checks(client)["mail"]["ok"] is True
    deliver(services, ConnectorFailure(fault, f"It said: 535 {SECRET}"), "a", "b")
    told = checks(client)["mail"]
    assert told["ok"] is False
    assert "2 letters wait" in told["detail"]
    assert fault.value in told["detail"]
    assert SECRET not in client.get("/readyz").text
    if fault is not Fault.CERTIFICATE:  # the pages are the same for all
        return
    agent = sign_in("agent")
    assert fault.value in agent.get("/desk/").text.replace("&#39;", "'")
    page = agent.get("/desk/undeliverable").text.replace("&#39;", "'")
    assert fault.value in page
    assert "mail_ca" in page
    assert "About a" in page
    assert "2 letters wait; 1 of them has been tried before" in page
    deliver_due(services.db, {"mail": Failing(None)}, now=datetime.now(UTC) + timedelta(minutes=1))
    assert checks(client)["mail"]["ok"] is True
    assert "No letters wait" in agent.get("/desk/undeliverable").text


def test_one_recipient_refused_is_no_fault_of_the_mail(
    client: FlaskClient, services: Services, sign_in: Callable[[str], FlaskClient]
) -> None:
    deliver(services, PermanentFailure("The mail server said: 550 no such user"), "a")
    assert checks(client)["mail"]["ok"] is True
    assert "550 no such user" in sign_in("agent").get("/desk/undeliverable").text


def test_one_letter_that_waits_too_long_is_told(client: FlaskClient, services: Services) -> None:
    deliver(services, TemporaryFailure(f"The mail server said: 450 <{SECRET}> greylisted"), "a")
    assert checks(client)["mail"]["ok"] is True
    assert "1 of them after a failure" in checks(client)["mail"]["detail"]
    deliver(services, TemporaryFailure(f"The mail server said: 450 <{SECRET}>"), "b", ago=20)
    assert checks(client)["mail"]["ok"] is False
    assert SECRET not in client.get("/readyz").text


# -- kb mail test -------------------------------------------------------------------------------


def converse(listener: socket.socket, replies: dict[str, str], took: list[bytes]) -> None:
    """Be a mail server for one conversation, which answers as told."""
    line, _ = listener.accept()
    with closing(line), line.makefile("rwb", buffering=0) as stream:
        stream.write(b"220 mail.example.org\r\n")
        while words := stream.readline().decode().split():
            verb = words[0].upper()
            said = replies.get(verb, "354 go on" if verb == "DATA" else "250 ok")
            stream.write(f"{said}\r\n".encode())
            if said.startswith("354"):
                took.extend(iter(stream.readline, b".\r\n"))
                stream.write(b"250 taken\r\n")
            if verb == "QUIT":
                return


@pytest.fixture
def mail_server() -> Iterator[Callable[..., tuple[str, list[bytes]]]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads: list[threading.Thread] = []

        def answering(**replies: str) -> tuple[str, list[bytes]]:
            took: list[bytes] = []
            thread = threading.Thread(target=converse, args=(listener, replies, took))
            thread.start()
            threads.append(thread)
            return f"127.0.0.1:{listener.getsockname()[1]}", took

        yield answering
        for thread in threads:
            thread.join(20)


@pytest.fixture
def kb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    monkeypatch.chdir(tmp_path)
    root, ours = logging.getLogger(), logging.getLogger("kb")
    before = root.handlers[:], root.level, ours.level

    def run(*words: str, **settings: str) -> Any:
        environ = {f"KB_{name.upper()}": value for name, value in settings.items()}
        environ |= {"KB_DATA": str(tmp_path / "data")}
        return CliRunner().invoke(main, list(words), env=environ)

    yield run
    root.handlers[:], root.level = before[0], before[1]
    ours.setLevel(before[2])


def test_one_letter_can_be_tried_by_hand(kb: Any, mail_server: Any) -> None:
    place, took = mail_server()
    done = kb("mail", "test", SECRET, mail_url=f"smtp://{place}")
    assert done.exit_code == 0, done.output
    assert f"{place} took the letter to {SECRET}, over an open line." in done.stdout
    assert b"kb mail test" in b"".join(took)


@pytest.mark.parametrize(
    ("replies", "said", "hint"),
    [
        ({"MAIL": "553 5.7.1 not owned"}, "refuses our sender address. It said: 553", "mail_from"),
        ({"RCPT": "550 5.1.1 no such user"}, "550 5.1.1 no such user", "check this address"),
        ({"RCPT": "450 4.2.0 greylisted"}, "450 4.2.0 greylisted", "in some minutes"),
        ({"EHLO": "421 closing", "HELO": "421 closing"}, "takes no mail at present", "own log"),
    ],
)
def test_what_became_of_it_is_said_with_what_to_do(
    kb: Any, mail_server: Any, replies: dict[str, str], said: str, hint: str
) -> None:
    place, took = mail_server(**replies)
    done = kb("mail", "test", SECRET, mail_url=f"smtp://{place}")
    assert done.exit_code == 7
    first, second = done.stderr.splitlines()
    assert said in first
    assert hint in second
    assert took == []


def test_no_server_and_none_set_are_two_things(kb: Any, free_port: Callable[[], int]) -> None:
    done = kb("mail", "test", SECRET, mail_url=f"smtp://127.0.0.1:{free_port()}")
    assert done.exit_code == 7
    assert "cannot be reached. Connection refused." in done.stderr
    done = kb("mail", "test", SECRET)
    assert done.exit_code == 2
    assert "each becomes a file" in done.stderr
    done = kb("mail", "test", SECRET, mail_url="smtp://h", mail_ca="/nowhere/ca.pem")
    assert done.exit_code == 2
    assert "mail_ca" in done.stderr


# -- an empty folder, a newer database ------------------------------------------------------------


def test_a_round_over_an_empty_folder_makes_what_it_needs(tmp_path: Path) -> None:
    articles = tmp_path / "articles"
    articles.mkdir()
    (articles / "one.md").write_text("---\ntitle: One\n---\n\n## Issue\n\nText.\n", "utf-8")
    for folder, code, said in ((articles, 0, "published"), (tmp_path / "no", 1, "publish.")):
        environ = {
            "KB_DATA": str(tmp_path / f"data-{code}"),
            "KB_ARTICLES": str(folder),
            "KB_TEMPLATES": str(ROOT / "templates"),
            "KB_SEMANTIC": "off",
        }
        done = subprocess.run(
            [sys.executable, "-m", "kb.cli", "worker", "--once"],
            cwd=ROOT, env=os.environ | environ, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", [["migrate"], ["worker", "--once"], ["user", "list"], ["report", "rebuild"], ["gaps"]]
)
def test_a_database_of_a_later_version_is_refused_in_a_sentence(
    kb: Any, tmp_path: Path, words: list[str]
) -> None:
    database = Database(load({}, data=tmp_path / "data").database)
    database.migrate()
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    done = kb(*words)
    assert done.exit_code == 4
    first, second = done.stderr.splitlines()
    assert f"its schema is 9999, and this version knows those up to {NEWEST_REVISION}" in first
    assert "backup" in second


def test_nothing_is_said_of_mail_while_the_database_is_away(
    app: Flask, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = replace(services, db=Database(f"sqlite:///{services.settings.data}/none/x.db"))
    monkeypatch.setitem(app.extensions, "services", made)
    (services.settings.data / "none" / "x.db").mkdir()
    found = checks(app.test_client())
    assert found["database"]["ok"] is False
    assert found["mail"] == {"ok": False, "detail": "not known: the database does not answer"}
