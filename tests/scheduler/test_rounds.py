"""The worker's rounds over real events: three ways from a failed search to a ticket, never twice.

People search through HTTP; time passes by handing the worker a later `now`.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from kb.accounts.roles import Role
from kb.accounts.store import Accounts
from kb.app import create_app
from kb.config.settings import Settings, load
from kb.database import Database
from kb.errors import StoreError
from kb.scheduler import Worker
from kb.schema import leases, outbox
from kb.services import Services, build
from kb.tickets.model import Origin

PASSWORD = "correct horse battery staple"
NOTHING = "how long do I knead sourdough before proving it"
GAP = timedelta(minutes=31)


@pytest.fixture
def parts(settings: Settings, database_url: str, post: Any) -> Iterator[Services]:
    """Return the parts over each kind of database, with four accounts."""
    made = build(replace(settings, database_url=database_url, publish_interval=None))
    now = datetime.now(UTC)
    for name, role in (("rae", Role.READER), ("roy", Role.READER), ("ana", Role.AGENT)):
        address = f"{name}@example.org"
        made.accounts.add(address, PASSWORD, name=name.title(), role=role, now=now)
    made = replace(made, channels={"mail": post})
    yield made
    made.db.close()


Visit = Callable[..., FlaskClient]


@pytest.fixture
def visit(parts: Services) -> Visit:
    """Return a function that opens a browser, signed in when it is given a name."""
    site: Flask = create_app(services=parts)

    def opened(name: str = "", browser: str = "one") -> FlaskClient:
        made = site.test_client()
        made.environ_base["HTTP_USER_AGENT"] = f"Mozilla/5.0 Chrome/150 {browser}"
        made.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
        if name:
            form = {"email": f"{name}@example.org", "password": PASSWORD}
            assert made.post("/sign-in", data=form).status_code == 303
        return made

    return opened


def with_policy(parts: Services, policy: str, **values: Any) -> Services:
    changed = replace(parts.settings, unresolved_policy=policy, **values)
    parts.desk.settings = changed
    return replace(parts, settings=changed)


def later(parts: Services, span: timedelta = GAP) -> None:
    """Let one round of every job pass `span` from now."""
    Worker(parts).round(datetime.now(UTC) + span)


def tickets(parts: Services) -> list[tuple[str, str]]:
    return [(t.origin.value, t.subject) for t in parts.desk.queue().tickets]


def test_always_opens_one_ticket_that_carries_the_trail(parts: Services, visit: Visit) -> None:
    parts = with_policy(parts, "always")
    visit("rae").get(f"/search?q={NOTHING}")
    later(parts, timedelta(minutes=5))
    assert tickets(parts) == []  # the episode may still be going on
    for _ in range(3):
        later(parts)
    [ticket] = parts.desk.queue().tickets
    assert ticket.origin is Origin.POLICY
    assert ticket.requester.email == "rae@example.org"
    assert ticket.tier == 1
    assert [search["words"] for search in ticket.trail["searches"]] == [NOTHING]


def test_the_same_need_on_another_day_has_no_second_ticket(parts: Services, visit: Visit) -> None:
    parts = with_policy(parts, "always")
    visit("rae").get(f"/search?q={NOTHING}")
    later(parts)
    visit("rae").get(f"/search?q={NOTHING.upper()}??")
    later(parts, timedelta(hours=2))
    assert len(tickets(parts)) == 1


def test_an_offer_comes_by_mail_and_on_the_next_visit(parts: Services, visit: Visit) -> None:
    parts = with_policy(parts, "offer")
    browser = visit("rae")
    browser.get(f"/search?q={NOTHING}")
    later(parts)
    later(parts)
    assert tickets(parts) == []
    [letter] = parts.channels["mail"].letters  # type: ignore[attr-defined]
    assert NOTHING in str(letter)
    page = browser.get("/")
    assert "Did you find what you needed?" in page.text
    assert NOTHING in page.text
    address = page.text.split('action="/offers/')[1].split('"')[0]
    assert visit("roy").post(f"/offers/{address}", data={"answer": "take"}).status_code == 404
    for _ in range(2):
        taken = browser.post(f"/offers/{address}", data={"answer": "take"})
        assert taken.status_code == 303
    assert tickets(parts) == [("policy", NOTHING)]
    assert "Did you find what you needed?" not in browser.get("/").text


def test_a_declined_offer_makes_no_ticket(parts: Services, visit: Visit) -> None:
    parts = with_policy(parts, "offer")
    browser = visit("rae")
    browser.get(f"/search?q={NOTHING}")
    later(parts)
    address = browser.get("/").text.split('action="/offers/')[1].split('"')[0]
    browser.post(f"/offers/{address}", data={"answer": "decline"})
    later(parts, timedelta(hours=1))
    assert tickets(parts) == []
    assert "Did you find what you needed?" not in browser.get("/").text


def test_off_and_an_anonymous_reader_make_nothing(parts: Services, visit: Visit) -> None:
    visit().get(f"/search?q={NOTHING}")
    later(with_policy(parts, "always"))
    assert tickets(parts) == []
    visit("rae").get(f"/search?q={NOTHING}")
    later(with_policy(parts, "off"))
    assert tickets(parts) == []
    later(with_policy(parts, "always"))  # switched on later, the past is not dug up
    assert tickets(parts) == []


def test_who_asked_gets_no_second_ticket_by_policy(parts: Services, visit: Visit) -> None:
    parts = with_policy(parts, "always")
    browser = visit("rae")
    page = browser.get(f"/search?q={NOTHING}")
    search_id = page.text.split("/tickets/new?search=")[1].split('"')[0]
    form = {"subject": "Bread", "search": search_id, "submission": "s1"}
    assert browser.post("/tickets", data=form).status_code == 303
    later(parts)
    assert tickets(parts) == [("asked", "Bread")]


def test_a_solved_search_makes_no_ticket(parts: Services, visit: Visit) -> None:
    parts = with_policy(parts, "always")
    browser = visit("rae")
    browser.get(f"/search?q={NOTHING}")
    browser.get("/search?q=connect to the vpn")
    browser.post("/articles/vpn/connect-to-the-vpn/solved")
    later(parts)
    assert tickets(parts) == []


def test_demand_makes_one_ticket_with_words_and_count(parts: Services, visit: Visit) -> None:
    parts = with_policy(parts, "off", demand_threshold=3)
    for browser in ("a", "b"):
        for _ in range(2):  # the same person twice is one person
            visit(browser=browser).get(f"/search?q={NOTHING}")
    later(parts)
    assert tickets(parts) == []
    visit(browser="c").get(f"/search?q={NOTHING.title()}!")
    for _ in range(3):
        later(parts, timedelta(hours=1))
    [ticket] = parts.desk.queue().tickets
    assert ticket.origin is Origin.DEMAND
    assert NOTHING.casefold() in ticket.subject.casefold()
    assert "3 people" in ticket.subject


def test_a_team_ticket_can_be_opened_by_agent_and_by_who_joined(
    parts: Services, visit: Visit
) -> None:
    parts = with_policy(parts, "always", demand_threshold=2)
    for browser in ("a", "b"):
        visit(browser=browser).get(f"/search?q={NOTHING}")
    later(parts)
    joined = {name: visit(name) for name in ("rae", "roy")}
    for browser in joined.values():
        browser.get(f"/search?q={NOTHING}")
    later(parts, timedelta(hours=2))
    assert [origin for origin, _ in tickets(parts)] == ["demand"]
    with parts.db.read() as connection:  # for who joined, self-service ended with a ticket
        kinds = connection.scalars(sa.text("SELECT kind FROM events")).all()
    assert kinds.count("ticket_created") == 2
    agent = visit("ana")
    assert agent.get("/desk/tickets/T-1001").status_code == 200
    answer = {"text": "We are writing it.", "version": ""}
    assert agent.post("/desk/tickets/T-1001/answer", data=answer).status_code == 303
    page = joined["rae"].get("/my/tickets/T-1001")
    assert page.status_code == 200
    assert "We are writing it." in page.text
    reply = joined["rae"].post("/my/tickets/T-1001/reply", data={"text": "my number is 4711"})
    assert reply.status_code == 409  # strangers wait for the same ticket
    assert "4711" not in joined["roy"].get("/my/tickets/T-1001").text


def test_opening_the_form_from_an_article_is_no_search(parts: Services, visit: Visit) -> None:
    parts = with_policy(parts, "always", demand_threshold=1)
    visit("rae").get("/tickets/new?article=vpn/connect-to-the-vpn")
    visit(browser="b").get("/tickets/new?article=vpn/connect-to-the-vpn")
    later(parts)
    assert tickets(parts) == []
    with parts.db.read() as connection:
        kinds = set(connection.scalars(sa.text("SELECT kind FROM events")))
    assert "search" not in kinds


def test_nobody_is_told_what_another_behind_the_same_address_searched(
    parts: Services, visit: Visit
) -> None:
    visit().get("/search?q=am I being made redundant")
    other = visit()  # the same address and browser, so the same pseudonym
    form = {"subject": "Printer", "email": "p@example.org", "submission": "s"}
    place = other.post("/tickets", data=form).headers["Location"]
    assert "redundant" not in other.get(place).text
    [ticket] = parts.desk.queue().tickets
    assert "redundant" not in str(ticket.trail)


def test_the_driver_tells_no_log_what_people_wrote(parts: Services) -> None:
    typed = {"words": "".join(reversed("terces"))}  # not in this line, which the trace quotes
    with pytest.raises(StoreError) as caught, parts.db.begin() as connection:
        connection.execute(sa.text("INSERT INTO nowhere VALUES (:words)"), typed)
    assert typed["words"] not in "".join(traceback.format_exception(caught.value))


def test_numbers_of_the_organisation_are_hidden(parts: Services) -> None:
    settings = load({"KB_REDACT_PATTERNS": r"EMP\d{4,6}"}, data=parts.settings.data)
    made = build(replace(parts.settings, redact_patterns=settings.redact_patterns))
    site = create_app(services=made).test_client()
    site.get("/search?q=badge of EMP123456", headers={"User-Agent": "Mozilla/5.0 Chrome"})
    with made.db.read() as connection:
        assert connection.scalars(sa.text("SELECT words FROM events")).all() == [
            "badge of [number]"
        ]
    made.db.close()


def test_staff_and_robots_count_for_nothing(parts: Services, visit: Visit) -> None:
    parts = with_policy(parts, "always", demand_threshold=1)
    visit("ana").get(f"/search?q={NOTHING}")
    visit(browser="Googlebot/2.1").get(f"/search?q={NOTHING}")
    later(parts)
    assert tickets(parts) == []


def test_letters_wait_while_the_mail_server_is_down(parts: Services, visit: Visit) -> None:
    parts = with_policy(parts, "always")
    post: Any = parts.channels["mail"]
    post.down = True
    visit("rae").get(f"/search?q={NOTHING}")
    later(parts)
    assert post.letters == []
    post.down = False
    later(parts, timedelta(hours=1))
    assert len(post.letters) == 1


def test_a_job_that_fails_stops_no_other(
    parts: Services, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = with_policy(parts, "always")
    visit("rae").get(f"/search?q={NOTHING}")
    worker = Worker(parts)
    monkeypatch.setattr(Worker, "_replay", lambda *_: 1 / 0)
    worker.round(datetime.now(UTC) + GAP)
    assert len(tickets(parts)) == 1


def test_two_workers_make_one_ticket(parts: Services, visit: Visit) -> None:
    parts = with_policy(parts, "always")
    visit("rae").get(f"/search?q={NOTHING}")
    now = datetime.now(UTC) + GAP
    for worker in (Worker(parts), Worker(parts)):
        worker.round(now)
    assert len(tickets(parts)) == 1


def test_old_words_are_forgotten(parts: Services, visit: Visit) -> None:
    visit().get(f"/search?q={NOTHING}")
    later(parts, timedelta(days=91))
    with parts.db.read() as connection:
        kept = connection.execute(sa.text("SELECT words, data FROM events")).all()
    assert kept
    assert all("sourdough" not in str(row) for row in kept)


def test_nobody_is_written_to_without_need(database: Database, parts: Services) -> None:
    later(parts)
    with database.read() as connection:
        assert connection.execute(sa.select(outbox)).all() == []
    assert Accounts(database).all()


def test_a_worker_that_ends_leaves_its_jobs_to_the_next(parts: Services) -> None:
    """A site that is started again, after an upgrade, goes on at once."""
    worker = Worker(parts)
    thread = threading.Thread(target=worker.run)
    thread.start()
    deadline = datetime.now(UTC) + timedelta(seconds=60)
    while not _held(parts) and datetime.now(UTC) < deadline:
        time.sleep(0.05)
    assert _held(parts)
    worker.stop.set()
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert _held(parts) == set()


def _held(parts: Services) -> set[str]:
    with parts.db.read() as connection:
        return set(connection.scalars(sa.select(leases.c.name)))
