"""The queue as staff filters it, and the letters that acting on it writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kb.config.settings import load
from kb.database import Database
from kb.errors import InvalidInput
from kb.tickets.model import (
    NOBODY,
    Agent,
    Answer,
    Assign,
    Escalate,
    Note,
    Order,
    Origin,
    QueueFilter,
    Requester,
    RequesterReply,
    Resolution,
    Resolve,
    TicketDraft,
    TicketStatus,
)
from kb.tickets.service import Desk

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ADA, BEN = Agent("a1", "Ada"), Agent("a2", "Ben")
SUBJECTS = ("VPN drops 50% of the time", "Printer_3 is silent", "Añadir un buzón", "vpn on Linux")
Letters = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def desk(database: Database, staff: None) -> Desk:
    del staff
    desk = Desk(database, load({}))
    for turn, subject in enumerate(SUBJECTS):
        person = Requester("Ann", "ann@example.com", "u1" if turn == 1 else "")
        language = "es" if turn == 2 else "en"
        draft = TicketDraft(subject, "the body", person, words_key=f"w{turn}", language=language)
        desk.open_ticket(draft, now=NOW + timedelta(hours=turn))
    return desk


def numbers(desk: Desk, **filters: Any) -> list[int]:
    return [ticket.number - 1000 for ticket in desk.queue(QueueFilter(**filters)).tickets]


def test_the_queue_is_oldest_first_and_pages(desk: Desk) -> None:
    assert numbers(desk) == [1, 2, 3, 4]
    assert numbers(desk, order=Order.NEWEST) == [4, 3, 2, 1]
    page = desk.queue(QueueFilter(limit=2, offset=2))
    assert ([ticket.number for ticket in page.tickets], page.total) == ([1003, 1004], 4)
    assert numbers(desk, limit=-1) == []


def test_filters_narrow_the_queue(desk: Desk) -> None:
    later = NOW + timedelta(days=1)
    desk.act(1001, Assign(ADA, ADA), now=later)
    desk.act(1002, Escalate(ADA, "hardware"), now=later)
    desk.act(1003, Resolve(ADA, Resolution.GAP), now=later)
    assert numbers(desk) == [1, 2, 4]
    assert numbers(desk, assignee="a1") == [1]
    assert numbers(desk, assignee=NOBODY) == [2, 4]
    assert numbers(desk, tier=2) == [2]
    assert numbers(desk, status=frozenset({TicketStatus.RESOLVED})) == [3]
    assert numbers(desk, origin=Origin.DEMAND) == []
    assert numbers(desk, before=NOW + timedelta(hours=1)) == [1]
    assert numbers(desk, order=Order.CHANGED)[-1] == 4


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("vpn", [1, 4]),
        ("linux vpn", [4]),
        ("50%", [1]),
        ("%", [1]),
        ("r_3", [2]),
        ("buzón", [3]),
        ("t-1004", [4]),
        ("' OR 1=1 --", []),
        ("\x00", [1, 2, 3, 4]),
        ("\ud800", []),
    ],
)
def test_words_are_looked_for_in_subjects_as_they_stand(
    desk: Desk, words: str, found: list[int]
) -> None:
    assert numbers(desk, words=words) == found


def test_own_tickets_are_the_accounts(desk: Desk) -> None:
    assert [ticket.number for ticket in desk.own("u1")] == [1002]
    assert desk.own("") == ()


def test_notes_stay_with_staff(desk: Desk, letters_in: Letters) -> None:
    before = len(letters_in())
    ticket = desk.act(1001, Note(ADA, "seems odd"), now=NOW)
    assert [event.kind for event in desk.history(ticket)] == ["opened"]
    assert [e.kind for e in desk.history(ticket, public_only=False)] == ["opened", "noted"]
    assert len(letters_in()) == before


def test_an_answer_is_mailed_with_a_private_link_of_its_own(
    desk: Desk, letters_in: Letters
) -> None:
    desk.act(1001, Answer(ADA, "Try {this} & <that>"), now=NOW + timedelta(days=1))
    letter = letters_in()[-1]
    assert letter["subject"] == "[T-1001] VPN drops 50% of the time"
    assert "Try {this} & <that>" in letter["text"]
    link = letter["text"].partition("/tickets/")[2].split()[0]
    assert desk.by_link(link) == desk.by_number(1001)
    assert letter["thread"] == desk.by_number(1001).id


def test_a_signed_in_requester_is_led_to_their_page(desk: Desk, letters_in: Letters) -> None:
    desk.act(1002, Answer(ADA, "Turn it on"), now=NOW + timedelta(days=1))
    assert "/my/tickets/T-1002" in letters_in()[-1]["text"]


def test_a_resolution_names_the_article_in_the_readers_language(
    desk: Desk, letters_in: Letters
) -> None:
    action = Resolve(BEN, Resolution.LINKED_ARTICLE, "Así se hace.", "mail/buzon")
    ticket = desk.act(1003, action, now=NOW + timedelta(days=1))
    assert ticket.resolution_article == "mail/buzon"
    text = letters_in()[-1]["text"]
    assert "T-1003 está resuelta" in text
    assert "http://127.0.0.1:8000/articles/mail/buzon" in text


def test_an_article_to_be_fixed_is_not_shown_as_the_answer(desk: Desk, letters_in: Letters) -> None:
    action = Resolve(BEN, Resolution.ARTICLE_TO_FIX, "Done by hand.", "vpn/old")
    desk.act(1001, action, now=NOW + timedelta(days=1))
    assert "vpn/old" not in letters_in()[-1]["text"]


@pytest.mark.parametrize(
    "action",
    [
        Answer(ADA, " "),
        Answer(ADA, "x" * 20_001),
        RequesterReply("Ann", ""),
        Resolve(ADA, Resolution.LINKED_ARTICLE, "", "a" * 256),
        Escalate(ADA, "x" * 20_001),
    ],
    ids=["empty", "long", "empty reply", "long slug", "long reason"],
)
def test_what_does_not_fit_is_refused_before_anything_changes(desk: Desk, action: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        desk.act(1001, action, now=NOW)
    assert refused.value.fields
    assert desk.by_number(1001).version == 1
