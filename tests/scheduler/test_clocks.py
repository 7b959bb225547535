"""The worker goes on whatever becomes of the clock, of the worker and of its leases.

`faketime` sets the clock of a real worker's process while it runs; nothing here measures time.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kb.config.settings import load
from kb.connectors.base import ConnectorFailure, TemporaryFailure
from kb.database import Database
from kb.health import FILE, beat, last_heard
from kb.leases import SKEW, hold, of_folder, of_process
from kb.notifications.delivery import CLAIM, Delivery, deliver_due
from kb.notifications.outbox import LONGEST_ASKED, LONGEST_WAIT, Outbox
from kb.publishing.publisher import publish
from kb.scheduler import Worker
from kb.schema import leases
from kb.server.run import _Companion
from kb.services import build
from tests.conftest import missing

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOURS = timedelta(hours=3)
TTL = timedelta(minutes=5)
PATIENCE_S = 90
LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


def eventually(holds: Callable[[], Any], what: str) -> None:
    """Return once it holds; fail after PATIENCE_S."""
    ends = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > ends:
            pytest.fail(f"not within {PATIENCE_S} s: {what}")
        time.sleep(0.05)


class Scripted:
    """A channel at the edge: it fails as told, then takes what it is given."""

    def __init__(self, *failures: Exception) -> None:
        self.failures, self.taken = list(failures), list[str]()

    def send(self, payload: Any, key: str) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(key)


def put(database: Database, *keys: str, now: datetime = NOW) -> None:
    letter = {"to": "ann@example.com", "subject": "s", "text": "t"}
    with database.begin() as connection:
        for key in keys:
            Outbox(connection).put("mail", letter, now=now, ticket_id=None, key=key)


# -- leases -------------------------------------------------------------------------------------


def test_a_lease_from_before_the_clock_was_set_back_is_void(database: Database) -> None:
    """dbader/schedule#323, agronholm/apscheduler#351, sidekiq-scheduler/sidekiq-scheduler#283."""
    assert hold(database, "outbox", owner="a", now=NOW + HOURS, ttl=TTL)
    assert hold(database, "outbox", owner="b", now=NOW, ttl=TTL)
    assert not hold(database, "outbox", owner="c", now=NOW, ttl=TTL)
    with database.read() as connection:
        assert connection.scalar(sa.select(leases.c.until)) == NOW + TTL


def test_machines_whose_clocks_differ_a_little_leave_each_other_alone(database: Database) -> None:
    assert hold(database, "outbox", owner="a", now=NOW + SKEW, ttl=TTL)
    assert not hold(database, "outbox", owner="b", now=NOW, ttl=TTL)


KEEPER = """
import sys
from pathlib import Path
from kb.leases import of_folder
print(of_folder(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


def keeper(folder: Path) -> subprocess.Popen[str]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    command = [sys.executable, "-c", KEEPER, str(folder)]
    return subprocess.Popen(command, cwd=ROOT, text=True, **pipes)


def test_who_follows_a_killed_worker_finds_its_leases_his_own(tmp_path: Path) -> None:
    with keeper(tmp_path) as first:
        assert first.stdout
        name = first.stdout.readline()
        for stopped in (False, True):  # in both it lives
            if stopped:
                os.kill(first.pid, signal.SIGSTOP)
            with keeper(tmp_path) as beside:
                assert beside.stdout
                assert beside.stdout.readline() != name
                beside.kill()
        first.kill()
        first.wait()
        with keeper(tmp_path) as heir:
            assert heir.stdout
            assert heir.stdout.readline() == name
            heir.kill()


def test_a_copy_of_the_folder_is_another_owner(tmp_path: Path) -> None:
    """Containers have process ids and machine names in common, and images are copied."""
    (tmp_path / "a").mkdir()
    name = of_folder(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert of_folder(tmp_path / "b") != name
    assert of_folder(tmp_path / "a") == name
    assert of_process() != of_process()
    assert len(name) <= 64


def test_a_folder_that_takes_no_lock_gives_a_name_all_the_same(tmp_path: Path) -> None:
    assert of_folder(tmp_path / "nowhere") != of_folder(tmp_path / "nowhere")


# -- the outbox ---------------------------------------------------------------------------------


def test_what_was_put_off_before_the_clock_was_set_back_is_tried(database: Database) -> None:
    """The cuba-platform/cuba#3206 kind: nothing is due later than the longest wait from now."""
    put(database, "failed", now=NOW + HOURS)
    mail = Scripted(TemporaryFailure("busy"))
    assert deliver_due(database, {"mail": mail}, now=NOW + HOURS) == Delivery(postponed=1)
    with database.begin() as connection:  # and one that a killed worker was sending
        Outbox(connection).put("mail", {"to": "b"}, now=NOW + HOURS, ticket_id=None, key="claimed")
        claimed = Outbox(connection).claim(NOW + HOURS, CLAIM)
        assert claimed is not None
        assert claimed.id == "claimed"
    put(database, "fresh", now=NOW + HOURS)
    assert deliver_due(database, {"mail": mail}, now=NOW) == Delivery(delivered=3)
    assert sorted(mail.taken) == ["claimed", "failed", "fresh"]


def test_what_was_asked_to_wait_waits_and_not_for_ever(database: Database) -> None:
    put(database, "row")
    mail = Scripted(TemporaryFailure("busy", timedelta(hours=4)))
    deliver_due(database, {"mail": mail}, now=NOW)
    for later in (LONGEST_WAIT, HOURS):
        assert deliver_due(database, {"mail": mail}, now=NOW + later) == Delivery()
    back = NOW + timedelta(hours=4) - LONGEST_ASKED - timedelta(seconds=1)
    assert deliver_due(database, {"mail": mail}, now=back) == Delivery(delivered=1)


def test_a_way_that_takes_nothing_is_tried_with_one_letter_a_round_and_told_once(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """mailcow/mailcow-dockerized#4635, freescout-help-desk/freescout#3479: for days, unseen."""
    from kb.notifications.delivery import Faults

    put(database, "a", "b", "c")
    said = ConnectorFailure("The mail server is away.", "It said: 535 ann@example.com")
    mail, faults = Scripted(said, said), Faults()
    with caplog.at_level("INFO", "kb.notifications"):
        for second in (0, 1):
            now = NOW + timedelta(seconds=second)
            done = deliver_due(database, {"mail": mail}, now=now, faults=faults)
            assert done == Delivery(postponed=1)
        now = NOW + timedelta(seconds=1)  # the two that wait go at once when a third gets through
        assert deliver_due(database, {"mail": mail}, now=now, faults=faults) == Delivery(3)
    begun, over = caplog.messages
    assert begun.startswith("nothing gets through by mail: The mail server is away.")
    assert "ann@example.com" not in caplog.text
    assert over == "mail gets through again"


def test_letters_refused_one_after_the_other_are_told_as_a_fault(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    put(database, "a", "b", "c", "d")
    mail = Scripted(*[TemporaryFailure("the line broke")] * 4)
    deliver_due(database, {"mail": mail}, now=NOW)
    [line] = caplog.messages
    assert "the line broke" in line


# -- a worker under a clock that is set -----------------------------------------------------------


@dataclass
class Place:
    """A data folder of a small site, with its database, and the clock of its worker."""

    data: Path
    environ: dict[str, str]
    database: Database
    clock: Path

    def set_clock(self, by: str) -> None:
        fresh = self.clock.with_suffix(".new")
        fresh.write_text(f"{by}\n", "ascii")
        os.replace(fresh, self.clock)

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "kb.cli", "worker"]
        with (self.data / "log").open("ab") as log:
            return subprocess.Popen(command, cwd=ROOT, env=self.environ, stdout=log, stderr=log)

    def sends(self, key: str, ahead: timedelta = timedelta(0)) -> None:
        """Put a letter into the outbox, as a page under the same clock does; see it sent."""
        put(self.database, key, now=datetime.now(UTC) + ahead)
        eventually((self.data / "mail" / f"{key}.eml").exists, f"{key} is sent")


@pytest.fixture
def place(tmp_path: Path, serving: None) -> Iterator[Place]:
    if not LIBRARIES:
        missing("faketime")
    articles = tmp_path / "articles"
    articles.mkdir()
    (articles / "one.md").write_text("---\ntitle: One\n---\n\n## Issue\n\nText.\n", "utf-8")
    given = {
        "KB_DATA": str(tmp_path / "data"),
        "KB_ARTICLES": str(articles),
        "KB_TEMPLATES": str(ROOT / "templates"),
        "KB_SEMANTIC": "off",
        "KB_PUBLISH_INTERVAL": "off",
        "KB_WORKER_INTERVAL": "200ms",
    }
    settings = load(given)
    publish(settings, progress=lambda *_: None)
    database = Database(settings.database)
    database.migrate()
    clock = tmp_path / "clock"
    faked = {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    made = Place(settings.data, os.environ | given | faked, database, clock)
    made.set_clock("+0")
    yield made
    database.close()


@pytest.mark.parametrize(("there", "ahead"), [("+3h", HOURS), ("-3h", -HOURS)])
def test_jobs_go_on_when_the_clock_is_set_by_hours_and_back(
    place: Place, there: str, ahead: timedelta
) -> None:
    """dbader/schedule#323, agronholm/apscheduler#351, sidekiq-scheduler/sidekiq-scheduler#283,
    robfig/cron#480, quartznet/quartznet#1490, go-co-op/gocron#438.
    """
    worker = place.start()
    try:
        place.sends("before")
        place.set_clock(there)
        place.sends("away", ahead)
        heard = last_heard(place.data)
        assert heard
        assert heard.age is not None  # which clock the day goes by is nothing to it
        place.set_clock("+0")
        place.sends("back")
        worker.kill()
        worker.wait()
        place.set_clock(there)
        worker = place.start()  # a worker that begins under the wrong clock
        place.sends("again", ahead)
        worker.kill()  # and leaves its leases hours ahead
        worker.wait()
        place.set_clock("+0")
        worker = place.start()
        place.sends("last")
        assert "Traceback" not in (place.data / "log").read_text("utf-8")
    finally:
        worker.kill()
        worker.wait()


def test_letters_go_on_when_a_worker_is_stopped_and_killed(place: Place) -> None:
    """A letter that it was sending included: its claim would have lasted three minutes."""
    worker = place.start()
    try:
        place.sends("before")
        os.kill(worker.pid, signal.SIGSTOP)
        os.kill(worker.pid, signal.SIGCONT)
        place.sends("after")
        os.kill(worker.pid, signal.SIGSTOP)
        worker.kill()
        worker.wait()
        put(place.database, "claimed", now=datetime.now(UTC))
        with place.database.begin() as connection:
            assert Outbox(connection).claim(datetime.now(UTC), CLAIM)
        worker = place.start()
        eventually((place.data / "mail" / "claimed.eml").exists, "the claimed letter is sent")
    finally:
        worker.kill()
        worker.wait()


# -- the worker's own intervals, and what it leaves of itself --------------------------------------


def test_an_interval_is_over_by_either_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    from kb.scheduler import _Begun

    minute, begun = timedelta(minutes=1), _Begun(1000.0, NOW)
    ticks = 1001.0
    monkeypatch.setattr("kb.scheduler.time.monotonic", lambda: ticks)
    assert not begun.is_over(minute, NOW - HOURS)
    assert begun.is_over(minute, NOW + minute)
    ticks = 1060.0
    assert begun.is_over(minute, NOW - HOURS)
    ticks = 5.0  # another machine's, as it were
    assert begun.is_over(minute, NOW)


def test_the_heartbeat_counts_by_a_clock_that_nobody_sets(tmp_path: Path) -> None:
    assert last_heard(tmp_path) is None
    beat(tmp_path, working=True, failing=("outbox",))
    heard = last_heard(tmp_path)
    assert heard
    assert (heard.working, heard.failing, heard.fault) == (True, ("outbox",), "")
    assert heard.age is not None
    told = (tmp_path / FILE).read_text("utf-8")
    (tmp_path / FILE).write_text(told.replace('"boot": "', '"boot": "another'), "utf-8")
    before = last_heard(tmp_path)
    assert before
    assert before.age is None  # of another start of the machine
    (tmp_path / FILE).write_text("torn {", "utf-8")
    assert last_heard(tmp_path) is None


def test_a_worker_that_cannot_be_started_is_tried_again_and_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """swampratnz/community-agent#467, AshishKapoor/fintrack#147: healthy, and no job runs."""
    monkeypatch.setattr("kb.server.run.RESTART_S", 0.01)
    monkeypatch.setattr("kb.server.run.LONGEST_RESTART_S", 0.02)
    nowhere = tmp_path / "program"
    nowhere.write_text("#!/bin/sh\nexit 3\n", "utf-8")  # not to be executed
    monkeypatch.setattr("kb.server.run.sys.executable", str(nowhere))
    companion = _Companion(tmp_path)
    companion.start()
    eventually(lambda: caplog.text.count("cannot be started: Permission denied") > 2, "tries")
    heard = last_heard(tmp_path)
    assert heard
    assert heard.fault == "it cannot be started: Permission denied"
    nowhere.chmod(0o700)
    eventually(lambda: "the worker ended with 3" in caplog.text, "it starts, and ends by itself")
    companion.stop()
    heard = last_heard(tmp_path)
    assert heard
    assert heard.fault == "it ended with exit code 3"


def test_jobs_that_fail_are_told_until_they_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = build(load({}, data=tmp_path, semantic=False, publish_interval="off"))
    parts.db.migrate()
    worker = Worker(parts)
    monkeypatch.setattr(Worker, "_escalate", lambda *_: 1 / 0)
    worker.once()
    heard = last_heard(tmp_path)
    assert heard
    assert "escalation" in heard.failing
    monkeypatch.undo()
    worker._begun.clear()
    worker.once()
    heard = last_heard(tmp_path)
    assert heard
    assert "escalation" not in heard.failing
    parts.db.close()
