"""The rules of a ticket's life, against a model that knows only the statuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kb.config.tiers import DEFAULT_TIERS, Tier
from kb.errors import InvalidInput, NotAllowed
from kb.tickets import transitions
from kb.tickets.model import (
    ACTIVE,
    WITH_ARTICLE,
    Agent,
    Answer,
    Assign,
    AutoEscalate,
    Close,
    Escalate,
    Note,
    Origin,
    Reopen,
    Requester,
    RequesterReply,
    Resolution,
    Resolve,
    ReturnToTier,
    Ticket,
    TicketStatus,
    display_number,
    parse_number,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ADA = Agent("a1", "Ada")
QUARTER = timedelta(minutes=15)


def ticket(**changes: object) -> Ticket:
    new = Ticket(
        id="t",
        number=1001,
        origin=Origin.ASKED,
        need_key="n",
        words_key="w",
        subject="s",
        body="b",
        status=TicketStatus.NEW,
        tier=1,
        tier_since=NOW,
        requester=Requester("Ann", "ann@example.com"),
        visitor="v",
        search_id=None,
        language="en",
        trail={},
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(new, **changes)  # type: ignore[arg-type]


def after(before: Ticket, action: transitions.Action, now: datetime = NOW) -> Ticket:
    return transitions.apply(before, action, now=now, tiers=DEFAULT_TIERS)[0]


class LifeOfATicket(RuleBasedStateMachine):
    """Every action at any time: what the table allows happens, the rest changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.ticket = ticket()
        self.now = NOW
        self.waited = timedelta(0)  # since the ticket came to its tier
        self.events = 0

    def does(
        self, action: transitions.Action, expected: TicketStatus, *, sound: bool = True
    ) -> bool:
        allowed = sound and self.ticket.status in transitions.MOVES[type(action)]
        before = self.ticket
        try:
            self.ticket, event = transitions.apply(
                before, action, now=self.now, tiers=DEFAULT_TIERS
            )
        except NotAllowed:
            moved = False
        else:
            moved = True
        assert moved == allowed
        if not moved:
            assert self.ticket is before
            return False
        assert self.ticket.status is expected
        assert event.at == self.now
        self.events += 1
        return True

    @rule(seconds=st.integers(1, 3600))
    def time_passes(self, seconds: int) -> None:
        if self.ticket.status is TicketStatus.WAITING:
            self.waited += timedelta(seconds=seconds)
        self.now += timedelta(seconds=seconds)

    @rule(waiting=st.booleans(), text=st.sampled_from(["Try this", "  "]))
    def answer(self, waiting: bool, text: str) -> None:
        expected = TicketStatus.WAITING if waiting else TicketStatus.OPEN
        self.does(Answer(ADA, text, waiting), expected, sound=bool(text.strip()))

    @rule()
    def note(self) -> None:
        self.does(Note(ADA, "seen"), self.ticket.status)

    @rule(to=st.sampled_from([None, ADA]))
    def assign(self, to: Agent | None) -> None:
        taken = self.ticket.status is TicketStatus.NEW and to is not None
        self.does(Assign(ADA, to), TicketStatus.OPEN if taken else self.ticket.status)

    @rule(to=st.none() | st.integers(-1, 6))
    def escalate(self, to: int | None) -> None:
        goal = self.ticket.tier + 1 if to is None else to
        sound = self.ticket.tier < goal <= 4
        if self.does(Escalate(ADA, "beyond us", to), self.ticket.status, sound=sound):
            assert self.ticket.tier == goal
            self.waited = timedelta(0)

    @rule(to=st.integers(-1, 6))
    def return_down(self, to: int) -> None:
        sound = 1 <= to < self.ticket.tier
        if self.does(ReturnToTier(ADA, to, "yours"), self.ticket.status, sound=sound):
            assert self.ticket.tier == to
            self.waited = timedelta(0)

    @rule()
    def clock_escalates(self) -> None:
        since = self.ticket.tier_since
        sound = self.ticket.tier == 1 and self.now - since >= QUARTER
        if self.does(AutoEscalate(since), self.ticket.status, sound=sound):
            self.waited = timedelta(0)
            with pytest.raises(NotAllowed):
                after(self.ticket, AutoEscalate(since), self.now)

    @rule(resolution=st.sampled_from(Resolution), article=st.sampled_from(["", "vpn"]))
    def resolve(self, resolution: Resolution, article: str) -> None:
        sound = bool(article) or resolution not in WITH_ARTICLE
        if self.does(Resolve(ADA, resolution, "", article), TicketStatus.RESOLVED, sound=sound):
            assert bool(self.ticket.resolution_article) == (resolution in WITH_ARTICLE)

    @rule()
    def reopen(self) -> None:
        if self.does(Reopen(ADA), TicketStatus.OPEN):
            self.waited = timedelta(0)

    @rule()
    def reply(self) -> None:
        status = self.ticket.status
        expected = TicketStatus.NEW if status is TicketStatus.NEW else TicketStatus.OPEN
        if self.does(RequesterReply("Ann", "still broken"), expected) and (
            status is TicketStatus.RESOLVED
        ):
            self.waited = timedelta(0)

    @precondition(lambda self: self.ticket.status in {TicketStatus.RESOLVED, TicketStatus.NEW})
    @rule()
    def close(self) -> None:
        self.does(Close(ADA), TicketStatus.CLOSED)

    @invariant()
    def it_is_consistent(self) -> None:
        seen = self.ticket
        assert seen.version == 1 + self.events
        assert 1 <= seen.tier <= 4
        assert (seen.waiting_since is not None) == (seen.status is TicketStatus.WAITING)
        ended = seen.status in {TicketStatus.RESOLVED, TicketStatus.CLOSED}
        assert (seen.resolution is not None) == (seen.resolved_at is not None) == ended
        assert seen.active == (seen.status in ACTIVE)

    @invariant()
    def waiting_never_counts_against_the_tier(self) -> None:
        if self.ticket.status in {TicketStatus.NEW, TicketStatus.OPEN}:
            assert self.ticket.tier_since <= self.now
            assert self.now - self.ticket.tier_since <= self.now - NOW - self.waited


LifeOfATicket.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLifeOfATicket = LifeOfATicket.TestCase


def test_the_clock_stands_still_while_waiting_for_the_requester() -> None:
    waiting = after(ticket(), Answer(ADA, "Which laptop?", waiting=True), NOW + QUARTER / 3)
    late = NOW + timedelta(days=2)
    assert not transitions.due(waiting, now=late, tiers=DEFAULT_TIERS)
    back = after(waiting, RequesterReply("Ann", "The grey one"), late)
    left = 2 * QUARTER / 3
    just_before = late + left - timedelta(seconds=1)
    assert not transitions.due(back, now=just_before, tiers=DEFAULT_TIERS)
    assert transitions.due(back, now=late + left, tiers=DEFAULT_TIERS)


def test_a_clock_that_steps_back_moves_nothing() -> None:
    waiting = after(ticket(), Answer(ADA, "Which?", waiting=True), NOW)
    back = after(waiting, RequesterReply("Ann", "This"), NOW - timedelta(hours=1))
    assert back.tier_since == NOW


def test_at_the_highest_tier_the_clock_does_nothing() -> None:
    two = (Tier(0, "Self", ""), Tier(1, "Desk", "", escalate_after=QUARTER))
    assert not transitions.due(ticket(), now=NOW + timedelta(days=9), tiers=two)


@pytest.mark.parametrize("status", TicketStatus)
@pytest.mark.parametrize("kind", transitions.MOVES, ids=lambda kind: kind.__name__)
def test_a_refusal_says_why_and_what_to_do(kind: type, status: TicketStatus) -> None:
    if status in transitions.MOVES[kind]:
        return
    sample = {
        Answer: Answer(ADA, "x"),
        Assign: Assign(ADA, ADA),
        Escalate: Escalate(ADA, "x"),
        AutoEscalate: AutoEscalate(NOW),
        ReturnToTier: ReturnToTier(ADA, 1, "x"),
        Resolve: Resolve(ADA, Resolution.GAP),
        Reopen: Reopen(ADA),
        RequesterReply: RequesterReply("Ann", "x"),
        Close: Close(ADA),
    }[kind]
    with pytest.raises(NotAllowed) as refusal:
        after(ticket(status=status), sample)
    assert str(status) in refusal.value.message
    assert refusal.value.hint.endswith(".")


def test_a_worker_that_saw_the_ticket_before_it_moved_does_not_move_it_again() -> None:
    both = (*DEFAULT_TIERS[:2], replace(DEFAULT_TIERS[2], escalate_after=QUARTER), DEFAULT_TIERS[3])
    seen = ticket()
    moved, _ = transitions.apply(seen, AutoEscalate(seen.tier_since), now=NOW + QUARTER, tiers=both)
    late = NOW + 3 * QUARTER  # overdue at tier 2 as well, but that is not what was seen
    with pytest.raises(NotAllowed):
        transitions.apply(moved, AutoEscalate(seen.tier_since), now=late, tiers=both)
    again, _ = transitions.apply(moved, AutoEscalate(moved.tier_since), now=late, tiers=both)
    assert again.tier == 3


def test_notes_are_for_staff_and_answers_for_everybody() -> None:
    _, note = transitions.apply(ticket(), Note(ADA, "odd"), now=NOW, tiers=DEFAULT_TIERS)
    _, answer = transitions.apply(ticket(), Answer(ADA, "so"), now=NOW, tiers=DEFAULT_TIERS)
    assert (note.public, answer.public) == (False, True)


@given(st.integers(1, 999_999_999))
def test_a_number_survives_being_shown_and_read(number: int) -> None:
    assert parse_number(f" {display_number(number).lower()} ") == number


@pytest.mark.parametrize("text", ["", "T-", "1001; drop", "T-1.5", "-7", "T-1001 T-1002", "T-١٠٠١"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_number(text)


DOCUMENTED = {
    "answer": Answer,
    "note,": Note,
    "assign,": Assign,
    "escalate to": Escalate,
    "escalate by": AutoEscalate,
    "return": ReturnToTier,
    "resolve": Resolve,
    "reopen": Reopen,
    "reply": RequesterReply,
    "close": Close,
}


def test_the_guide_lists_the_moves_that_are_allowed() -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs" / "tickets.md").read_text()
    table = guide.split("| move | from | by |")[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in row.split("|")[1:3]] for row in table.splitlines()[2:]]
    said = {
        kind: frozenset(TicketStatus)
        if where == "any"
        else frozenset(map(TicketStatus, where.split(", ")))
        for move, where in rows
        for start, kind in DOCUMENTED.items()
        if move.startswith(start)
    }
    assert said == dict(transitions.MOVES)
