"""Every route there is, for every role, from our pages and from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from kb.accounts.roles import Role, allowed
from kb.app import create_app
from kb.schema import events, offers, ticket_events, tickets

ROLES = tuple(role.value for role in Role)
ELSEWHERE = {
    "nothing said": {},
    "cross-site": {"Sec-Fetch-Site": "cross-site"},
    "same-site": {"Sec-Fetch-Site": "same-site"},
    "typed address": {"Sec-Fetch-Site": "none"},
    "unknown site": {"Sec-Fetch-Site": "same-origin, cross-site"},
    "other origin": {"Origin": "https://evil.example"},
    "null origin": {"Origin": "null"},
    "same-site, own origin": {"Origin": "http://localhost", "Sec-Fetch-Site": "same-site"},
    "own origin, cross-site": {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    "longer origin": {"Origin": "http://localhost.evil.example"},
    "other port": {"Origin": "http://localhost:8080"},
    "user in origin": {"Origin": "http://localhost@evil.example"},
    "no origin at all": {"Origin": ""},
    "half an address": {"Origin": "http://["},
    "referer only": {"Referer": "http://localhost/"},
    "empty token": {"Authorization": "Bearer "},
    "password": {"Authorization": "Basic YTpi"},
}


def _permission(site: Any, endpoint: str) -> Any:
    return getattr(site.app.view_functions[endpoint], "permission", None)


def _copy(site: Any, role: str, *, bare: bool = False) -> Any:
    """Return a new client with the role's session, so that signing out ends no other's."""
    made = site.bare() if bare else site.browser()
    if role != "anonymous":
        site.cookie(made, source=site.client(role))
    return made


def test_every_route_declares_a_permission(site: Any) -> None:
    undeclared = {e for e, _, _ in site.routes() if _permission(site, e) is None}
    assert undeclared == {"static"}


def test_a_route_that_declares_none_is_refused(site: Any) -> None:
    app = create_app(services=site.services)
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    answer = app.test_client().get("/forgotten")
    assert answer.status_code == 403
    assert "secret" not in answer.text


@pytest.mark.parametrize("role", ROLES)
def test_each_role_gets_what_the_table_grants_and_nothing_else(site: Any, role: str) -> None:
    seen = 0
    for endpoint, method, address in site.routes():
        permission = _permission(site, endpoint)
        if permission is None:
            continue
        status = _copy(site, role).open(address, method=method).status_code
        where = f"{role} {method} {address} -> {status}"
        if endpoint == "own_account.sign_out":
            site.forget(role)
        if allowed(Role(role), permission):
            assert status not in {401, 403}, where
            assert status < 500, where
        elif role == "anonymous":
            to_sign_in = method == "GET" and not address.startswith(("/api/", "/metrics"))
            assert status == (302 if to_sign_in else 401), where
        else:
            assert status == 403, where
        seen += 1
    assert seen > 30


# Mail programs stop letters by a POST of their own (RFC 8058); the token in the address proves it.
ONE_CLICK = {"subscriptions.stop"}


@pytest.mark.parametrize("role", ROLES)
def test_an_unsafe_request_from_elsewhere_is_refused_on_every_route(site: Any, role: str) -> None:
    before = _rows(site)
    for endpoint, method, address in site.routes():
        if method == "GET" or endpoint in ONE_CLICK:
            continue
        # Only the hooks are called from elsewhere; without a secret there are none.
        refused = 404 if endpoint in {"hooks.push", "hooks.tickets", "hooks.tickets_of"} else 403
        for name, headers in ELSEWHERE.items():
            client = _copy(site, role, bare=True)
            answer = client.open(address, method=method, headers=headers, data={"text": "x"})
            assert answer.status_code == refused, f"{role} {method} {address} {name}"
    assert _rows(site) == before


def _rows(site: Any) -> list[int]:
    with site.services.db.read() as connection:
        return [
            connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (events, tickets, ticket_events, offers)
        ]


def test_our_own_pages_are_known_by_either_header(site: Any) -> None:
    for headers in (
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://localhost"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
        # Under a policy of no referrer browsers keep their origin to themselves.
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    ):
        answer = site.bare().post("/articles/print/public/vote", headers=headers)
        assert answer.status_code == 303, headers


def test_a_token_needs_no_such_header_and_acts_as_its_account(site: Any) -> None:
    token = {"Authorization": f"Bearer {site.token('admin')}"}
    for endpoint, method, address in site.routes():
        if _permission(site, endpoint) is None:
            continue
        status = site.bare().open(address, method=method, headers=token).status_code
        if endpoint.startswith("own_account."):  # no token makes or ends what opens the account
            assert status == 403, f"{method} {address}"
            continue
        assert status not in {401, 403}, f"{method} {address}"
        assert status < 500, f"{method} {address} -> {status}"
    agents = {"Authorization": f"bearer {site.token('agent')}"}
    assert site.bare().get("/reports/", headers=agents).status_code == 403
    assert site.bare().get("/desk/", headers=agents).status_code == 200


def test_a_token_that_is_not_known_is_refused_everywhere_even_where_none_is_needed(
    site: Any,
) -> None:
    client = site.client("admin")
    for token in ("wrong", "tz_" + "x" * 43, "a b", "\u00e9"):
        for endpoint, method, address in site.routes():
            if not address.startswith("/api/") or endpoint == "static":
                continue
            headers = {"Authorization": f"Bearer {token}"}
            answer = client.open(address, method=method, headers=headers)
            assert answer.status_code == 401, f"{method} {address}"
            assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
            assert answer.get_json()["error"]["status"] == 401


def test_the_token_of_a_switched_off_account_is_worth_nothing(new_site: Callable[..., Any]) -> None:
    site = new_site()
    token = {"Authorization": f"Bearer {site.token('agent')}"}
    assert site.bare().get("/api/v1/tickets", headers=token).status_code == 200
    site.services.accounts.set_active("agent@example.org", False)
    assert site.bare().get("/api/v1/tickets", headers=token).status_code == 401


# -- whose it is --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def owned(site: Any) -> dict[str, str]:
    """Return a reader's ticket and offer: number, link and offer."""
    reader = site.client("reader")
    made = reader.post("/api/v1/tickets", json={"subject": "A need of the reader's own"})
    return {
        "number": made.get_json()["number"],
        "link": made.get_json()["link"].removeprefix("http://localhost"),
        "offer": _offer(site),
    }


def _offer(site: Any) -> str:
    account = site.services.accounts.by_email("reader@example.org")
    row = {
        "id": "offer-1", "user_id": account.id, "episode_id": "episode-1",
        "need_key": "person:x:y", "words": "left without an answer", "state": "open",
        "search_id": "s1",        "created_at": datetime.now(UTC),
    }  # fmt: skip
    with site.services.db.begin() as connection:
        connection.execute(sa.insert(offers).values(row))
    return "offer-1"


@pytest.mark.parametrize("role", ROLES)
def test_what_is_one_persons_is_not_there_for_another(
    site: Any, owned: dict[str, str], role: str
) -> None:
    client, number = _copy(site, role), owned["number"]
    ways = {
        f"/my/tickets/{number}": "GET",
        f"/api/v1/tickets/{number}": "GET",
        f"/offers/{owned['offer']}": "GET",
        f"/my/tickets/{number}/reply": "POST",
    }
    works = role in {"agent", "lead", "admin"}
    for address, method in ways.items():
        status = client.open(address, method=method, data={"text": "A word more"}).status_code
        where = f"{role} {method} {address} -> {status}"
        if role == "reader":
            assert status in {200, 303}, where
        elif role == "anonymous":
            assert status in {302, 401}, where
        elif address.startswith("/api/") and works:
            assert status == 200, where
        else:
            assert status == 404, where


@pytest.mark.parametrize("role", ["author", "agent", "lead", "admin"])
def test_an_offer_is_answered_only_by_whom_it_was_made_to(
    site: Any, owned: dict[str, str], role: str
) -> None:
    for answer in ("take", "decline"):
        place = f"/offers/{owned['offer']}"
        assert site.client(role).post(place, data={"answer": answer}).status_code == 404
    assert site.client("reader").get(f"/offers/{owned['offer']}").status_code == 200


@pytest.mark.parametrize("role", [role for role in ROLES if role != "reader"])
def test_lists_of_own_tickets_hold_no_others(site: Any, owned: dict[str, str], role: str) -> None:
    client = site.client(role)
    assert owned["number"] not in client.get("/my/tickets").text
    if not allowed(Role(role), _permission(site, "desk.queue")):
        assert owned["number"] not in client.get("/api/v1/tickets").text


def test_a_private_link_opens_to_whoever_holds_it_and_only_whole(
    site: Any, owned: dict[str, str]
) -> None:
    link = owned["link"]
    assert site.browser().get(link).status_code == 200
    for other in (link[:-1], link + "x", link.swapcase(), "/t/" + owned["number"], "/t/%00"):
        assert site.browser().get(other).status_code == 404, other
        reply = site.browser().post(other + "/reply", data={"text": "hello"})
        assert reply.status_code == 404, other


def test_staffs_own_notes_stay_with_staff(site: Any, owned: dict[str, str]) -> None:
    number, secret = owned["number"], "between ourselves"
    noted = site.client("agent").post(f"/desk/tickets/{number}/note", data={"text": secret})
    assert noted.status_code == 303
    assert secret in site.client("lead").get(f"/desk/tickets/{number}").text
    assert secret not in site.browser().get(owned["link"]).text
    assert secret not in site.client("reader").get(f"/my/tickets/{number}").text
