"""Closing from raw events: the same rows however often, whoever runs it, whatever comes late."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kb.analytics.jobs import (
    Rebuilt,
    close_episodes,
    demand,
    judge_again,
    mark_policy,
    purge,
    rebuild,
    unresolved_without_policy,
)
from kb.database import Database
from kb.schema import episodes, events, failed_searches, salts
from kb.tracking.events import Event
from kb.tracking.store import put_all, salt_of

Did = Callable[..., Event]
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Spans:
    """The two settings that closing reads."""

    episode_gap: timedelta = timedelta(minutes=30)
    outcome_window: timedelta = timedelta(hours=24)


SPANS = Spans()


def rows(db: Database, table: sa.Table) -> list[Any]:
    with db.read() as connection:
        return sorted(connection.execute(sa.select(table)).all(), key=repr)


def both(db: Database) -> tuple[list[Any], list[Any]]:
    return rows(db, episodes), rows(db, failed_searches)


def outcomes(db: Database) -> dict[str, str]:
    return {row.visitor: row.outcome for row in rows(db, episodes)}


def test_the_life_of_an_unmet_need(database: Database, noon: datetime, did: Did) -> None:
    failed = did("search", 0, words="lost key", total=0, user_id="u1")
    put_all(database, [failed])
    assert close_episodes(database, SPANS, noon + timedelta(minutes=10)).unresolved == ()
    closed = close_episodes(database, SPANS, noon + HOUR)
    (one,) = closed.unresolved
    assert (one.visitor, one.user_id, one.search_id) == ("v", "u1", failed.id)
    assert (one.words, one.words_key, one.language) == ("lost key", failed.words_key, "en")
    assert one.ended_at == noon
    with database.begin() as connection:
        assert mark_policy(connection, one.id, "offer")
        assert not mark_policy(connection, one.id, "ticket")
    assert unresolved_without_policy(database, noon + HOUR) == ()
    close_episodes(database, SPANS, noon + 26 * HOUR)
    (row,) = rows(database, episodes)
    assert (row.policy, row.outcome, row.closed) == ("offer", "abandoned", True)


def test_again_and_again_leaves_the_same_rows(database: Database, noon: datetime, did: Did) -> None:
    put_all(database, [did("search", n * 400, words=f"w{n}", total=n % 2) for n in range(12)])
    put_all(database, [did("view", n, article="a", visitor=f"x{n}") for n in range(5)])
    close_episodes(database, SPANS, noon + 3 * HOUR)
    before = both(database)
    assert close_episodes(database, SPANS, noon + 3 * HOUR).judged == 0
    assert both(database) == before
    with database.begin() as connection:  # found anew from nothing, the rows are the same
        connection.execute(sa.delete(episodes))
        connection.execute(sa.delete(failed_searches))
    close_episodes(database, SPANS, noon + 3 * HOUR)
    assert both(database) == before


def test_two_workers_at_once_do_no_harm(database: Database, noon: datetime, did: Did) -> None:
    put_all(
        database,
        [did("search", n, words=f"w{n % 3}", total=0, visitor=f"v{n % 20}") for n in range(60)],
    )
    failed: list[BaseException] = []

    def work() -> None:
        try:
            close_episodes(database, SPANS, noon + HOUR)
        except BaseException as problem:
            failed.append(problem)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failed == []
    assert (len(rows(database, episodes)), len(rows(database, failed_searches))) == (20, 60)


def test_a_late_event_joins_two_episodes_and_the_mark_stays(
    database: Database, noon: datetime, did: Did
) -> None:
    first = did("search", 0, words="a", total=0, user_id="u")
    second = did("search", 3000, words="b", total=0, user_id="u")
    put_all(database, [second])
    (ended,) = close_episodes(database, SPANS, noon + 2 * HOUR).unresolved
    with database.begin() as connection:
        mark_policy(connection, ended.id, "offer")
    late = did("view", 1500, article="x", user_id="u")
    put_all(database, [first, late])
    later = noon + timedelta(days=3)
    close_episodes(database, SPANS, later, since=noon)
    (row,) = rows(database, episodes)
    assert row.id != ended.id
    assert (row.policy, row.started_at) == ("offer", noon)


def test_days_without_a_worker_lose_no_episode(
    database: Database, noon: datetime, did: Did
) -> None:
    put_all(database, [did("search", 0, words="a"), did("search", 5 * 86400, words="b")])
    close_episodes(database, SPANS, noon + timedelta(days=9))
    assert len(rows(database, episodes)) == 2
    assert all(row.closed for row in rows(database, episodes))


def test_an_episode_is_not_cut_where_closing_looks_from(
    database: Database, noon: datetime, did: Did
) -> None:
    put_all(database, [did("search", n * 1700, words=f"w{n}", total=0) for n in range(60)])
    for hours in (1, 10, 20, 26, 28, 40, 60):
        close_episodes(database, SPANS, noon + hours * HOUR)
    (row,) = rows(database, episodes)
    assert row.data["searches"] == 60
    assert len(rows(database, failed_searches)) == 60


def test_a_ticket_after_the_end_turns_the_outcome(
    database: Database, noon: datetime, did: Did
) -> None:
    put_all(database, [did("search", 0, words="a", total=0, user_id="u")])
    close_episodes(database, SPANS, noon + HOUR)
    put_all(database, [did("ticket_created", 7200, visitor="elsewhere", user_id="u", number=1)])
    closed = close_episodes(database, SPANS, noon + 3 * HOUR)
    assert closed.unresolved == ()
    assert [(row.visitor, row.outcome) for row in rows(database, episodes)] == [("v", "ticketed")]


def test_staff_and_robots_make_no_rows(database: Database, noon: datetime, did: Did) -> None:
    put_all(database, [did("search", 0, words="a", total=0, left_out="staff")])
    assert close_episodes(database, SPANS, noon + HOUR).judged == 0
    assert both(database) == ([], [])


def test_demand_counts_people_not_searches_nor_the_ticketed(
    database: Database, noon: datetime, did: Did
) -> None:
    for n, words in enumerate(["VPN slow", "vpn slow!", "vpn slow", "other"]):
        put_all(database, [did("search", n, words=words, total=0, visitor=f"v{n}")])
    put_all(database, [did("search", 60, words="x", total=0, visitor="v0"),
                       did("search", 70, words="vpn slow", total=0, visitor="v0"),
                       did("search", 0, words="vpn slow", total=0, visitor="helped"),
                       did("ticket_created", 9, visitor="helped", number=1)])  # fmt: skip
    close_episodes(database, SPANS, noon + HOUR)
    (one,) = demand(database, noon, 3)
    assert (one.people, one.searches, one.languages) == (3, 4, ("en",))
    assert one.visitors == ("v0", "v1", "v2")
    assert one.words == "vpn slow"
    assert demand(database, noon, 4) == ()
    assert demand(database, noon, 0) == ()
    assert demand(database, noon + HOUR, 1) == ()


def test_old_words_and_salts_are_forgotten_and_counts_stay(
    database: Database, noon: datetime, did: Did
) -> None:
    old = did("search", 0, words="secret plan", total=0, searched_for="secret", suggestion="plan")
    vote = did("vote", 5, article="a", helpful=False, reason="it told my plan")
    new = did("search", 80 * 86400, words="fresh", total=0, searched_for="fresh")
    put_all(database, [old, vote, new])
    now = noon + timedelta(days=91)
    close_episodes(database, SPANS, now)
    salt_of(database, "2025-03-10", b"x" * 32)
    salt_of(database, now.date().isoformat(), b"y" * 32)
    assert purge(database, SPANS, now, retention=timedelta(days=90)) == 1
    assert purge(database, SPANS, now, retention=timedelta(days=90)) == 0
    words = {row.id: row.words for row in rows(database, events)}
    assert words == {old.id: None, vote.id: None, new.id: "fresh"}
    kept = repr([row.data for row in rows(database, events) if row.id != new.id])
    assert "plan" not in kept
    assert "secret" not in kept
    assert {row.words for row in rows(database, failed_searches)} == {None, "fresh"}
    assert [row.day for row in rows(database, salts)] == [now.date().isoformat()]
    assert len(rows(database, episodes)) == 2


@pytest.mark.parametrize("minutes", [30, 31])
def test_an_episode_ends_when_nothing_can_join_it(
    database: Database, noon: datetime, did: Did, minutes: int
) -> None:
    put_all(database, [did("search", 0, words="a", total=0, user_id="u")])
    closed = close_episodes(database, SPANS, noon + timedelta(minutes=minutes))
    assert len(closed.unresolved) == (minutes > 30)


def test_a_ticket_days_later_is_kept_for_longer_waits_and_changes_no_outcome(
    database: Database, noon: datetime, did: Did
) -> None:
    put_all(database, [did("view", 0, article="a"), did("dwell", 60, article="a", seconds=60)])
    close_episodes(database, SPANS, noon + 30 * HOUR)
    put_all(database, [did("ticket_created", 5 * 86400, number=1, origin="asked")])
    close_episodes(database, SPANS, noon + timedelta(days=5, hours=1))
    [row] = rows(database, episodes)
    assert row.outcome == "potential"
    assert row.data["ticket_after"] == 5 * 86400 - 60


def test_a_ticket_told_of_late_is_judged_for_those_it_names(
    database: Database, noon: datetime, did: Did
) -> None:
    put_all(database, [did("view", 0, article="a"), did("dwell", 60, article="a", seconds=60)])
    close_episodes(database, SPANS, noon + 30 * HOUR)
    put_all(database, [did("view", 38 * 86400, article="a", visitor="w")])
    later = noon + timedelta(days=40)
    close_episodes(database, SPANS, later)
    put_all(database, [did("ticket_created", 7200, number=1, origin="outside")])
    close_episodes(database, SPANS, later)
    assert outcomes(database) == {"v": "potential", "w": "abandoned"}
    since = noon + 2 * HOUR
    assert judge_again(database, SPANS, later, visitors={"v"}, since=since) == 1
    assert outcomes(database) == {"v": "ticketed", "w": "abandoned"}


def test_all_is_judged_anew_from_the_raw_events_with_the_same_result(
    database: Database, noon: datetime, did: Did
) -> None:
    for day in range(6):
        at = day * 86400
        put_all(database, [
            did("search", at, words="vpn token", visitor=f"v{day % 4}"),
            did("view", at + 5, article="a", visitor=f"v{day % 4}"),
            did("survey_shown", at + 5, article="a", visitor=f"v{day % 4}"),
            did("form_opened", at + 90, visitor=f"v{day % 4}"),
            did("holdout", at + 90, visitor=f"v{day % 4}", arm="shown", share=10),
        ])  # fmt: skip
        close_episodes(database, SPANS, noon + timedelta(days=day, hours=1))
    put_all(database, [did("ticket_created", 5 * 86400 + 99, visitor="v1", number=9)])
    later = noon + timedelta(days=9)
    close_episodes(database, SPANS, later)
    before = both(database)
    assert rebuild(database, SPANS, later, since=noon - HOUR) == Rebuilt(6, 0, 6, 0)
    assert both(database) == before
    with database.begin() as connection:  # what an earlier definition left, or a fault
        connection.execute(sa.update(episodes).values(definition=1, data={}))
        connection.execute(sa.delete(failed_searches))
    done = rebuild(database, SPANS, later, since=noon - HOUR)
    assert done.judged == 6
    assert done.rows >= 5  # the last one was brought up to date as any round does
    assert both(database) == before
