"""Failed searches into gaps in the database: numbers that last, words that are forgotten."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa

from kb.analytics.store import forget_words
from kb.database import Database
from kb.gaps import store as gaps_store
from kb.gaps.clustering import MODEL as STEMS
from kb.gaps.jobs import Grouping
from kb.gaps.model import Gap, GapEventKind, GapStatus
from kb.gaps.service import GapFilter, detail, listing
from kb.privacy.store import forget
from kb.schema import gap_searches, gaps, question_vectors

Fail = Callable[..., list[str]]
REFUND = ("my refund has not arrived", "where is my refund", "refund still missing")
CARD = ("my card was swallowed by the machine", "the atm kept my card", "cash machine took my card")


def every(database: Database) -> tuple[Gap, ...]:
    with database.read() as connection:
        return gaps_store.every(connection)


def places(database: Database) -> dict[str, str]:
    with database.read() as connection:
        return {search: place.gap_id for search, place in gaps_store.placed(connection).items()}


def kinds(database: Database, gap: Gap) -> list[str]:
    with database.read() as connection:
        return [event.kind for event in gaps_store.history(connection, gap.id)]


def test_questions_of_one_meaning_are_one_gap(
    database: Database, fail: Fail, by_meaning: Grouping, now: datetime
) -> None:
    for n, words in enumerate((*REFUND, *CARD)):
        fail(words, 3 - n % 2)
    fail("how tall is the moon", 1)
    done = by_meaning.run(now)
    assert (done.gaps, done.whole, done.without) == (2, True, "")
    found = listing(database, GapFilter(), k=3, now=now)
    assert [gap.label for gap in found.gaps] == [REFUND[2], CARD[1]]
    assert [gap.number for gap in found.gaps] == [1, 2]
    assert found.total == 16
    assert found.held == 15 / 16


def test_new_failures_join_by_meaning_and_the_rest_waits_or_makes_a_gap(
    database: Database, fail: Fail, by_meaning: Grouping, now: datetime
) -> None:
    for words in REFUND:
        fail(words, 2)
    by_meaning.run(now)
    [late] = fail("I still wait for my refund", 1)
    fail("the exchange rate is wrong", 2)
    later = now + timedelta(hours=1)
    done = by_meaning.run(later)
    assert not done.whole
    first, second = every(database)
    assert places(database)[late] == first.id
    assert (first.searches, second.searches) == (7, 2)
    assert by_meaning.run(later + timedelta(days=1)).whole
    assert [gap.id for gap in every(database)] == [first.id, second.id]


def test_a_second_run_changes_nothing(
    database: Database, fail: Fail, by_stems: Grouping, now: datetime
) -> None:
    for words in (*REFUND, *CARD):
        fail(words, 3)
    by_stems.run(now)
    before, placed = every(database), places(database)
    by_stems.run(now, anew=True)
    by_stems.run(now, anew=False)
    assert every(database) == before
    assert places(database) == placed


def test_without_a_model_stems_group_and_the_round_says_so(
    database: Database, fail: Fail, by_stems: Grouping, now: datetime
) -> None:
    fail("printers keep jamming", 3)
    fail("the printer jams", 3)
    fail("badge lost", 3)
    done = by_stems.run(now)
    assert (done.gaps, bool(done.without)) == (2, True)
    assert {gap.model for gap in every(database)} == {STEMS}


def test_numbers_survive_a_change_of_model(
    database: Database, fail: Fail, by_stems: Grouping, by_meaning: Grouping, now: datetime
) -> None:
    for words in ("refund missing", "missing refund money"):
        fail(words, 3)
    by_stems.run(now)
    before = [(gap.id, gap.number) for gap in every(database)]
    assert by_meaning.run(now + timedelta(minutes=1)).whole
    assert [(gap.id, gap.number) for gap in every(database)] == before


def test_machine_merges_and_splits_are_told_in_history(
    database: Database, fail: Fail, by_meaning: Grouping, now: datetime
) -> None:
    ids = [fail(words, 3) for words in REFUND]
    by_meaning.run(now)
    [refund] = every(database)
    with database.begin() as connection:  # as an earlier grouping might have had it
        other = Gap("other", 2)
        gaps_store.add_gap(connection, other, now)
        at = dict.fromkeys(ids[2], now)
        gaps_store.place(database, connection, at, "other", by_hand=False)
    by_meaning.run(now + timedelta(days=2))
    kept, merged = every(database)
    assert (kept.id, merged.became_id) == (refund.id, refund.id)
    assert GapEventKind.MERGED in kinds(database, merged)
    assert GapEventKind.ABSORBED in kinds(database, kept)
    assert detail(database, 2, k=3).became == 1
    wrong = fail(CARD[0], 2) + fail(CARD[1], 2)
    with database.begin() as connection:
        at = dict.fromkeys([each for some in ids for each in some], now)
        gaps_store.place(database, connection, at, refund.id, by_hand=False)
        gaps_store.place(database, connection, dict.fromkeys(wrong, now), refund.id, by_hand=False)
    by_meaning.run(now + timedelta(days=4))
    card = every(database)[-1]
    assert (card.came_from_id, card.number) == (refund.id, 3)
    assert kinds(database, card) == [GapEventKind.SPLIT]
    assert GapEventKind.LEFT in kinds(database, refund)


def test_a_touched_gap_keeps_its_questions_and_never_melts(
    database: Database, fail: Fail, by_meaning: Grouping, now: datetime
) -> None:
    one, two = fail(REFUND[0], 3), fail(REFUND[1], 3)
    by_meaning.run(now)
    with database.begin() as connection:
        for gap_id, searches, title in (("a", one, "Late refunds"), ("b", two, "")):
            gap = Gap(gap_id, 7 + (gap_id == "b"), GapStatus.WATCHING, title=title)
            gaps_store.add_gap(connection, gap, now)
            gaps_store.place(
                database, connection, dict.fromkeys(searches, now), gap_id, by_hand=False
            )
    by_meaning.run(now + timedelta(days=2))
    placed = places(database)
    assert {placed[each] for each in one} == {"a"}
    assert {placed[each] for each in two} == {"b"}


def test_what_is_forgotten_is_forgotten_here_too(
    database: Database, fail: Fail, by_meaning: Grouping, now: datetime
) -> None:
    fail(REFUND[0], 4, days=1)
    by_meaning.run(now)
    assert every(database)[0].label == REFUND[0]
    later = now + timedelta(days=95)
    with database.begin() as connection:
        forget_words(connection, later - timedelta(days=90))
        forgotten = forget(connection, later, retention=timedelta(days=90))
    assert forgotten["question vectors"] == 1
    by_meaning.run(later)
    [gap] = every(database)
    assert (gap.label, gap.searches, gap.number) == ("", 0, 1)
    assert listing(database, GapFilter(), k=3, now=later).gaps == ()
    with database.read() as connection:
        for table in (question_vectors, gap_searches):
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0
        assert connection.scalar(sa.select(gaps.c.centre)) is None
