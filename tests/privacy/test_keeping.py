"""What is kept goes in time, a dry run only counts, and the figures say what is there."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from kb.database import Database
from kb.privacy.model import as_json, as_text
from kb.privacy.overview import figures
from kb.privacy.retention import due, purge
from kb.schema import events, gap_searches, offers, outbox, question_vectors, salts, subscriptions
from kb.tracking.events import Event, EventKind
from kb.tracking.query_text import words_key
from kb.tracking.store import put_all, salt_of

NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Promises:
    """The settings that privacy reads."""

    retention: timedelta = 90 * DAY
    k_anonymity: int = 2
    episode_gap: timedelta = timedelta(minutes=30)
    outcome_window: timedelta = timedelta(hours=24)


SETTINGS = Promises()


def _search(name: str, words: str, days: int, **more: Any) -> Event:
    data = {"surface": "page", "searched_for": words} | more.pop("data", {})
    return Event(
        name, NOW - days * DAY, EventKind.SEARCH, more.pop("visitor", name), search_id=name,
        words=words, words_key=words_key(words), data=data, **more,
    )  # fmt: skip


def _fill(database: Database) -> None:
    """Put old and young rows into every table that holds what people wrote."""
    redacted = {"redacted": {"email": 2, "phone": 1}}
    put_all(
        database,
        [
            _search("old", "lost badge", 91),
            _search("young", "lost badge", 10, data=redacted),
            _search("other", "Lost badge!", 9, data={"redacted": {"email": 1}}),
            _search("agent", "queue", 5, left_out="staff"),
            _search("robot", "sitemap", 5, left_out="robot"),
            _search("gone", "forgotten words", 120),
        ],
    )
    for day in ("2026-03-20", "2026-03-29"):
        salt_of(database, day, b"x" * 32)
    with database.begin() as connection:
        for key, words, days in (("a", "lost badge", 200), ("b", "forgotten words", 120),
                                 ("c", "queue", 5)):  # fmt: skip
            row = {"words_key": words_key(words), "model": key, "vector": b"1"}
            connection.execute(sa.insert(question_vectors).values(**row, at=NOW - days * DAY))
        for name, days in (("old", 91), ("young", 10)):
            placed = sa.insert(gap_searches).values(search_id=name, at=NOW - days * DAY)
            connection.execute(placed)
        for name, state, days in (("o1", "open", 100), ("o2", "taken", 100), ("o3", "open", 3)):
            row = {"id": name, "user_id": "u", "episode_id": name, "need_key": "n", "words": "w"}
            row |= {"search_id": "s", "state": state, "created_at": NOW - days * DAY}
            connection.execute(sa.insert(offers).values(**row))
        for name, state, days in (("l1", "delivered", 100), ("l2", "delivered", 3),
                                  ("l3", "dead", 100)):  # fmt: skip
            row = {"id": name, "channel": "mail", "payload": {"to": "a@b.test", "subject": "s"}}
            row |= {"state": state, "created_at": NOW - days * DAY, "due_at": NOW}
            connection.execute(sa.insert(outbox).values(**row))
        for name, days, confirmed, told in (
            ("w1", 8, None, None), ("w2", 6, None, None), ("w3", 100, 99, 95),
            ("w4", 100, 99, None), ("w5", 181, 180, None),
        ):  # fmt: skip
            row = {"id": name, "search_id": "s", "email": "a@b.test", "language": "en"}
            row |= {"audience": "public", "words": "w", "state": "asked", "link_digest": name}
            row |= {"created_at": NOW - days * DAY}
            row |= {"confirmed_at": NOW - confirmed * DAY if confirmed else None}
            row |= {"told_at": NOW - told * DAY if told else None}
            connection.execute(sa.insert(subscriptions).values(**row))


def _column(database: Database, column: Any, **where: Any) -> list[Any]:
    query = sa.select(column).filter_by(**where).order_by(column.table.primary_key.columns[0])
    with database.read() as connection:
        return list(connection.scalars(query))


def test_what_is_due_is_counted_first_and_then_gone(database: Database, tmp_path: Path) -> None:
    _fill(database)
    wanted = {
        "events": 2, "failed searches": 0, "salts": 1, "question vectors": 1, "offers": 2,
        "letters": 1, "subscriptions": 4, "searches in gaps": 1,
    }  # fmt: skip
    assert due(database, SETTINGS, NOW, retention=SETTINGS.retention) == wanted
    assert due(database, SETTINGS, NOW, retention=SETTINGS.retention) == wanted, "changes nothing"
    done = purge(database, SETTINGS, NOW, retention=SETTINGS.retention, spool=tmp_path)
    assert {name: count for name, count in done.items() if count} == {
        "events": 2, "question vectors": 1, "offers": 2, "letters": 1, "subscriptions": 4,
        "searches in gaps": 1,
    }  # fmt: skip
    again = due(database, SETTINGS, NOW, retention=SETTINGS.retention)
    assert set(again.values()) == {0}
    assert _column(database, events.c.words, id="old") == [None]
    assert _column(database, events.c.words, id="young") == ["lost badge"]
    assert sorted(_column(database, question_vectors.c.model)) == ["a", "c"]
    assert _column(database, offers.c.state) == ["declined", "taken", "open"]
    assert _column(database, offers.c.words) == ["", "", "w"]
    kept = [payload.get("to", "") for payload in _column(database, outbox.c.payload)]
    assert kept == ["", "a@b.test", "a@b.test"]
    assert _column(database, subscriptions.c.id) == ["w2"]
    assert _column(database, gap_searches.c.search_id) == ["young"]
    assert _column(database, salts.c.day) == ["2026-03-29"]


def test_lines_that_could_never_be_put_are_forgotten_too(
    database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "unreadable.jsonl"
    old, young = (NOW - 91 * DAY).isoformat(), (NOW - DAY).isoformat()
    rows = [json.dumps({"at": old, "words": "old"}), json.dumps({"at": young}), "torn {", "[]"]
    file.write_text("\n".join(rows) + "\n")
    assert purge(database, SETTINGS, NOW, retention=90 * DAY, spool=tmp_path)["lines"] == 1
    assert file.read_text().splitlines() == rows[1:]
    stamp = (NOW - 91 * DAY).timestamp()
    os.utime(file, (stamp, stamp))
    assert purge(database, SETTINGS, NOW, retention=90 * DAY, spool=tmp_path)["lines"] == 2


def test_the_figures_say_what_is_held_and_what_was_hidden(
    database: Database, tmp_path: Path
) -> None:
    empty = figures(database, SETTINGS, NOW)
    assert (empty.totals.events, empty.oldest_words, empty.late) == (0, None, False)
    assert "none held" in as_text(empty)
    _fill(database)
    found = figures(database, SETTINGS, NOW)
    total = found.totals
    assert (total.events, total.staff, total.robots, total.worded) == (6, 1, 1, 6)
    assert found.oldest_words == NOW - 120 * DAY
    assert found.late
    assert "LATE" in as_text(found)
    assert (found.searches, found.touched) == (4, 2)
    hidden = {kind: count for kind, count in found.redacted.items() if count}
    assert hidden == {"email": 3, "phone": 1}
    assert (found.wordings, found.shown) == (2, 1), "of staff and robots none is counted"
    assert (found.salts, found.oldest_salt) == (2, "2026-03-20")
    assert found.held["letters refused for good"] == 1
    assert found.held["addresses of letters delivered"] == 2
    assert found.held["people waiting for an answer"] == 4
    purge(database, SETTINGS, NOW, retention=SETTINGS.retention, spool=tmp_path)
    after = figures(database, SETTINGS, NOW)
    assert not after.late
    assert after.oldest_words == NOW - 10 * DAY
    told = json.loads(json.dumps(as_json(after)))
    assert told["late"] is False
    assert told["redacted"]["email"] == 3
