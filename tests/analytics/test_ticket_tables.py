"""Tables on tickets, from tickets that the desk opened, answered, moved and resolved."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from kb.analytics.definitions import DEFINITIONS
from kb.analytics.report import DateRange
from kb.analytics.ticket_metrics import RESOLUTIONS, STATUSES, Alike, TicketFigures, ticket_figures
from kb.config.settings import load
from kb.config.tiers import DEFAULT_TIERS
from kb.database import Database
from kb.reports.pages import figures_of_tickets, tickets_tables
from kb.schema import ticket_events, tickets, users
from kb.table import Table
from kb.tickets.escalation import escalate_due
from kb.tickets.model import (
    Action,
    Agent,
    Answer,
    Close,
    Escalate,
    Origin,
    Reopen,
    Requester,
    RequesterReply,
    Resolution,
    Resolve,
    ReturnToTier,
    TicketDraft,
)
from kb.tickets.service import Desk

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SPAN = DateRange(date(2026, 3, 1), date(2026, 3, 31))
NOW = datetime(2026, 4, 2, tzinfo=UTC)
LEVELS = tuple(tier.level for tier in DEFAULT_TIERS if tier.level)
ADA = Agent("a1", "The clock")  # a name decides nothing
GAP, LINKED = Resolution.GAP, Resolution.LINKED_ARTICLE


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database, load({}))


def live(desk: Desk, name: str, *acts: Action, **more: Any) -> int:
    """Open a ticket and act on it, an act an hour; return its number."""
    who = Requester(name, f"{name}@example.com", more.pop("user_id", ""))
    at = more.pop("at", START)
    opened = desk.open_ticket(TicketDraft(f"{name} asks", requester=who), now=at, **more)
    for hours, act in enumerate(acts, 1):
        desk.act(opened.ticket.number, act, now=at + timedelta(hours=hours))
    return opened.ticket.number


def cells(tables: Iterable[Table], key: str) -> list[dict[str, Any]]:
    """Return a table's rows by column."""
    table = next(each for each in tables if each.key == key)
    header, *rows = table.rows()
    return [dict(zip(header, row, strict=True)) for row in rows]


def shares(desk: Desk) -> dict[str, tuple[int, int]]:
    found = figures_of_tickets(desk.db, SPAN, LEVELS, NOW)
    return {each.key: (each.numerator, each.denominator or 0) for each in found.shares}


def test_tickets_are_told_by_origin_status_and_tier(desk: Desk) -> None:
    live(desk, "ann")
    live(desk, "bob", Answer(ADA, "Which one?", waiting=True))
    live(desk, "cy", Escalate(ADA, "hard"), Resolve(ADA, GAP))
    live(desk, "dee", Resolve(ADA, GAP), Close(ADA))
    live(desk, "late", at=datetime(2026, 4, 1, tzinfo=UTC))
    desk.open_ticket(TicketDraft("All ask", words_key="vpn"), Origin.DEMAND, now=START)
    found = tickets_tables(desk.db, SPAN, LEVELS, NOW)
    asked, demand = cells(found, "tickets-by-origin")
    assert [asked[status] for status in STATUSES] == [1, 0, 1, 1, 1]
    assert (asked["tickets"], demand["origin"], demand["tickets"]) == (4, "demand", 1)
    first, second, *rest = cells(found, "tickets-by-tier")
    assert (first["unresolved"], first["resolved"], first["tickets"]) == (2, 1, 3)
    assert (second["unresolved"], second["resolved"], second["tickets"]) == (0, 1, 1)
    assert [row["tickets"] for row in rest] == [0, 0]


def test_staffs_own_tickets_are_left_out(desk: Desk) -> None:
    row = {"id": "u1", "email": "ada@example.com", "name": "Ada", "password_hash": "x"}
    with desk.db.begin() as connection:
        more = {"role": "agent", "active": True, "created_at": START}
        connection.execute(sa.insert(users).values(**row, **more))
    live(desk, "ada", user_id="u1")
    assert cells(tickets_tables(desk.db, SPAN, LEVELS, NOW), "tickets-by-origin") == []


def test_moves_reopening_and_first_contact_are_shares_of_tickets(desk: Desk) -> None:
    live(desk, "one", Answer(ADA, "Like this."), RequesterReply("One", "ok"), Resolve(ADA, GAP))
    live(desk, "two", Resolve(ADA, GAP, text="Done."))
    live(desk, "asked", Answer(ADA, "Which?", waiting=True), Resolve(ADA, GAP, text="Done."))
    live(desk, "up", Escalate(ADA, "hard"), ReturnToTier(ADA, 1, "easy"), Resolve(ADA, GAP))
    live(desk, "again", Resolve(ADA, GAP), RequesterReply("Again", "no"))
    live(desk, "twice", Resolve(ADA, GAP), Reopen(ADA), Resolve(ADA, GAP))
    found = shares(desk)
    assert found["ticket_first_contact"] == (2, 6)
    assert found["ticket_reopened"] == (2, 6)
    assert found["ticket_escalated"] == found["ticket_escalated_hand"] == (1, 6)
    assert found["ticket_returned"] == (1, 6)
    assert found["ticket_escalated_clock"] == (0, 6)


def test_the_clock_and_a_hand_are_told_apart_and_one_ticket_counts_once(desk: Desk) -> None:
    number = live(desk, "ann")
    live(desk, "bob", Resolve(ADA, GAP), at=START - timedelta(hours=1))
    escalate_due(desk.db, DEFAULT_TIERS, now=START + timedelta(hours=1))
    desk.act(number, Escalate(ADA, "vendor"), now=START + timedelta(hours=2))
    found = shares(desk)
    assert found["ticket_escalated"] == (1, 2)
    assert found["ticket_escalated_clock"] == found["ticket_escalated_hand"] == (1, 2)


def test_open_tickets_count_in_times_for_as_long_as_they_are_open(desk: Desk) -> None:
    for number in range(7):
        live(desk, f"quick{number}", Answer(ADA, "So."), Resolve(ADA, GAP))
    closed = cells(tickets_tables(desk.db, SPAN, LEVELS, NOW), "ticket-times")
    answer, resolve, first, second = closed[:4]
    assert (answer["median"], resolve["median"], resolve["nine_of_ten"]) == (3600, 7200, 7200)
    assert (resolve["low95"], resolve["high95"], first["median"]) == (7200, 7200, 7200)
    assert (second["ended"], second["median"]) == (0, None)
    assert second["why_no_value"]
    for number in range(7):
        live(desk, f"slow{number}")
    _, resolve, *_ = cells(tickets_tables(desk.db, SPAN, LEVELS, NOW), "ticket-times")
    assert (resolve["ended"], resolve["still_open"], resolve["nine_of_ten"]) == (7, 7, None)
    live(desk, "slow")
    _, resolve, *_ = cells(tickets_tables(desk.db, SPAN, LEVELS, NOW), "ticket-times")
    assert resolve["median"] is None
    assert resolve["why_no_value"]


def test_known_answers_are_told_for_the_range_and_by_week(desk: Desk) -> None:
    live(desk, "ann", Resolve(ADA, LINKED, article="vpn"))
    live(desk, "bob", Resolve(ADA, Resolution.ARTICLE_TO_FIX, article="vpn"))
    live(desk, "cy", Resolve(ADA, GAP), at=START + timedelta(days=7))
    live(desk, "dee")
    assert shares(desk)["known_share"] == (2, 3)
    found = tickets_tables(desk.db, SPAN, LEVELS, NOW)
    weeks = [(row["known"], row["new"], row["share"]) for row in cells(found, "known-answers")]
    assert weeks == [(2, 0, 1.0), (0, 1, 0.0), (0, 0, None), (0, 0, None), (0, 0, None)]
    kinds = [row["tickets"] for row in cells(found, "ticket-resolutions")]
    assert kinds == [1, 1, 1, 0]


def test_what_is_written_on_a_ticket_equals_its_history(desk: Desk) -> None:
    live(desk, "ann", Answer(ADA, "a"), Resolve(ADA, GAP, text="b"), Reopen(ADA))
    live(desk, "bob", Escalate(ADA, "x"), Escalate(ADA, "y"), ReturnToTier(ADA, 2, "z"))
    escalate_due(desk.db, DEFAULT_TIERS, now=START + timedelta(days=1))
    with desk.db.read() as connection:
        rows = connection.execute(sa.select(tickets).order_by(tickets.c.number)).all()
        told = connection.execute(sa.select(ticket_events)).all()
    for row in rows:
        kinds = [each.kind for each in told if each.ticket_id == row.id]
        assert row.resolutions == kinds.count("resolved")
        assert row.returned == kinds.count("returned")
        assert row.raised_by_clock + row.raised_by_hand == kinds.count("escalated")
    assert [row.answers for row in rows] == [2, 0]
    assert [row.answered_at for row in rows] == [START + timedelta(hours=1), None]


def test_an_empty_range_has_tables_without_values(desk: Desk) -> None:
    found = tickets_tables(desk.db, SPAN, LEVELS, NOW)
    assert len({table.key for table in found}) == len(found)
    assert {row["value"] for row in cells(found, "ticket-shares")} == {None}
    for table in found:
        assert all(not each.definition or each.definition in DEFINITIONS for each in table.columns)


# -- rules --------------------------------------------------------------------------------------

COUNTS = st.integers(0, 2)
TIMES = st.tuples(st.integers(0, 30 * 86400), st.integers(0, 10**6), st.integers(0, 10**6))


@st.composite
def lots(draw: st.DrawFn) -> Alike:
    status = draw(st.sampled_from(STATUSES))
    done = status in ("resolved", "closed")
    times = np.array(draw(st.lists(TIMES, min_size=1, max_size=4)), float)
    times[:, 1] = times[:, 1] if done else np.nan
    resolutions = draw(COUNTS) + int(done)
    kind = draw(st.sampled_from(RESOLUTIONS)) if done else ""
    origin, tier = draw(st.sampled_from(["asked", "policy", "demand"])), draw(st.integers(1, 4))
    counts = [draw(COUNTS) for _ in range(4)]
    return Alike(origin, status, tier, kind, *counts, resolutions, times)


def told(found: Iterable[Alike]) -> TicketFigures:
    return ticket_figures(found, first=SPAN.first, last=SPAN.last, tiers=LEVELS, now=40 * 86400.0)


@given(st.lists(lots(), max_size=8))
def test_how_tickets_are_put_together_changes_no_figure(found: list[Alike]) -> None:
    from dataclasses import replace

    apart = [replace(each, times=each.times[[row]]) for each in found for row in range(each.number)]
    assert told(found) == told(reversed(apart))


@given(st.lists(lots(), max_size=8))
def test_parts_add_up_to_their_whole(found: list[Alike]) -> None:
    one = told(found)
    people = sum(each.number for each in found if each.of_people)
    assert sum(one.by_tier.values()) == people
    assert sum(one.by_origin.values()) == sum(each.number for each in found)
    whole = {each.key: each for each in one.shares}
    assert sum(each.numerator for each in one.resolutions) == whole["known_share"].denominator
    assert sum(each.known.numerator for each in one.periods) == whole["known_share"].numerator
    first, resolve, *by_tier = one.durations
    assert first.ended + first.still_open == resolve.ended + resolve.still_open == people
    assert sum(each.ended for each in by_tier) == resolve.ended
    assert all(0 <= each.numerator <= (each.denominator or 0) for each in one.shares)
