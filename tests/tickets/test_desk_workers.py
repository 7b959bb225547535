"""Nobody who cannot work tickets has one: given, switched off, made a reader, erased."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from kb.accounts.roles import Role
from kb.accounts.store import Accounts
from kb.config.settings import load
from kb.database import Database
from kb.errors import InvalidInput
from kb.tickets.model import (
    NOBODY,
    Agent,
    Assign,
    QueueFilter,
    Reopen,
    Requester,
    Resolution,
    Resolve,
    TicketDraft,
)
from kb.tickets.service import Desk
from kb.tickets.store import giving_back

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ADA, BEN = Agent("a1", "Ada"), Agent("a2", "Ben")


@pytest.fixture
def desk(database: Database, staff: None) -> Desk:
    del staff
    desk = Desk(database, load({}))
    for turn in range(3):
        draft = TicketDraft(f"Lamp {turn}", requester=Requester("Ann", "ann@example.com"))
        desk.open_ticket(draft, now=NOW)
    return desk


def off(desk: Desk, email: str = "ada@example.com") -> int:
    return Accounts(desk.db).set_active(email, False, then=giving_back(NOW))


def with_nobody(desk: Desk) -> list[int]:
    return [each.number for each in desk.queue(QueueFilter(assignee=NOBODY)).tickets]


def test_who_is_switched_off_leaves_no_open_ticket(desk: Desk) -> None:
    """mozilla/sumo#2141, phproject#88: tickets of somebody who left are seen by nobody."""
    for number in (1001, 1002):
        desk.act(number, Assign(BEN, ADA), now=NOW)
    desk.act(1002, Resolve(ADA, Resolution.GAP), now=NOW)
    assert off(desk) == 1
    assert with_nobody(desk) == [1001, 1003]
    event = desk.history(desk.by_number(1001), public_only=False)[-1]
    assert (event.kind, event.public) == ("given_back", False)
    desk.act(1002, Reopen(BEN), now=NOW)  # it does not come back to who is gone
    assert desk.by_number(1002).assignee_id is None
    assert off(desk) == 0


def test_a_role_that_works_no_tickets_gives_them_back_and_another_keeps_them(desk: Desk) -> None:
    """alga-psa#3232."""
    desk.act(1001, Assign(BEN, ADA), now=NOW)
    accounts = Accounts(desk.db)
    assert accounts.set_role("ada@example.com", Role.LEAD, then=giving_back(NOW)) == 0
    assert desk.by_number(1001).assignee_id == "a1"
    assert accounts.set_role("ada@example.com", Role.AUTHOR, then=giving_back(NOW)) == 1
    assert desk.by_number(1001).assignee_id is None


def test_a_ticket_of_somebody_who_was_switched_off_before_is_with_nobody(desk: Desk) -> None:
    desk.act(1001, Assign(BEN, ADA), now=NOW)
    Accounts(desk.db).set_active("ada@example.com", False)  # as an older version did
    assert 1001 in with_nobody(desk)


def test_a_ticket_is_given_to_nobody_who_cannot_work_it(desk: Desk) -> None:
    """faveo#206: readers, authors, unknown and switched-off accounts are refused."""
    accounts = Accounts(desk.db)
    for role in (Role.READER, Role.AUTHOR):
        accounts.set_role("ada@example.com", role)
        with pytest.raises(InvalidInput):
            desk.act(1001, Assign(BEN, ADA), now=NOW)
    accounts.set_role("ada@example.com", Role.AGENT)
    accounts.set_active("ada@example.com", False)
    for gone in (ADA, Agent("nobody", "N")):
        with pytest.raises(InvalidInput):
            desk.act(1001, Assign(BEN, gone), now=NOW)
    assert desk.by_number(1001).assignee_id is None


def test_giving_and_switching_off_at_once_leaves_nothing_with_who_is_gone(desk: Desk) -> None:
    def give(number: int) -> None:
        try:
            desk.act(number, Assign(BEN, ADA), now=NOW)
        except InvalidInput:
            return

    with ThreadPoolExecutor(4) as pool:
        given = [pool.submit(give, number) for number in (1001, 1002, 1003)]
        pool.submit(off, desk).result()
        for each in given:
            each.result()
    assert with_nobody(desk) == [1001, 1002, 1003]
    assert {desk.by_number(number).assignee_id for number in (1001, 1002, 1003)} == {None}
