"""Limits by network and by person: a /64 is one, and a program's callers are many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kb.accounts.rate_limits import mailbox


def _form(turn: int, email: str = "a@example.org") -> dict[str, str]:
    return {"subject": f"Lamp {turn}", "email": email}


def test_thirty_addresses_of_one_ipv6_network_are_one(new_site: Callable[..., Any]) -> None:
    """get-engram/engram#461: an IPv6 user has 2**64 addresses."""
    site = new_site(ticket_rate=5, network_rate=1)
    answers = [
        site.browser(REMOTE_ADDR=f"2001:db8::{turn:x}").post("/tickets", data=_form(turn))
        for turn in range(1, 8)
    ]
    assert [each.status_code for each in answers] == [303] * 5 + [429] * 2
    elsewhere = site.browser(REMOTE_ADDR="2001:db8:0:1::1").post("/tickets", data=_form(9))
    assert elsewhere.status_code == 303


def test_a_programs_callers_have_limits_of_their_own(new_site: Callable[..., Any]) -> None:
    """zammad-documentation#889."""
    most = 5
    site = new_site(ticket_rate=most)
    head = {"Authorization": f"Bearer {site.token('reader')}"}
    client = site.bare()

    def send(turn: int, email: str) -> int:
        return int(
            client.post("/api/v1/tickets", json=_form(turn, email), headers=head).status_code
        )

    assert [send(turn, f"p{turn}@example.org") for turn in range(most + 2)] == [201] * (most + 2)
    assert [send(turn, "one@example.org") for turn in range(most + 1)] == [201] * most + [429]
    assert send(0, "other@example.org") == 201


@pytest.mark.parametrize(
    "spelling", ["Ann@Example.org", " ann+news@example.org ", "ann@example.org"]
)
def test_spellings_of_one_mailbox_are_one(spelling: str) -> None:
    assert mailbox(spelling) == "ann@example.org"
    assert mailbox("+x@example.org") == "+x@example.org"
