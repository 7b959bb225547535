"""The policies for unresolved episodes and for demand, through the real desk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kb.config.settings import load
from kb.database import Database
from kb.errors import NotFound, StoreError
from kb.schema import offers
from kb.tickets.model import Agent, Answer, Origin, Requester, Resolution, Resolve, TicketDraft
from kb.tickets.offers import decline_offer, find_offer, open_offer, take_offer
from kb.tickets.policies import Done, apply_demand, apply_unresolved_policy
from kb.tickets.service import Desk

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ADA = Agent("a1", "Ada")
Letters = Callable[[], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Episode:
    id: str
    user_id: str
    words: str = "vpn drops"
    words_key: str = "w1"
    visitor: str = "v1"
    search_id: str = "s1"
    language: str = "en"
    ended_at: datetime = NOW - timedelta(minutes=31)


@dataclass(frozen=True, slots=True)
class Wanted:
    words_key: str = "w1"
    words: str = "vpn drops"
    people: int = 5
    searches: int = 9
    first_at: datetime = NOW - timedelta(days=2)
    last_at: datetime = NOW - timedelta(hours=1)


class Policy:
    """The policy as a worker runs it, with a mark that is kept in memory."""

    def __init__(self, database: Database, policy: str) -> None:
        self.desk = Desk(database, load({}, unresolved_policy=policy))
        self.marks: dict[str, str] = {}

    def run(self, *episodes: Episode) -> dict[Done, int]:
        done = apply_unresolved_policy(
            self.desk, episodes, mark=self.mark, trail=lambda e: {"words": e.words}, now=NOW
        )
        return {kind: count for kind, count in done.items() if count}

    def mark(self, connection: Any, episode: str, what: str) -> None:
        connection.execute(sa.select(1))  # the mark is on the policy's own open transaction
        self.marks[episode] = what


def asked(requester: Requester, **changes: Any) -> TicketDraft:
    return replace(TicketDraft("VPN drops", requester=requester, words_key="w1"), **changes)


def test_always_opens_one_ticket_with_the_trail_and_writes(
    database: Database, account: Callable[..., str], letters_in: Letters
) -> None:
    policy = Policy(database, "always")
    episode = Episode("e1", account("ann"))
    assert policy.run(episode) == {Done.OPENED: 1}
    ticket = policy.desk.by_number(1001)
    assert (ticket.origin, ticket.subject) == (Origin.POLICY, "vpn drops")
    assert ticket.trail == {"words": "vpn drops"}
    assert policy.marks == {"e1": "opened"}
    [letter] = letters_in()
    assert letter["to"] == "ann@example.com"
    token = letter["text"].split("/tickets/")[1].split()[0]
    assert policy.desk.by_link(token) == ticket


def test_a_repeated_round_opens_nothing_even_after_resolving(
    database: Database, account: Callable[..., str], letters_in: Letters
) -> None:
    policy = Policy(database, "always")
    episode = Episode("e1", account("ann"))
    policy.run(episode)
    assert policy.run(episode) == {Done.EXISTING: 1}
    policy.desk.act(1001, Resolve(ADA, Resolution.GAP), now=NOW)
    assert policy.run(episode) == {Done.EXISTING: 1}
    assert [letter["subject"] for letter in letters_in()] == ["[T-1001] vpn drops"] * 2


def test_a_crash_before_the_mark_leaves_nothing_behind(
    database: Database, account: Callable[..., str], letters_in: Letters
) -> None:
    policy = Policy(database, "always")
    episodes = Episode("e1", account("ann")), Episode("e2", account("bob"))

    def failing(_: Any, episode: str, __: str) -> None:
        if episode == "e1":
            raise StoreError("the disk is full")

    apply_unresolved_policy(policy.desk, episodes, mark=failing, trail=lambda _: {}, now=NOW)
    assert [ticket.requester.name for ticket in policy.desk.queue().tickets] == ["Bob"]
    assert policy.run(*episodes) == {Done.OPENED: 1, Done.EXISTING: 1}
    assert [ticket.number for ticket in policy.desk.queue().tickets] == [1001, 1002]
    assert len(letters_in()) == 2


def test_off_marks_and_does_nothing_else(
    database: Database, account: Callable[..., str], letters_in: Letters
) -> None:
    policy = Policy(database, "off")
    assert policy.run(Episode("e1", account("ann"))) == {Done.OFF: 1}
    assert policy.marks == {"e1": "off"}
    assert policy.desk.queue().total == 0
    assert letters_in() == []


def test_nobody_is_written_to_without_a_live_account(
    database: Database, account: Callable[..., str]
) -> None:
    policy = Policy(database, "always")
    gone = account("gone", active=False)
    assert policy.run(Episode("e1", gone), Episode("e2", "unknown")) == {Done.NOBODY: 2}


def test_an_offer_is_made_once_and_taken_once(
    database: Database, account: Callable[..., str], letters_in: Letters
) -> None:
    policy = Policy(database, "offer")
    user = account("ann")
    assert policy.run(Episode("e1", user)) == {Done.OFFERED: 1}
    assert policy.run(Episode("e1", user)) == {Done.EXISTING: 1}
    assert policy.run(Episode("e2", user)) == {Done.EXISTING: 1}  # the same words again
    offer = open_offer(policy.desk, user)
    assert offer is not None
    assert offer.id in letters_in()[0]["text"]
    person = Requester("Ann", "ann@example.com", user)
    first = take_offer(policy.desk, offer.id, draft=asked(person, words_key=""), now=NOW)
    again = take_offer(policy.desk, offer.id, draft=asked(person), now=NOW)
    assert (first.existing, again.existing) == (False, True)
    assert first.ticket.words_key == "w1"
    assert again.ticket.number == first.ticket.number == 1001
    assert open_offer(policy.desk, user) is None


def test_an_offer_is_nobody_elses(database: Database, account: Callable[..., str]) -> None:
    policy = Policy(database, "offer")
    policy.run(Episode("e1", account("ann")))
    offer = open_offer(policy.desk, "id-ann")
    assert offer is not None
    bob = Requester("Bob", "bob@example.com", account("bob"))
    with pytest.raises(NotFound):
        take_offer(policy.desk, offer.id, draft=asked(bob), now=NOW)
    for stranger in ("id-bob", ""):
        with pytest.raises(NotFound):
            decline_offer(policy.desk, offer.id, user_id=stranger)
        with pytest.raises(NotFound):
            find_offer(policy.desk, offer.id, user_id=stranger)
    assert policy.desk.queue().total == 0


def test_a_declined_offer_is_not_shown_again(
    database: Database, account: Callable[..., str]
) -> None:
    policy = Policy(database, "offer")
    user = account("ann")
    policy.run(Episode("e1", user))
    offer = open_offer(policy.desk, user)
    assert offer is not None
    decline_offer(policy.desk, offer.id, user_id=user)
    assert open_offer(policy.desk, user) is None
    assert policy.run(Episode("e1", user)) == {Done.EXISTING: 1}
    with database.read() as connection:
        assert connection.execute(sa.select(offers.c.state)).scalars().all() == ["declined"]


@pytest.mark.parametrize("setting", ["offer", "always"])
def test_who_has_an_open_ticket_for_the_words_gets_no_second(
    database: Database, account: Callable[..., str], setting: str
) -> None:
    policy = Policy(database, setting)
    user = account("ann")
    policy.desk.open_ticket(asked(Requester("Ann", "ANN@example.com")), now=NOW)
    assert policy.run(Episode("e1", user)) == {Done.EXISTING: 1}
    assert policy.desk.queue().total == 1
    assert open_offer(policy.desk, user) is None


@pytest.mark.parametrize(
    ("changes", "served"),
    [
        ({"search_id": "s1"}, True),  # asked from this very search, before it ended
        ({"words_key": "w2"}, False),  # another problem, before the episode
    ],
)
def test_an_episode_that_was_ticketed_is_left_alone(
    database: Database, account: Callable[..., str], changes: dict[str, str], served: bool
) -> None:
    policy = Policy(database, "always")
    person = Requester("Ann", "ann@example.com", account("ann"))
    draft = asked(person, **({"words_key": "w9"} | changes))
    policy.desk.open_ticket(draft, now=NOW - timedelta(hours=2))
    expected = Done.EXISTING if served else Done.OPENED
    assert policy.run(Episode("e1", "id-ann")) == {expected: 1}


def test_a_ticket_asked_for_after_the_episode_serves_it(
    database: Database, account: Callable[..., str]
) -> None:
    policy = Policy(database, "always")
    person = Requester("Ann", "ann@example.com", account("ann"))
    policy.desk.open_ticket(asked(person, words_key="w9"), now=NOW)
    assert policy.run(Episode("e1", "id-ann")) == {Done.EXISTING: 1}


def test_two_episodes_of_one_person_with_other_words_are_two_needs(
    database: Database, account: Callable[..., str]
) -> None:
    policy = Policy(database, "always")
    user = account("ann")
    other = Episode("e2", user, words="printer", words_key="w2", search_id="s2")
    assert policy.run(Episode("e1", user), other) == {Done.OPENED: 2}


@pytest.mark.parametrize("setting", ["offer", "always"])
def test_a_person_joins_the_teams_ticket_and_is_told(
    database: Database, account: Callable[..., str], letters_in: Letters, setting: str
) -> None:
    policy = Policy(database, setting)
    desk, user = policy.desk, account("ann")
    [team] = apply_demand(desk, [Wanted()], now=NOW)
    assert policy.run(Episode("e1", user), Episode("e2", user)) == {Done.JOINED: 2}
    assert [ticket.number for ticket in desk.own(user)] == [team.ticket.number]
    assert [event.kind for event in desk.history(team.ticket)] == ["opened"]
    kinds = [event.kind for event in desk.history(team.ticket, public_only=False)]
    assert kinds == ["opened", "joined"]
    desk.act(1001, Answer(ADA, "Known, wait for Monday"), now=NOW + timedelta(seconds=1))
    told = letters_in()
    assert [letter["to"] for letter in told] == ["ann@example.com"] * 2
    assert "Known, wait for Monday" in told[1]["text"]


def test_demand_makes_one_ticket_without_a_requester(
    database: Database, letters_in: Letters
) -> None:
    desk = Desk(database, load({}))
    [opened] = apply_demand(desk, [Wanted()], now=NOW)
    assert apply_demand(desk, [Wanted(people=8)], now=NOW) == ()
    assert opened.ticket.subject == "5 people searched for “vpn drops” and found no answer"
    assert opened.ticket.requester == Requester()
    assert letters_in() == []


@pytest.mark.parametrize(("threshold", "people", "tickets"), [(0, 99, 0), (5, 4, 0), (5, 5, 1)])
def test_demand_needs_its_threshold(
    database: Database, threshold: int, people: int, tickets: int
) -> None:
    desk = Desk(database, load({}, demand_threshold=threshold))
    assert len(apply_demand(desk, [Wanted(people=people)], now=NOW)) == tickets


def test_people_with_an_own_open_ticket_are_not_counted(
    database: Database, failed: Callable[..., None]
) -> None:
    desk = Desk(database, load({}))
    for visitor in ("v1", "v2", "v3", "v4", "v5"):
        failed(visitor, "w1", NOW - timedelta(hours=3))
    own = asked(Requester("Ann", "ann@example.com"), visitor="v1")
    number = desk.open_ticket(own, now=NOW).ticket.number
    assert apply_demand(desk, [Wanted()], now=NOW) == ()
    desk.act(number, Resolve(ADA, Resolution.GAP), now=NOW)
    assert len(apply_demand(desk, [Wanted()], now=NOW)) == 1


def test_people_whose_episode_is_ticketed_are_not_subtracted_again(
    database: Database, failed: Callable[..., None]
) -> None:
    desk = Desk(database, load({}))
    failed("v9", "w1", NOW - timedelta(hours=3), outcome="ticketed")
    desk.open_ticket(asked(Requester("Ann", "ann@example.com"), visitor="v9"), now=NOW)
    assert len(apply_demand(desk, [Wanted()], now=NOW)) == 1


def test_a_resolved_demand_needs_new_failures(
    database: Database, failed: Callable[..., None]
) -> None:
    desk = Desk(database, load({}, demand_threshold=2))
    for visitor in ("v1", "v2"):
        failed(visitor, "w1", NOW - timedelta(hours=3))
    [first] = apply_demand(desk, [Wanted(people=2)], now=NOW)
    desk.act(first.ticket.number, Resolve(ADA, Resolution.LINKED_ARTICLE, "", "vpn"), now=NOW)
    assert apply_demand(desk, [Wanted(people=2)], now=NOW) == ()
    for visitor in ("v2", "v3"):
        failed(visitor, "w1", NOW + timedelta(hours=1))
    [second] = apply_demand(desk, [Wanted(people=3)], now=NOW + timedelta(hours=2))
    assert second.ticket.subject.startswith("2 people")


def test_long_words_fit_the_subject(database: Database) -> None:
    desk = Desk(database, load({}, language="es"))
    [opened] = apply_demand(desk, [Wanted(words="contraseña " * 60)], now=NOW)
    assert len(opened.ticket.subject) <= 200
    assert opened.ticket.subject.startswith("5 personas buscaron")


@pytest.mark.parametrize("words", ["", "hp", "x" * 300])
def test_any_words_make_a_subject(
    database: Database, account: Callable[..., str], words: str
) -> None:
    policy = Policy(database, "always")
    assert policy.run(Episode("e1", account("ann"), words=words)) == {Done.OPENED: 1}
    assert 1 <= len(policy.desk.by_number(1001).subject) <= 200
