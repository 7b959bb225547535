"""What a person said is on disk before they are thanked; the rest is a moment later."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kb.accounts.roles import Viewer
from kb.database import Database
from kb.searches.activity import ActivityRecorder
from kb.tracking import recorder as tracking_recorder
from kb.tracking import store as tracking_store
from kb.tracking.events import Event, EventKind, Surface, is_young, new_id, new_search_id
from kb.tracking.recorder import Recorder

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60  # for machines that are busy; nothing here measures time


def done(at: datetime, kind: EventKind = EventKind.VIEW, **more: object) -> Event:
    """Return something that the visitor v did."""
    made = {"id": new_id(), "at": at, "kind": kind, "visitor": "v"}
    return Event(**(made | more))  # type: ignore[arg-type]


def search(at: datetime, **more: object) -> Event:
    made = new_search_id(at)
    return done(at, EventKind.SEARCH, id=made, search_id=made, words="vpn", **more)


def kept(db: Database, noon: datetime) -> list[Event]:
    return list(tracking_store.of_visitor(db, "v", noon - timedelta(days=9)))


def eventually(holds: Callable[[], bool]) -> bool:
    """Return whether it holds before patience ends."""
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        if holds():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what waits wait for good, until something writes it."""
    monkeypatch.setattr(tracking_recorder, "SETTLE_S", 3600.0)


def test_what_is_done_is_written_without_anybody_asking(recorder: Recorder, noon: datetime) -> None:
    assert recorder.record(done(noon))
    assert eventually(lambda: len(kept(recorder.db, noon)) == 1)


@pytest.mark.usefixtures("still")
def test_what_is_said_is_on_disk_with_what_was_done_before_it(
    recorder: Recorder, noon: datetime
) -> None:
    asked = search(noon)
    recorder.record(asked)
    assert kept(recorder.db, noon) == []
    assert recorder.record(done(noon, EventKind.VOTE, search_id=asked.id))
    first, second = sorted(kept(recorder.db, noon), key=lambda event: event.seq)
    assert (first.id, second.search_id) == (asked.id, asked.id)


@pytest.mark.usefixtures("still")
def test_a_search_that_waits_is_known_at_once(
    recorder: Recorder, record: ActivityRecorder, noon: datetime
) -> None:
    asked = search(noon)
    recorder.record(asked)
    assert record.owned(Viewer("v"), asked.id, now=noon) == asked.id
    assert record.owned(Viewer("w"), asked.id, now=noon) is None
    assert kept(recorder.db, noon) == []  # it was looked for where it waits
    assert recorder.look(lambda db: len(kept(db, noon)), visitor="v") == 1


def test_a_search_that_another_process_has_just_answered_is_waited_for(
    recorder: Recorder, database: Database, tmp_path: Path, noon: datetime
) -> None:
    """A ticket form may be opened in another process than its search, before that wrote it."""
    asked = search(noon)
    Recorder(database, tmp_path / "spool").record(asked)
    found = recorder.search(asked.id, noon)
    assert found is not None
    assert found.id == asked.id


def test_nobody_waits_for_an_id_that_is_no_young_search(
    recorder: Recorder, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("somebody waits"))
    for unknown in (new_search_id(noon - timedelta(minutes=1)), new_id(), "x", "f" * 36):
        assert recorder.search(unknown, noon) is None
    recorder._patient.acquire()  # another request waits for an id that may be made up
    assert recorder.search(new_search_id(noon), noon) is None


def test_an_id_of_a_search_says_when_and_nothing_else(noon: datetime) -> None:
    ids = {new_search_id(noon) for _ in range(100)}
    assert len(ids) == 100
    assert all(len(each) == 32 and is_young(each, noon) for each in ids)
    assert not any(is_young(each, noon + timedelta(seconds=2)) for each in ids)


@pytest.mark.usefixtures("still")
def test_beyond_a_bound_the_request_writes_itself(
    recorder: Recorder, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking_recorder, "MOST", 10)
    for _ in range(10):
        recorder.record(done(noon))
    assert kept(recorder.db, noon) == []
    recorder.record(done(noon))
    assert len(kept(recorder.db, noon)) == 11


@pytest.mark.usefixtures("still")
def test_what_waits_goes_to_the_spool_while_the_database_is_away(
    away: Database, database: Database, tmp_path: Path, noon: datetime
) -> None:
    cut_off = Recorder(away, tmp_path / "spool")
    for _ in range(3):
        cut_off.record(done(noon))
    assert cut_off.spool.count() == 0
    assert cut_off.record(done(noon, EventKind.VOTE))
    assert cut_off.spool.count() == 4
    assert Recorder(database, tmp_path / "spool").replay_spool().events == 4
    assert len(kept(database, noon)) == 4


@pytest.mark.usefixtures("still")
def test_a_forked_process_leaves_what_waits_to_its_parent(
    recorder: Recorder, noon: datetime
) -> None:
    recorder.record(done(noon))
    if (child := os.fork()) == 0:
        recorder.db.engine.dispose(close=False)  # connections are the parent's
        recorder.record(done(noon))
        recorder.flush()
        os._exit(0)
    os.waitpid(child, 0)
    assert len(kept(recorder.db, noon)) == 1  # the child's own
    recorder.flush()
    assert len(kept(recorder.db, noon)) == 2


@pytest.mark.usefixtures("still")
def test_words_being_typed_that_were_used_meanwhile_stay(
    recorder: Recorder, database: Database, tmp_path: Path, noon: datetime
) -> None:
    """Two processes write in another order than things happened."""
    other, later = Recorder(database, tmp_path / "spool"), noon + timedelta(seconds=1)
    typed = search(noon, data={"surface": Surface.SUGGEST.value})
    unused = search(noon, data={"surface": Surface.SUGGEST.value})
    recorder.record(typed, unused)
    other.record(search(later), done(later, EventKind.CLICK, search_id=typed.id))
    other.flush()
    recorder.flush()
    assert {e.id for e in kept(database, noon) if e.at == noon} == {typed.id}


PROGRAM = """
import itertools, sys
from datetime import UTC, datetime
from pathlib import Path
from kb.database import Database
from kb.tracking.events import Event, EventKind, new_id, new_search_id
from kb.tracking.recorder import Recorder
recorder = Recorder(Database(sys.argv[1]), Path(sys.argv[2]))
for number in range(int(sys.argv[3])) if len(sys.argv) > 3 else itertools.count():
    now = datetime.now(UTC)
    made = new_search_id(now)
    recorder.record(Event(made, now, EventKind.SEARCH, "v", search_id=made))
    print("search", made, flush=True)
    if number % 20 == 19:
        vote = Event(new_id(), now, EventKind.VOTE, "v", search_id=made)
        if recorder.record(vote):
            print("vote", vote.id, flush=True)
"""


def start(database_url: str, spool: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), database_url, str(spool), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def test_an_ordinary_end_of_the_process_writes_what_waits(
    database_url: str, database: Database, tmp_path: Path, noon: datetime
) -> None:
    said, _ = start(database_url, tmp_path / "spool", "7").communicate()
    assert len(kept(database, noon)) == len(said.splitlines()) == 7


def test_a_kill_loses_no_vote_and_no_search_before_one(
    database_url: str, database: Database, tmp_path: Path, noon: datetime
) -> None:
    """What was not yet written when the kill came is the end of what was done, never a hole."""
    votes, before = set[str](), set[str]()  # searches before a vote that was thanked for
    writers: list[list[str]] = []
    for _ in range(3):
        writer = start(database_url, tmp_path / "spool")
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(100)]
        os.kill(writer.pid, signal.SIGKILL)
        writers.append([])
        for kind, made in map(str.split, [*lines, *writer.stdout.read().splitlines(True)[:-1]]):
            if kind == "vote":
                votes.add(made)
                before |= set(writers[-1])
            else:
                writers[-1].append(made)
        writer.stdout.close()
        writer.wait()
    Recorder(database, tmp_path / "spool").replay_spool()
    there = {event.id for event in kept(database, noon)}
    assert len(votes) >= 12
    assert votes <= there
    assert before <= there
    for searches in writers:
        found = [made in there for made in searches]
        assert found == sorted(found, reverse=True)
