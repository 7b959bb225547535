"""One need, one ticket: opening through the real desk on both databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kb.config.settings import load
from kb.connectors.files import FileConnector
from kb.database import Database
from kb.errors import InvalidInput, NotAllowed, NotFound
from kb.notifications.delivery import deliver_due
from kb.schema import metadata
from kb.tickets.deduplication import key_name
from kb.tickets.model import (
    Agent,
    Answer,
    Escalate,
    Note,
    Origin,
    Requester,
    Resolution,
    Resolve,
    ReturnToTier,
    TicketDraft,
    TicketStatus,
)
from kb.tickets.requester_store import RequestKey, find_submission, forget_submissions
from kb.tickets.service import Desk
from kb.tickets.transitions import apply

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ANN = Requester("Ann", "ann@example.com")
SIGNED_IN = Requester("Ann", "ann@example.com", "u1")
AGENT = Agent("a1", "Ada")


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database, load({}))


def draft(**changes: object) -> TicketDraft:
    given: dict[str, object] = {
        "subject": "VPN will not connect",
        "requester": ANN,
        "words_key": "w1",
        "visitor": "v1",
        "trail": {"searches": [{"words": "vpn"}]},
    }
    return TicketDraft(**(given | changes))  # type: ignore[arg-type]


def test_a_new_ticket_has_a_number_a_link_and_its_trail(desk: Desk) -> None:
    opened = desk.open_ticket(draft(), now=NOW, submission="s1")
    assert opened.ticket.display_number == "T-1001"
    assert opened.link_token
    assert not opened.existing
    assert desk.by_link(opened.link_token) == opened.ticket == desk.by_number(1001)
    assert desk.by_number(1001).trail == {"searches": [{"words": "vpn"}]}


def test_the_same_submission_returns_the_same_ticket_even_when_resolved(desk: Desk) -> None:
    first = desk.open_ticket(draft(), now=NOW, submission="s1")
    desk.act(1001, Resolve(AGENT, Resolution.GAP), now=NOW)
    again = desk.open_ticket(draft(), now=NOW, submission="s1")
    assert again.existing
    assert again.ticket.id == first.ticket.id
    assert again.link_token is None


def test_somebody_elses_submission_id_leads_to_no_ticket_of_theirs(desk: Desk) -> None:
    desk.open_ticket(draft(), now=NOW, submission="s1")
    other = Requester("Bob", "bob@example.com")
    assert not desk.open_ticket(draft(requester=other), now=NOW, submission="s1").existing


def replies(desk: Desk, number: int) -> list[str]:
    history = desk.history(desk.by_number(number))
    return [event.data["text"] for event in history if event.kind == "replied"]


def test_new_words_of_an_account_for_the_same_need_are_a_reply(desk: Desk) -> None:
    """we-promise/sure#3338: a form sent again with other words is not the first one again."""
    desk.open_ticket(draft(requester=SIGNED_IN), now=NOW, submission="s1")
    more = draft(requester=SIGNED_IN, subject="Still no VPN", body="Door B as well")
    for _ in range(2):  # a double click adds once
        second = desk.open_ticket(more, now=NOW, submission="s2")
        assert (second.ticket.number, second.added, second.link_token) == (1001, True, None)
    assert replies(desk, 1001) == ["Still no VPN\n\nDoor B as well"]
    different = desk.open_ticket(replace(more, different=True), now=NOW, submission="s2")
    assert (different.ticket.number, different.added) == (1002, False)


def test_the_same_submission_with_other_words_is_another_request(desk: Desk) -> None:
    """OCA/helpdesk#948, osTicket#2004: Back restores the form's id, and the person writes anew."""
    mine = draft(requester=SIGNED_IN)
    desk.open_ticket(mine, now=NOW, submission="s1")
    desk.open_ticket(replace(mine, body="Another fact"), now=NOW, submission="s1")
    assert replies(desk, 1001) == ["Another fact"]
    elsewhere = replace(mine, subject="Printer is out", words_key="w2")
    assert desk.open_ticket(elsewhere, now=NOW, submission="s1").ticket.number == 1002


def test_an_address_proves_nothing(desk: Desk) -> None:
    """Nobody's words go on a ticket that another can have opened in their name, and nobody learns
    of another's ticket by giving their address.
    """
    desk.open_ticket(draft(), now=NOW, submission="s1")
    anonymous = desk.open_ticket(draft(body="More"), now=NOW, submission="s2")
    signed_in = desk.open_ticket(draft(requester=SIGNED_IN), now=NOW, submission="s3")
    for opened, number in ((anonymous, 1002), (signed_in, 1003)):
        assert (opened.ticket.number, opened.existing, opened.added) == (number, False, False)
        assert opened.link_token
    assert replies(desk, 1001) == []


def test_a_double_click_leads_both_times_to_the_private_link(
    desk: Desk, database: Database
) -> None:
    """pluginsGLPI/formcreator#3331: the second answer is the one that the browser shows."""
    keyed, name = Desk(database, load({}), secret="s" * 32), "f" * 32
    first = keyed.open_ticket(draft(), now=NOW, submission=name)
    again = keyed.open_ticket(draft(), now=NOW, submission=name)
    assert again.link_token == first.link_token
    weak = [keyed.open_ticket(draft(), now=NOW, submission="1").link_token for _ in range(2)]
    assert weak[0]
    assert weak[1] is None  # a name that somebody may guess brings no link


def test_a_ticket_filed_for_somebody_is_theirs_alone(desk: Desk) -> None:
    """frappe/helpdesk#1973, zammad#1805: two callers of one account share nothing."""
    filed = [
        desk.open_ticket(
            draft(requester=Requester(name, f"{name}@example.com"), filed_by="bot", visitor=name),
            now=NOW,
            submission="call",
        )
        for name in ("ann", "ben")
    ]
    assert [each.ticket.number for each in filed] == [1001, 1002]
    assert [each.ticket.filed_by for each in filed] == ["bot", "bot"]
    assert desk.own("bot") == ()
    mine = desk.open_ticket(draft(requester=Requester("Bot", "bot@x.example", "bot")), now=NOW)
    assert (mine.ticket.number, mine.added) == (1003, False)


def test_a_key_stands_for_one_request_of_one_account(desk: Desk) -> None:
    mine, key = draft(requester=SIGNED_IN), RequestKey("k1", "body")
    first = desk.open_ticket(mine, now=NOW, key=key)
    desk.act(1001, Answer(AGENT, "Try again"), now=NOW)
    assert desk.open_ticket(mine, now=NOW, key=key).ticket.id == first.ticket.id
    with pytest.raises(InvalidInput, match="another request"):
        desk.open_ticket(replace(mine, body="x"), now=NOW, key=RequestKey("k1", "other"))
    other = replace(mine, requester=Requester("Ben", "ben@example.com", "u2"))
    assert desk.open_ticket(other, now=NOW, key=RequestKey("k1", "other")).ticket.number == 1002
    with desk.db.begin() as connection:
        forget_submissions(connection, NOW + timedelta(hours=25))
        assert find_submission(connection, key_name("k1", mine))
        forget_submissions(connection, NOW + timedelta(hours=49))
        assert not find_submission(connection, key_name("k1", mine))


def test_a_few_letters_a_day_go_to_an_address_that_anybody_can_type(
    desk: Desk, letters_in: Callable[[], list[dict[str, Any]]]
) -> None:
    """canonical/ubuntu.com#9948, zupass#2212: no mail bomb, and no word of the sender's."""
    evil = {"subject": "Claim at http://evil.example", "body": "evil.example", "words_key": ""}
    for turn in range(9):
        person = Requester("IT Security evil", f"Ann+{turn}@example.com")
        opened = desk.open_ticket(draft(requester=person, **evil), now=NOW)
        assert opened.link_token
        assert desk.by_number(opened.ticket.number).body == "evil.example"
    letters = letters_in()
    assert len(letters) == 3
    for letter in letters:
        assert "evil" not in f"{letter['subject']}{letter['text']}{letter['name']}"
    own = draft(requester=SIGNED_IN, words_key="w5", body="quoted")
    desk.open_ticket(own, now=NOW)
    assert "quoted" in letters_in()[-1]["text"]
    desk.open_ticket(draft(), now=NOW + timedelta(days=1))
    assert len(letters_in()) == 5


def test_a_reason_is_the_requesters_only_where_the_agent_shows_it(desk: Desk) -> None:
    opened = desk.open_ticket(draft(), now=NOW)
    desk.act(1001, Escalate(AGENT, "He is a nuisance"), now=NOW)
    desk.act(1001, ReturnToTier(AGENT, 1, "You need a new badge", shown=True), now=NOW)
    theirs = [event.data.get("reason") for event in desk.history(opened.ticket)]
    assert theirs == [None, None, "You need a new badge"]
    ours = desk.history(opened.ticket, public_only=False)
    assert ours[1].data["reason"] == "He is a nuisance"


def test_after_resolving_the_same_words_are_a_new_need(desk: Desk) -> None:
    desk.open_ticket(draft(), now=NOW, submission="s1")
    desk.act(1001, Resolve(AGENT, Resolution.GAP), now=NOW)
    assert desk.open_ticket(draft(), now=NOW, submission="s2").ticket.number == 1002


def test_people_behind_one_address_are_not_one_person(desk: Desk) -> None:
    desk.open_ticket(draft(), now=NOW, submission="s1")
    bob = Requester("Bob", "bob@example.com")
    assert not desk.open_ticket(draft(requester=bob), now=NOW, submission="s2").existing


def test_a_resolved_ticket_is_not_reopened_beside_another_for_its_need(desk: Desk) -> None:
    mine = draft(requester=SIGNED_IN)
    opened = desk.open_ticket(mine, now=NOW, submission="s1")
    desk.act(1001, Resolve(AGENT, Resolution.GAP), now=NOW)
    desk.open_ticket(mine, now=NOW, submission="s2")
    assert opened.link_token
    with pytest.raises(NotAllowed, match="T-1002 is already open"):
        desk.reply_by_link(opened.link_token, "It is back", now=NOW)
    assert desk.by_number(1001).status is TicketStatus.RESOLVED


def test_a_reply_by_link_reopens(desk: Desk) -> None:
    opened = desk.open_ticket(draft(), now=NOW, submission="s1")
    desk.act(1001, Answer(AGENT, "Try again", waiting=True), now=NOW)
    desk.act(1001, Resolve(AGENT, Resolution.NO_KNOWLEDGE), now=NOW)
    assert opened.link_token
    later = NOW + timedelta(days=1)
    assert desk.reply_by_link(opened.link_token, "No luck", now=later).status is TicketStatus.OPEN
    kinds = [event.kind for event in desk.history(opened.ticket)]
    assert kinds == ["opened", "answered", "resolved", "replied"]


def test_what_leads_to_no_ticket_says_so(desk: Desk) -> None:
    for token in ("guess", "", "\ud800"):
        with pytest.raises(NotFound):
            desk.by_link(token)
    with pytest.raises(NotFound, match="T-4242"):
        desk.by_number(4242)


def test_the_private_link_is_nowhere_once_its_letter_is_sent(desk: Desk, tmp_path: Path) -> None:
    token = desk.open_ticket(draft(), now=NOW, submission="s1").link_token
    assert token
    deliver_due(desk.db, {"mail": FileConnector(tmp_path, "desk@example.org")}, now=NOW)
    with desk.db.read() as connection:
        for table in metadata.sorted_tables:
            rows = connection.execute(table.select()).all()
            assert token not in str(rows), table.name


def test_a_second_writer_over_an_old_version_is_refused(desk: Desk) -> None:
    desk.open_ticket(draft(), now=NOW, submission="s1")
    desk.act(1001, Answer(AGENT, "one"), now=NOW, version=1)
    with pytest.raises(NotAllowed, match="was changed while you were writing"):
        desk.act(1001, Answer(AGENT, "one"), now=NOW, version=1)
    assert desk.by_number(1001).version == 2


def test_a_ticket_is_saved_only_over_the_version_it_was_read_at(desk: Desk) -> None:
    read = desk.open_ticket(draft(), now=NOW, submission="s1").ticket
    after, event = apply(read, Note(AGENT, "mine"), now=NOW, tiers=desk.tiers)
    desk.act(1001, Note(AGENT, "theirs"), now=NOW)
    with pytest.raises(NotAllowed, match="changed"), desk.work() as work:
        work.tickets.save(read, after, event)
    notes = [each.data.get("text") for each in desk.history(read, public_only=False)]
    assert notes == [None, "theirs"]


def test_nobodys_submission_is_too_odd_to_be_kept(desk: Desk) -> None:
    first = desk.open_ticket(draft(words_key=""), now=NOW, submission="\ud800\x00")
    again = desk.open_ticket(draft(words_key=""), now=NOW, submission="\ud800\x00")
    assert again.ticket.id == first.ticket.id


def test_every_wrong_field_is_named_and_nothing_opened(desk: Desk) -> None:
    bad = draft(subject="x", body="y" * 20_001, requester=Requester("N", "no address"))
    with pytest.raises(InvalidInput) as refused:
        desk.open_ticket(bad, now=NOW)
    assert set(refused.value.fields) == {"subject", "body", "email"}
    assert desk.queue().total == 0


def test_a_failing_record_costs_no_ticket(database: Database) -> None:
    def broken(_: object) -> None:
        raise OSError("disk full")

    desk = Desk(database, load({}), record=broken)
    assert desk.open_ticket(draft(), now=NOW).ticket.number == 1001
    assert desk.queue().total == 1


def test_origin_demand_gives_nobody_a_link(desk: Desk) -> None:
    team = draft(requester=Requester())
    opened = desk.open_ticket(team, Origin.DEMAND, now=NOW)
    assert opened.link_token is None
    assert desk.open_ticket(team, Origin.DEMAND, now=NOW).existing
