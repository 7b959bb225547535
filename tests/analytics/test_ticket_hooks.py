"""Ticket hooks: who signs proves which system speaks, when, and that it speaks once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from kb.analytics.external_tickets.reading import OutsideTicket, from_json
from kb.analytics.external_tickets.store import first_call
from kb.app import create_app
from kb.config.settings import load
from kb.config.ticket_hooks import REMEMBERED, Call, TicketHook, proved
from kb.errors import ConfigError, InvalidInput, NotAllowed
from kb.schema import events, hook_calls
from kb.services import Services


def secret(letter: str) -> str:
    return "whsec_" + base64.b64encode(letter.encode() * 32).decode()


A, B, NEW = secret("a"), secret("b"), secret("n")
BODY = json.dumps([{"id": 7, "time": "2025-03-10T14:00:00Z", "email": "reader@example.org"}])
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def signed(
    body: str, key: str = A, name: str = "msg_1", at: datetime | None = None
) -> dict[str, str]:
    at = at or datetime.now(UTC)
    return {
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(key).sign(name, at, body),
    }


@pytest.fixture
def client(change: Callable[..., Services]) -> FlaskClient:
    """Return a site with two hooks, one of which is getting another secret."""
    hooks = (TicketHook("zendesk", (NEW, A)), TicketHook("otrs", (B,)))
    return create_app(services=change(ticket_hooks=hooks)).test_client()


def call(
    client: FlaskClient, headers: dict[str, str], body: str = BODY, hook: str = "zendesk"
) -> Any:
    place = f"/hooks/tickets/{hook}"
    return client.post(place, data=body, content_type="application/json", headers=headers)


def sources(services: Services) -> list[str]:
    query = sa.select(events).where(events.c.kind == "ticket_created").order_by(events.c.seq)
    with services.db.read() as connection:
        return [row.data["source"] for row in connection.execute(query)]


def test_a_signed_call_brings_tickets_of_the_hook_that_it_calls(
    client: FlaskClient, services: Services
) -> None:
    first = call(client, signed(BODY))
    assert (first.status_code, first.get_json()) == (202, {"new": 1, "known": 0, "matched": 1})
    other = call(client, signed(BODY, B), hook="otrs")
    assert other.get_json() == {"new": 1, "known": 0, "matched": 1}
    renewed = call(client, signed(BODY, NEW, "msg_2"))
    assert renewed.get_json() == {"new": 0, "known": 1, "matched": 0}
    assert sources(services) == ["zendesk", "otrs"]


def test_a_captured_call_counts_for_no_other_source(
    client: FlaskClient, services: Services
) -> None:
    """hermes-agent#58461 and the like: what names the sender must be part of what is signed."""
    captured = signed(BODY)
    call(client, captured)
    assert call(client, captured, hook="otrs").status_code == 403
    assert call(client, captured, hook="zendesk?source=otrs").status_code == 202
    assert call(client, captured, hook="elsewhere").status_code == 404
    assert sources(services) == ["zendesk"]


def test_a_repeated_call_does_nothing_even_after_somebody_was_erased(
    client: FlaskClient, services: Services
) -> None:
    """Coolhand-Labs/coolhand-ruby#86: an id that was heard is remembered."""
    headers = signed(BODY)
    call(client, headers)
    with services.db.begin() as connection:
        connection.execute(sa.delete(events))
    again = call(client, headers)
    assert (again.status_code, again.get_json()) == (202, {"new": 0, "known": 1, "matched": 0})
    later = signed(BODY, at=datetime.now(UTC) - timedelta(seconds=30))
    assert call(client, later).get_json() == {"new": 0, "known": 1, "matched": 0}
    assert sources(services) == []


def test_an_id_that_comes_with_another_body_is_refused_and_loses_nothing(
    client: FlaskClient, services: Services
) -> None:
    call(client, signed(BODY))
    other = BODY.replace("7", "8", 1)
    refused = call(client, signed(other), other)
    assert refused.status_code == 409
    assert "came before with another body" in refused.get_json()["error"]["message"]
    assert call(client, signed(other, name="msg_2"), other).get_json()["new"] == 1


def test_a_call_that_was_refused_may_come_again(client: FlaskClient, services: Services) -> None:
    """An id is remembered with what it brought, not before."""
    assert call(client, signed("{"), "{").status_code == 422
    assert call(client, signed(BODY)).get_json()["new"] == 1


@pytest.mark.parametrize("minutes", [-6, 6, -60 * 24 * 365])
def test_an_old_or_a_future_call_is_refused(client: FlaskClient, minutes: int) -> None:
    """mohamedboukari/bunmail#57, linear#1268: a signature over an old time is no proof."""
    headers = signed(BODY, at=datetime.now(UTC) + timedelta(minutes=minutes))
    refused = call(client, headers)
    assert refused.status_code == 403
    assert "within 5 minutes" in refused.get_json()["error"]["message"]


@pytest.mark.parametrize("minutes", [-4, 4])
def test_clocks_may_differ_by_minutes(client: FlaskClient, minutes: int) -> None:
    """opengovsg/formsg-javascript-sdk#48: clocks drift."""
    headers = signed(BODY, at=datetime.now(UTC) + timedelta(minutes=minutes))
    assert call(client, headers).status_code == 202


def test_every_part_is_signed_and_none_may_lack(client: FlaskClient) -> None:
    """own-pay/OwnPay#296: a call without its time is not let through unchecked."""
    headers = signed(BODY)
    for name in headers:
        lacking = call(client, {key: value for key, value in headers.items() if key != name})
        assert lacking.status_code == 403
        assert f"lacks {name}" in lacking.get_json()["error"]["message"]
    at = int(headers["webhook-timestamp"])
    for name, value in (
        ("webhook-id", "msg_2"), ("webhook-id", f"msg_1.{at}"), ("webhook-id", "x" * 300),
        ("webhook-timestamp", str(at + 1)), ("webhook-timestamp", "now"),
        ("webhook-timestamp", "nan"), ("webhook-timestamp", "1e400"),
        ("webhook-signature", "v1,"), ("webhook-signature", "v1"), ("webhook-signature", "v1,*"),
        ("webhook-signature", "v2," + headers["webhook-signature"][3:]),
        ("webhook-signature", signed(BODY, B)["webhook-signature"]),
    ):  # fmt: skip
        assert call(client, headers | {name: value}).status_code == 403, (name, value)
    assert call(client, headers, BODY + " ").status_code == 403
    assert call(client, headers, BODY.replace("7", "é")).status_code == 403
    several = (
        "v1a,AAAA " + signed(BODY, B)["webhook-signature"] + " " + headers["webhook-signature"]
    )
    assert call(client, headers | {"webhook-signature": several}).status_code == 202


@given(st.binary(max_size=60), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_any_call_is_proved_or_refused(body: bytes, name: str, at: str, proof: str) -> None:
    headers = {"webhook-id": name, "webhook-timestamp": at, "webhook-signature": proof}
    with pytest.raises(NotAllowed):
        proved(TicketHook("x", (A,)), headers, body)


def test_ids_are_forgotten_when_no_call_of_that_time_could_be_heard(services: Services) -> None:
    with services.db.begin() as connection:
        assert first_call(connection, Call("x", "1", "d"), NOW)
        assert not first_call(connection, Call("x", "1", "d"), NOW + timedelta(minutes=10))
        assert first_call(connection, Call("y", "1", "other"), NOW)
        assert first_call(connection, Call("x", "2", "d"), NOW + REMEMBERED * 2)
        rows = connection.execute(sa.select(hook_calls.c.hook, hook_calls.c.id)).all()
    assert [tuple(row) for row in rows] == [("x", "2")]


# -- the way of before --------------------------------------------------------------------------


def test_a_call_signed_over_its_body_alone_is_heard_for_the_one_source_named(
    change: Callable[..., Services],
) -> None:
    """What is signed says nothing of the source: repeated with another it would count again."""
    key = "s" * 40

    def old(site: Services, source: str, key: str = key, body: str = BODY) -> Any:
        proof = hmac.new(key.encode(), body.encode(), hashlib.sha256).hexdigest()
        return create_app(services=site).test_client().post(
            f"/hooks/tickets?source={source}", data=body, content_type="application/json",
            headers={"X-Hub-Signature-256": f"sha256={proof}"},
        )  # fmt: skip

    closed = old(change(webhook_secret=key), "zd")
    assert closed.status_code == 403
    assert "/hooks/tickets/<name>" in closed.get_json()["error"]["message"]
    site = change(webhook_secret=key, github_signed_tickets="zd")
    assert old(site, "zd", "wrong").status_code == 403
    assert old(site, "zd").get_json() == {"new": 1, "known": 0, "matched": 1}
    assert old(site, "zd").get_json() == {"new": 0, "known": 1, "matched": 0}
    assert old(site, "other").status_code == 403
    assert old(site, "zd", body="[]").get_json() == {"new": 0, "known": 0, "matched": 0}
    for wrong in ("{", "7", '{"id": "x"}', '[{"id": "1", "time": "now"}]'):
        assert old(site, "zd", body=wrong).status_code == 422
    for none in ("", "hook"):
        assert old(change(webhook_secret=key, github_signed_tickets=""), none).status_code == 403


# -- what a body may say ------------------------------------------------------------------------

AT = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
WHO = "ana@example.org"
BODIES: dict[str, Any] = {
    "our own": {"id": 15, "time": "2026-11-20T13:05:00Z", "email": WHO},
    "Zendesk": {"ticket": {"id": 15, "created_at": "2026-11-20T13:05:00Z",
                           "requester": {"id": 3, "name": "Ana", "email": WHO}}},
    "Zendesk, several": {"tickets": [{"id": 15, "created_at": "2026-11-20T13:05:00Z",
                                      "requester_email": WHO}]},
    "Zendesk, event": {"type": "zen:event-type:ticket.created", "id": "evt-1",
                       "time": "2026-11-20T13:06:00Z",
                       "detail": {"id": "15", "created_at": "2026-11-20T13:05:00Z",
                                  "requester_email": WHO}},
    "Zammad": {"ticket": {"id": 3, "number": "15", "created_at": "2026-11-20T13:05:00.000Z",
                          "created_by": {"email": "agent@example.org"},
                          "customer": {"id": 9, "email": WHO, "login": "ana"}},
               "article": {"id": 8, "created_at": "2026-11-20T13:09:00.000Z"}},
    "Freshdesk": {"freshdesk_webhook": {"ticket_id": 15, "created_at": "2026-11-20T13:05:00Z",
                                        "requester_email": WHO}},
    "Jira": {"webhookEvent": "jira:issue_created", "timestamp": 1795179999000,
             "issue": {"id": "10015", "key": "15",
                       "fields": {"created": "2026-11-20T14:05:00.000+0100",
                                  "creator": {"emailAddress": "agent@example.org"},
                                  "reporter": {"name": "ana", "emailAddress": WHO}}}},
    "GLPI": {"event": "new", "item": {"id": 15, "date": "2026-11-20T14:05:00+01:00",
                                      "requester": {"email": WHO}}},
    "ServiceNow": {"number": "15", "opened_at": "2026-11-20 13:05:00Z",
                   "caller_id": {"display_value": "Ana", "email": WHO}},
    "osTicket": {"ticket": {"number": "15", "created": "2026-11-20T13:05:00Z", "email": WHO}},
    "seconds": {"id": 15, "created_at": 1795179900, "customer": f"Ana <{WHO}>"},
    "milliseconds": {"id": 15, "time": 1795179900000, "email": WHO},
    "beside the ticket": {"ticket": {"id": 15, "created_at": 1795179900}, "requester_email": WHO},
}  # fmt: skip


@pytest.mark.parametrize("desk", BODIES)
def test_bodies_of_common_desks_are_read(desk: str) -> None:
    """chatwoot#11989 sends seconds; the others nest the ticket as their documentation shows."""
    [ticket] = from_json(BODIES[desk], now=NOW)
    assert (ticket.id, ticket.at, ticket.email) == ("15", AT, WHO)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "there is no id"),
        ({"subject": "VPN"}, "A ticket reads {"),
        ({"ticket": {"id": 15}}, "there is no time"),
        ({"ticket": "15"}, "there is no time"),
        ({"id": 15, "time": "2027-06-01T00:00:00Z"}, "lies in the future"),
        ({"id": 15, "time": 0}, "is no time"),
        ({"id": 15, "time": "1999-12-31T23:59:59Z"}, "before 2000"),
        ({"id": 15, "time": "0001-01-01T00:00:00+14:00"}, "cannot be true"),
        ({"id": 15, "time": "9999-12-31T23:59:59-14:00"}, "cannot be true"),
        ({"id": 15, "time": "2026-11-20T13:05:00"}, "names no zone"),
        ({"id": 1e12, "time": 1795179900}, "with decimals"),
        ({"id": 1e22, "time": 1795179900}, "rounded the id"),
        ([{"id": 1, "time": 1795179900, "email": "a@b.c"},
          {"id": 1, "time": 1795179900, "email": "d@e.f"}], "stands at ticket 2 too"),
        ("ticket", "A ticket is a JSON object."),
    ],
)  # fmt: skip
def test_a_body_that_is_no_ticket_says_why(body: Any, why: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        from_json(body, now=NOW)
    assert why in str(caught.value)


def test_a_ticket_without_an_address_is_nobodys() -> None:
    [ticket] = from_json({"id": 15, "time": 1795179900.0}, now=NOW)
    assert ticket == OutsideTicket("15", AT)


def test_a_ticket_of_before_the_first_visit_is_taken_and_said(
    client: FlaskClient, services: Services
) -> None:
    visit = events.insert().values(
        id="s", at=NOW, kind="search", visitor="v", left_out="", data={},
    )  # fmt: skip
    with services.db.begin() as connection:
        connection.execute(visit)
    told = call(client, signed(BODY)).get_json()
    assert told == {"new": 1, "known": 0, "matched": 1, "early": 1}


# -- the setting --------------------------------------------------------------------------------


def test_hooks_come_from_a_table_with_one_secret_or_several(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kb.toml").write_text(
        f'[ticket_hooks]\nzendesk = "{A}"\nour-otrs = ["{NEW}", "{B}"]\n'
    )
    assert load({}).ticket_hooks == (
        TicketHook("zendesk", (A,)), TicketHook("our-otrs", (NEW, B)),
    )  # fmt: skip
    assert A not in repr(load({}))
    assert load({"KB_TICKET_HOOKS": json.dumps({"zammad": B})}).ticket_hooks[0].name == "zammad"


@pytest.mark.parametrize(
    "table",
    [
        {"zendesk": A, "otrs": A}, {"zendesk": A, "otrs": A.rstrip("=")}, {"zendesk": [A, A]},
        {"zendesk": "hunter2hunter2hunter2hunter2hunt"}, {"zendesk": "whsec_"}, {"zendesk": []},
        {"zendesk": "whsec_" + base64.b64encode(b"x" * 23).decode()}, {"Zen desk": A},
        {"a/b": A}, {"": A}, {"zendesk": 7}, [A], "zendesk",
    ],
)  # fmt: skip
def test_hooks_that_share_a_secret_or_have_a_weak_one_are_refused(table: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        load({"KB_TICKET_HOOKS": json.dumps(table)})
    assert "ticket_hooks" in caught.value.message
    assert "hunter2" not in str(caught.value)
    assert A not in str(caught.value)
