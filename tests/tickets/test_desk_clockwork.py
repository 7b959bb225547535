"""Escalation by the clock, and the lease that lets one worker do it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from kb.config.settings import load
from kb.config.tiers import DEFAULT_TIERS
from kb.database import Database
from kb.leases import hold, release
from kb.tickets.escalation import escalate_due
from kb.tickets.model import (
    Agent,
    Answer,
    Assign,
    Requester,
    RequesterReply,
    Resolution,
    Resolve,
    TicketDraft,
)
from kb.tickets.service import Desk

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LATE = NOW + timedelta(minutes=15)
ADA = Agent("a1", "Ada")
ANN = Requester("Ann", "ann@example.com")


@pytest.fixture
def desk(database: Database) -> Desk:
    opened = Desk(database, load({}))
    opened.open_ticket(TicketDraft("VPN drops", requester=ANN), now=NOW)
    return opened


def test_a_ticket_moves_up_when_its_time_is_over_and_not_before(desk: Desk) -> None:
    early = LATE - timedelta(microseconds=1)
    assert escalate_due(desk.db, DEFAULT_TIERS, now=early) == ()
    [moved] = escalate_due(desk.db, DEFAULT_TIERS, now=LATE)
    assert (moved.tier, moved.tier_since) == (2, LATE)
    assert desk.by_number(1001) == moved
    assert desk.history(moved)[-1].data["to_name"] == "Technicians"


def test_two_workers_escalate_once(desk: Desk) -> None:
    with ThreadPoolExecutor(2) as workers:
        runs = [workers.submit(escalate_due, desk.db, DEFAULT_TIERS, now=LATE) for _ in range(2)]
        moved = [ticket for run in runs for ticket in run.result()]
    assert len(moved) == 1
    kinds = [event.kind for event in desk.history(moved[0])]
    assert kinds == ["opened", "escalated"]


def test_waiting_and_resolved_tickets_stay(desk: Desk) -> None:
    desk.act(1001, Answer(ADA, "Which laptop?", waiting=True), now=NOW)
    assert escalate_due(desk.db, DEFAULT_TIERS, now=LATE) == ()
    desk.act(1001, RequesterReply("Ann", "The grey one"), now=LATE)
    assert escalate_due(desk.db, DEFAULT_TIERS, now=LATE) == ()
    desk.act(1001, Resolve(ADA, Resolution.GAP), now=LATE)
    assert escalate_due(desk.db, DEFAULT_TIERS, now=LATE + timedelta(days=1)) == ()


def test_a_move_up_takes_the_ticket_from_its_agent(desk: Desk, staff: None) -> None:
    del staff
    desk.act(1001, Assign(ADA, ADA), now=NOW)
    [moved] = escalate_due(desk.db, DEFAULT_TIERS, now=LATE)
    assert moved.assignee_id is None


def test_one_owner_at_a_time_holds_a_lease(database: Database) -> None:
    ttl = timedelta(seconds=30)
    assert hold(database, "close", owner="one", now=NOW, ttl=ttl)
    assert not hold(database, "close", owner="two", now=NOW + ttl / 2, ttl=ttl)
    assert hold(database, "close", owner="one", now=NOW + ttl / 2, ttl=ttl)
    assert not hold(database, "close", owner="two", now=NOW + ttl, ttl=ttl)
    assert hold(database, "close", owner="two", now=NOW + 3 * ttl / 2, ttl=ttl)
    assert not hold(database, "close", owner="one", now=NOW + 3 * ttl / 2, ttl=ttl)
    assert hold(database, "purge", owner="one", now=NOW, ttl=ttl)


def test_a_lease_given_back_is_free_and_only_its_owner_gives_it_back(database: Database) -> None:
    ttl = timedelta(seconds=30)
    hold(database, "close", owner="one", now=NOW, ttl=ttl)
    release(database, "close", owner="two")
    assert not hold(database, "close", owner="two", now=NOW, ttl=ttl)
    release(database, "close", owner="one")
    assert hold(database, "close", owner="two", now=NOW, ttl=ttl)


def test_of_many_workers_asking_at_once_one_holds_the_lease(database: Database) -> None:
    def ask(owner: int) -> bool:
        return hold(database, "close", owner=str(owner), now=NOW, ttl=timedelta(seconds=30))

    with ThreadPoolExecutor(8) as workers:
        assert sum(workers.map(ask, range(16))) == 1
