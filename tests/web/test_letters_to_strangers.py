"""Whatever somebody without an account does, one mailbox gets few letters of it.

canonical/ubuntu.com#9948, zupass#2212, get-engram/engram#461, inyoka#580: a public form wrote to
whomever one named, as often as one liked. Here from a network of its own each time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kb.notifications.delivery import deliver_due
from tests.web.pages import Page

MOST = 2  # letter_rate
TIMES = 6
VICTIM = "reader@example.org"  # has an account, so that every door has something to send
SPELLINGS = (VICTIM, "Reader@Example.org", "reader+news@example.org")
TICKET = {"subject": "Buy now", "body": "http://evil.example"}


class Mailbox:
    """A mail channel that keeps to whom it was told to write."""

    def __init__(self) -> None:
        self.to: list[str] = []

    def send(self, payload: Any, key: str) -> None:
        self.to.append(payload["to"])


def _file(client: Any, email: str, turn: int) -> Any:
    return client.post("/tickets", data=TICKET | {"email": email, "subject": f"Buy now {turn}"})


def _file_by_program(client: Any, email: str, turn: int) -> Any:
    return client.post("/api/v1/tickets", json=TICKET | {"email": email, "subject": f"Buy {turn}"})


def _reply(client: Any, email: str, turn: int) -> Any:
    place = _file(client, email, turn).headers["Location"].partition("?")[0]
    for _ in range(3):
        answer = client.post(f"{place}/reply", data={"text": "http://evil.example"})
    return answer


def _forget(client: Any, email: str, turn: int) -> Any:
    return client.post("/forgot-password", data={"email": email})


def _lose(client: Any, email: str, turn: int) -> Any:
    return client.post("/tickets/link", data={"email": email})


def _wish(client: Any, email: str, turn: int) -> Any:
    page = Page(client.get(f"/search?q=zyqnothing+of+that+kind+{turn}").text)
    search = next(
        e.attributes["value"] for e in page.all("input") if e.attributes.get("name") == "search"
    )
    return client.post("/subscriptions", data={"search": search, "email": email})


DOORS = [_file, _file_by_program, _reply, _forget, _lose, _wish]


@pytest.fixture
def deliver(new_site: Callable[..., Any], clock: Any) -> tuple[Any, Callable[[], list[str]]]:
    """Return a site and what delivers its letters and tells to whom they went."""
    site = new_site(letter_rate=MOST, mail_url="smtp://localhost:1")
    clock.at = datetime.now(UTC).replace(hour=12)

    def delivered() -> list[str]:
        mail = Mailbox()
        channels = dict(site.services.channels) | {"mail": mail}
        for minute in range(3):
            deliver_due(site.services.db, channels, now=clock.at + timedelta(minutes=minute))
        return mail.to

    return site, delivered


@pytest.mark.parametrize("door", DOORS)
def test_no_door_sends_one_mailbox_more_than_a_few_letters_a_day(
    deliver: tuple[Any, Callable[[], list[str]]], door: Callable[..., Any], clock: Any
) -> None:
    site, delivered = deliver
    _file(site.browser(), VICTIM, 99)  # so that there is a ticket whose link can be lost
    delivered()
    clock.at += timedelta(days=1)
    for turn in range(TIMES):
        client = site.browser(REMOTE_ADDR=f"198.51.{turn}.7")
        answer = door(client, SPELLINGS[turn % len(SPELLINGS)], turn)
        assert answer.status_code in {201, 303}, answer.text
    assert 1 <= len(delivered()) <= MOST
    clock.at += timedelta(days=1)
    door(site.browser(REMOTE_ADDR="198.51.99.7"), VICTIM, TIMES)
    assert len(delivered()) == 1


def test_a_stranger_does_not_use_up_what_the_owner_needs(
    deliver: tuple[Any, Callable[[], list[str]]],
) -> None:
    site, delivered = deliver
    for turn in range(TIMES):
        _file(site.browser(REMOTE_ADDR=f"198.51.{turn}.7"), VICTIM, turn)
    assert len(delivered()) == MOST
    _forget(site.browser(), VICTIM, 0)
    assert delivered() == [VICTIM]
