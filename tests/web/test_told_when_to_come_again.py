"""Every refusal for the moment, 429 and 503, says when to come again: on every route there is.

liwala/ay-framework#178, AnchorNet-Backend#82, flask-limiter#47: 429 without Retry-After.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.web.test_words_come_back import FORMS

# draft-ietf-httpapi-ratelimit-headers-11: Lists of Strings with Integers as parameters (RFC 9651).
LIMIT = re.compile(r'"[a-z-]+";r=0;t=(\d+)')
POLICY = re.compile(r'"[a-z-]+";q=\d+;w=[1-9]\d*(?:, "[a-z-]+";q=\d+;w=[1-9]\d*)*')
NONE = {"search_rate": 0, "suggest_rate": 0, "write_rate": 0, "ticket_rate": 0}


def _walk(site: Any, client: Any, wanted: int) -> dict[str, Any]:
    """Ask every route; return the answers of that status by endpoint."""
    found = {}
    for endpoint, method, address in site.routes():
        if endpoint in {"account.sign_out", "own_account.sign_out"}:
            continue  # the rest is asked signed in; neither is limited or needs the database
        form = dict.fromkeys(FORMS.get(endpoint, ()), "x@example.org")
        answer = client.open(address, method=method, data=form if method == "POST" else None)
        if answer.status_code == wanted:
            found[f"{method} {endpoint}"] = answer
    return found


def test_every_limited_route_that_refuses_says_for_how_long(new_site: Callable[..., Any]) -> None:
    site = new_site(**NONE)
    refused = _walk(site, site.signed_in("admin"), 429) | _walk(site, site.browser(), 429)
    limited = {
        endpoint
        for endpoint, view in site.app.view_functions.items()
        if getattr(view, "limit", "") not in {"", "guesses"}
    }
    assert {name.partition(" ")[2] for name in refused} == limited
    for name, answer in refused.items():
        wait = int(answer.headers["Retry-After"])
        assert 1 <= wait <= 600, name
        told = LIMIT.fullmatch(answer.headers["RateLimit"])
        assert told is not None, name
        assert int(told[1]) == wait
        assert POLICY.fullmatch(answer.headers["RateLimit-Policy"]), name


@pytest.mark.parametrize("role", ["anonymous", "reader", "admin"])
def test_every_route_says_when_to_come_again_while_the_database_is_away(
    new_site: Callable[..., Any], role: str
) -> None:
    site = new_site()
    client = site.browser() if role == "anonymous" else site.signed_in(role)
    mend = site.break_database()
    away = _walk(site, client, 503)
    mend()
    assert len(away) >= 5
    for name, answer in away.items():
        assert 1 <= int(answer.headers["Retry-After"]) <= 60, name


def test_wrong_passwords_and_unknown_tokens_too(new_site: Callable[..., Any], clock: Any) -> None:
    site = new_site(sign_in_rate=1)
    client, form = site.browser(), {"email": "admin@example.org", "password": "wrong"}
    token = {"Authorization": "Bearer tz_unknown"}
    client.post("/sign-in", data=form)
    site.bare().get("/api/v1/tickets", headers=token)
    for answer in (
        client.post("/sign-in", data=form),
        site.bare().get("/api/v1/tickets", headers=token),
    ):
        assert answer.status_code == 429
        told = LIMIT.fullmatch(answer.headers["RateLimit"])
        assert told is not None
        assert told[1] == answer.headers["Retry-After"] == "600"
