"""Events reach the disk once: through the database, or through the spool and then the database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from kb.database import Database
from kb.errors import StoreError
from kb.tracking import store as tracking_store
from kb.tracking.events import Event, EventKind, new_id
from kb.tracking.query_text import words_key
from kb.tracking.recorder import Recorder
from kb.tracking.spool import Spool, from_line, to_line


def event(at: datetime, number: int = 0, **more: object) -> Event:
    made = {"id": f"e{number}", "at": at, "kind": EventKind.VIEW, "visitor": "v", "article": "vpn"}
    return Event(**(made | more))  # type: ignore[arg-type]


def search(at: datetime, words: str, surface: str = "page", **more: object) -> Event:
    made = new_id()
    facts = {"id": made, "search_id": made, "kind": EventKind.SEARCH, "words": words}
    facts |= {"words_key": words_key(words), "data": {"surface": surface}, "article": None}
    return event(at, **(facts | more))


def kept(db: Database, noon: datetime, visitor: str = "v") -> list[Event]:
    return list(tracking_store.of_visitor(db, visitor, noon - timedelta(days=9)))


def written(recorder: Recorder, noon: datetime, visitor: str = "v") -> list[Event]:
    recorder.flush()
    return kept(recorder.db, noon, visitor)


def test_an_event_comes_back_as_it_went_in_and_lands_once(
    recorder: Recorder, noon: datetime
) -> None:
    one = search(noon, "wi-fi «roto» 😀", user_id="u", left_out="staff")
    assert recorder.record(one)
    assert recorder.record(one)
    (back,) = written(recorder, noon)
    assert back.seq > 0
    assert to_line(back) == to_line(one)


def test_the_spool_takes_what_the_database_does_not_and_gives_it_back_once(
    database: Database, away: Database, tmp_path: Path, noon: datetime
) -> None:
    cut_off = Recorder(away, tmp_path / "spool")
    assert all(cut_off.record(event(noon, n)) for n in range(5))
    cut_off.flush()
    recovered = Recorder(database, tmp_path / "spool")
    assert recovered.record(event(noon, 3, kind=EventKind.VOTE))
    replayed = recovered.replay_spool()
    assert (replayed.events, replayed.oldest) == (5, noon)
    assert recovered.replay_spool().events == 0
    assert sorted(e.id for e in kept(database, noon)) == ["e0", "e1", "e2", "e3", "e4"]


def test_a_database_still_away_leaves_the_spool_whole(
    database: Database, away: Database, tmp_path: Path, noon: datetime
) -> None:
    cut_off = Recorder(away, tmp_path / "spool")
    cut_off.record(event(noon))
    cut_off.flush()
    with pytest.raises(StoreError):
        cut_off.replay_spool()
    assert Recorder(database, tmp_path / "spool").replay_spool().events == 1


def test_a_long_spool_comes_back_in_parts_between_which_others_write(
    database: Database, tmp_path: Path, noon: datetime
) -> None:
    """luminary#88, vibe-kanban#2926: one that writes long makes the others fail, whose events then
    wait in the spool and make the next one longer.
    """
    Spool(tmp_path / "spool").append(*(event(noon, n) for n in range(900)))
    ends = list[sa.Connection]()
    sa.event.listen(database.engine, "commit", ends.append)
    assert Recorder(database, tmp_path / "spool").replay_spool().events == 900
    assert len(ends) == 5
    assert len(kept(database, noon)) == 900


def test_a_failing_database_is_left_alone_for_a_while(
    database: Database, tmp_path: Path, noon: datetime, away: Database
) -> None:
    time = [0.0]
    recorder = Recorder(away, tmp_path / "spool", clock=lambda: time[0])
    recorder.record(event(noon, 1, kind=EventKind.VOTE))
    recorder.db = database
    recorder.record(event(noon, 2))
    assert written(recorder, noon) == []
    time[0] = 6.0
    recorder.record(event(noon, 3))
    assert [e.id for e in written(recorder, noon)] == ["e3"]


def test_neither_database_nor_spool_is_said_and_not_raised(
    away: Database, tmp_path: Path, noon: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    recorder = Recorder(away, tmp_path / "file" / "spool")
    assert recorder.record(event(noon, kind=EventKind.VOTE)) is False
    assert "is lost" in caplog.text
    assert recorder.record(event(noon)) is False  # as far as is known


def test_a_batch_given_twice_after_a_kill_lands_once(
    database: Database, tmp_path: Path, noon: datetime
) -> None:
    spool = Spool(tmp_path / "spool")
    spool.append(event(noon))

    def put_then_die(batch: Sequence[Event]) -> Sequence[Event]:
        tracking_store.put_all(database, batch)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        spool.drain(put_then_die)
    assert spool.waiting()
    Recorder(database, tmp_path / "spool").replay_spool()
    assert len(kept(database, noon)) == 1
    assert not spool.waiting()


def test_a_torn_line_costs_itself_only(database: Database, tmp_path: Path, noon: datetime) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder)
    spool.append(event(noon, 1))
    with (folder / "events.jsonl").open("a") as out:
        out.write('{"id": "cut sh')
    spool.append(event(noon, 2))
    assert Recorder(database, folder).replay_spool().events == 2
    assert "cut sh" in (folder / "unreadable.jsonl").read_text()


def test_an_event_that_no_database_takes_does_not_block_the_others(
    database: Database, tmp_path: Path, noon: datetime
) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder)
    for one in (event(noon, 1), event(noon, 2, visitor=None), event(noon, 3)):
        spool.append(one)
    assert Recorder(database, folder).replay_spool().events == 2
    assert json.loads((folder / "unreadable.jsonl").read_text())["id"] == "e2"


def test_what_passes_sets_no_event_apart(
    database: Database, tmp_path: Path, noon: datetime
) -> None:
    """The database answers, and twice fails to write: a lock, too many connections."""
    folder, failures = tmp_path / "spool", iter(range(2))
    Spool(folder).append(event(noon, 1), event(noon, 2))

    def fail(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO events") and next(failures, None) is not None:
            raise sa.exc.OperationalError(statement, {}, OSError("database is locked"))

    sa.event.listen(database.engine, "before_cursor_execute", fail)
    assert Recorder(database, folder).replay_spool().events == 2
    assert not (folder / "unreadable.jsonl").exists()
    assert len(kept(database, noon)) == 2


def test_killed_writers_lose_no_acknowledged_event(
    database: Database, tmp_path: Path, noon: datetime
) -> None:
    """A process that says an id only after `append` returned is killed; every id said is kept."""
    program = textwrap.dedent(
        """
        import sys
        from datetime import UTC, datetime
        from pathlib import Path
        from kb.tracking.events import Event, EventKind
        from kb.tracking.spool import Spool
        spool = Spool(Path(sys.argv[1]))
        n = 0
        while True:
            n += 1
            one = Event(f"{sys.argv[2]}-{n}", datetime.now(UTC), EventKind.VIEW, "v")
            spool.append(one)
            print(one.id, flush=True)
        """
    )
    said: set[str] = set()
    for name in ("a", "b", "c"):
        writer = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "spool"), name],
            stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert writer.stdout is not None
        said |= {writer.stdout.readline().strip() for _ in range(20)}
        os.kill(writer.pid, signal.SIGKILL)
        said |= set(writer.stdout.read().split("\n")[:-1])
        writer.stdout.close()
        writer.wait()
    Recorder(database, tmp_path / "spool").replay_spool()
    everything = tracking_store.of_visitor(database, "v", noon - timedelta(days=9))
    assert len(said) >= 60
    assert said <= {e.id for e in everything}


def test_writers_in_parallel_all_land(recorder: Recorder, noon: datetime) -> None:
    def write(who: int) -> None:
        for n in range(20):
            recorder.record(event(noon, 100 * who + n))

    writers = [threading.Thread(target=write, args=(who,)) for who in range(1, 5)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    recorder.replay_spool()
    assert len(written(recorder, noon)) == 80


def test_typing_leaves_its_last_form_in_any_order(recorder: Recorder, noon: datetime) -> None:
    forms = [search(noon + timedelta(seconds=n), "printer"[: n + 3], "suggest") for n in range(4)]
    for form in (forms[0], forms[2], forms[1], forms[3]):
        recorder.record(form)
    assert [e.words for e in written(recorder, noon)] == ["printe"]
    recorder.record(search(noon + timedelta(seconds=9), "printer jam"))
    assert [e.words for e in written(recorder, noon)] == ["printer jam"]


def test_a_typed_form_that_was_used_stays(recorder: Recorder, noon: datetime) -> None:
    first = search(noon, "print", "suggest")
    recorder.record(first)
    recorder.record(event(noon + timedelta(seconds=1), 1, search_id=first.id))
    recorder.record(search(noon + timedelta(seconds=2), "printer", "suggest"))
    assert [e.words for e in written(recorder, noon) if e.words] == ["print", "printer"]


def test_typing_of_others_and_after_a_pause_is_left_alone(
    recorder: Recorder, noon: datetime
) -> None:
    recorder.record(search(noon, "one", "suggest"))
    recorder.record(search(noon, "two", "suggest", visitor="w"))
    recorder.record(search(noon + timedelta(minutes=5), "three"))
    assert [e.words for e in written(recorder, noon)] == ["one", "three"]
    assert [e.words for e in written(recorder, noon, "w")] == ["two"]


def test_anothers_search_id_is_dropped(recorder: Recorder, noon: datetime) -> None:
    theirs = search(noon, "vpn", visitor="somebody else")
    recorder.record(theirs)
    recorder.record(event(noon, 1, search_id=theirs.id), event(noon, 2, search_id="unknown"))
    assert {e.id: e.search_id for e in written(recorder, noon)} == {"e1": None, "e2": "unknown"}


@pytest.mark.parametrize("line", ["[]", "{}", "null", '{"at": 3}', '{"at":"2025-01-01T00:00"}'])
def test_a_line_that_is_no_event_is_refused(line: str) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        from_line(line)
