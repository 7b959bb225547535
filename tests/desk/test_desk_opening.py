"""One need, one ticket: opening through the real desk on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kb.config import load
from kb.connectors.files import FileChannel
from kb.db import Database
from kb.desk.actions import Answer, Note, Resolve
from kb.desk.outbox import deliver_due
from kb.desk.rules import apply
from kb.desk.service import Desk
from kb.desk.ticket import Agent, Draft, Origin, Requester, Resolution, Status
from kb.errors import InvalidInput, NotAllowed, NotFound
from kb.schema import metadata

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ANN = Requester("Ann", "ann@example.com")
AGENT = Agent("a1", "Ada")


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database, load({}))


def draft(**changes: object) -> Draft:
    given: dict[str, object] = {
        "subject": "VPN will not connect",
        "requester": ANN,
        "words_key": "w1",
        "visitor": "v1",
        "trail": {"searches": [{"words": "vpn"}]},
    }
    return Draft(**(given | changes))  # type: ignore[arg-type]


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


def test_same_person_same_words_is_shown_the_open_ticket(desk: Desk) -> None:
    desk.open_ticket(draft(), now=NOW, submission="s1")
    second = desk.open_ticket(draft(subject="Still no VPN"), now=NOW, submission="s2")
    assert second.existing
    assert second.ticket.number == 1001
    different = desk.open_ticket(draft(different=True), now=NOW, submission="s3")
    assert different.ticket.number == 1002


def test_the_account_is_recognised_by_its_address(desk: Desk) -> None:
    desk.open_ticket(draft(), now=NOW, submission="s1")
    signed_in = Requester("Ann", "Ann@Example.com", "u1")
    assert desk.open_ticket(draft(requester=signed_in), now=NOW, submission="s2").existing


def test_after_resolving_the_same_words_are_a_new_need(desk: Desk) -> None:
    desk.open_ticket(draft(), now=NOW, submission="s1")
    desk.act(1001, Resolve(AGENT, Resolution.GAP), now=NOW)
    assert desk.open_ticket(draft(), now=NOW, submission="s2").ticket.number == 1002


def test_people_behind_one_address_are_not_one_person(desk: Desk) -> None:
    desk.open_ticket(draft(), now=NOW, submission="s1")
    bob = Requester("Bob", "bob@example.com")
    assert not desk.open_ticket(draft(requester=bob), now=NOW, submission="s2").existing


def test_a_resolved_ticket_is_not_reopened_beside_another_for_its_need(desk: Desk) -> None:
    opened = desk.open_ticket(draft(), now=NOW, submission="s1")
    desk.act(1001, Resolve(AGENT, Resolution.GAP), now=NOW)
    desk.open_ticket(draft(), now=NOW, submission="s2")
    assert opened.link_token
    with pytest.raises(NotAllowed, match="T-1002 is already open"):
        desk.reply_by_link(opened.link_token, "It is back", now=NOW)
    assert desk.by_number(1001).status is Status.RESOLVED


def test_a_reply_by_link_reopens(desk: Desk) -> None:
    opened = desk.open_ticket(draft(), now=NOW, submission="s1")
    desk.act(1001, Answer(AGENT, "Try again", waiting=True), now=NOW)
    desk.act(1001, Resolve(AGENT, Resolution.NO_KNOWLEDGE), now=NOW)
    assert opened.link_token
    later = NOW + timedelta(days=1)
    assert desk.reply_by_link(opened.link_token, "No luck", now=later).status is Status.OPEN
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
    deliver_due(desk.db, {"mail": FileChannel(tmp_path, "desk@example.org")}, now=NOW)
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
