"""What people do to gaps, and that the machine respects it afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from kb.database import Database
from kb.errors import InvalidInput, NotAllowed, NotFound
from kb.gaps import service as gaps_service
from kb.gaps import store as gaps_store
from kb.gaps.jobs import Grouping
from kb.gaps.model import Gap, GapEventKind, GapStatus
from kb.gaps.service import Act, Acting, GapFilter, detail, listing

Fail = Callable[..., list[str]]
Do = Callable[..., Gap]
REFUND = ("my refund has not arrived", "where is my refund")
CARD = ("my card was swallowed by the machine", "the atm kept my card")


@pytest.fixture
def do(database: Database, now: datetime) -> Do:
    """Return a way to act on a gap at its present version."""

    def act(number: int, what: Act, version: int = 0) -> Gap:
        with database.read() as connection:
            gap = gaps_store.numbered(connection, number)
        at = version or (gap.version if gap else 1)
        return gaps_service.act(database, number, what, Acting("Ada", now, at, k=3))

    return act


@pytest.fixture
def two(fail: Fail, by_meaning: Grouping, now: datetime) -> list[list[str]]:
    """Make gap 1 of refunds and gap 2 of cards; return their searches by wording."""
    made = [fail(words, 4) for words in REFUND] + [fail(words, 3) for words in CARD]
    by_meaning.run(now)
    return made


def test_a_name_given_by_hand_stays_through_groupings(
    database: Database, two: list[list[str]], do: Do, by_meaning: Grouping, now: datetime
) -> None:
    assert do(1, gaps_service.rename("  Late   refunds ")).title == "Late refunds"
    by_meaning.run(now + timedelta(days=2))
    assert detail(database, 1, k=3).gap.title == "Late refunds"
    assert do(1, gaps_service.rename("")).title == ""
    with pytest.raises(InvalidInput):
        gaps_service.rename("x" * 201)


def test_an_owner_makes_it_assigned_and_a_decision_is_kept(
    database: Database, two: list[list[str]], do: Do, by_meaning: Grouping, now: datetime
) -> None:
    assert do(1, gaps_service.assign("ada", "Ada")).status is GapStatus.ASSIGNED
    assert do(1, gaps_service.assign("", "nobody")).status is GapStatus.NEW
    do(2, gaps_service.decide("declined"))
    with pytest.raises(InvalidInput):
        do(2, gaps_service.decide("declined"))
    with pytest.raises(InvalidInput):
        gaps_service.decide("answered")
    by_meaning.run(now + timedelta(days=2))
    shown = listing(database, GapFilter(), k=3, now=now)
    assert [gap.number for gap in shown.gaps] == [1]
    declined = listing(database, GapFilter(status="declined"), k=3, now=now)
    assert [gap.number for gap in declined.gaps] == [2]


def test_what_was_merged_by_hand_stays_merged(
    database: Database,
    two: list[list[str]],
    do: Do,
    fail: Fail,
    by_meaning: Grouping,
    now: datetime,
) -> None:
    do(2, gaps_service.merge(1))
    fail(CARD[0], ["late"])
    by_meaning.run(now + timedelta(days=2))
    merged, into = detail(database, 2, k=3), detail(database, 1, k=3)
    assert (merged.became, merged.gap.searches) == (1, 0)
    assert into.gap.searches == 15
    assert {e.kind for e in merged.history} == {GapEventKind.MADE, GapEventKind.MERGED}
    with pytest.raises(NotAllowed):
        do(2, gaps_service.rename("no"))
    with pytest.raises(InvalidInput):
        do(1, gaps_service.merge(2))
    with pytest.raises(InvalidInput):
        do(1, gaps_service.merge(1))
    with pytest.raises(InvalidInput):
        do(1, gaps_service.merge(99))


def test_what_was_split_by_hand_stays_apart(
    database: Database, two: list[list[str]], do: Do, by_meaning: Grouping, now: datetime
) -> None:
    do(1, gaps_service.split(two[0][:1]))
    by_meaning.run(now + timedelta(days=2))
    old, new = detail(database, 1, k=3), detail(database, 3, k=3)
    assert [each.shown.words for each in new.questions] == [REFUND[0]]
    assert [each.shown.words for each in old.questions] == [REFUND[1]]
    assert new.came_from == 1
    with pytest.raises(InvalidInput):
        do(1, gaps_service.split(two[1]))
    with pytest.raises(InvalidInput):
        do(1, gaps_service.split([]))


def test_a_question_moved_or_taken_out_stays_so(
    database: Database, two: list[list[str]], do: Do, by_meaning: Grouping, now: datetime
) -> None:
    do(1, gaps_service.move(two[1], 2))
    do(2, gaps_service.move(two[3], 0))
    by_meaning.run(now + timedelta(days=2))
    inside = {each.shown.words for each in detail(database, 2, k=3).questions}
    assert inside == {REFUND[1], CARD[0]}
    with database.read() as connection:
        place = gaps_store.placed(connection)[two[3][0]]
    assert place == gaps_store.GapOfSearch("", by_hand=True)


def test_the_second_of_two_who_act_at_once_is_told(two: list[list[str]], do: Do) -> None:
    do(1, gaps_service.rename("One"))
    with pytest.raises(NotAllowed, match="meanwhile"):
        do(1, gaps_service.rename("Two"), version=1)
    with pytest.raises(NotFound):
        do(99, gaps_service.rename("No"))
