"""Text that a database may refuse (NUL, half a character) never breaks a page, on either kind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from kb.accounts.roles import Role

PASSWORD = "correct horse battery staple"
ODD = ("\x00", "a\x00b", "\ud800", "\udfff x", "\U0010ffff", "\ufeff", "x" * 3000, "0" * 40)


def test_odd_text_is_never_a_failure(new_site: Callable[..., Any], database_url: str) -> None:
    site, now = new_site(database_url=database_url), datetime.now(UTC)
    site.services.accounts.add("boss@example.org", PASSWORD, name="B", role=Role.ADMIN, now=now)
    client = site.browser()
    assert (
        client.post(
            "/sign-in", data={"email": "boss@example.org", "password": PASSWORD}
        ).status_code
        == 303
    )
    for text in ODD:
        sent = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        for place in ("/offers/", "/t/", "/my/tickets/", "/desk/tickets/", "/articles/", "/media/"):
            assert client.get(place + sent).status_code < 500, f"{place}{text!r}"
        names = ("q", "search", "from", "article", "tier", "owner", "origin", "lang", "in")
        for place in ("/search", "/suggest", "/tickets/new", "/desk/", "/articles/vpn/connect"):
            query = dict.fromkeys(names, sent)
            assert client.get(place, query_string=query).status_code < 500, f"{place} {text!r}"
        form = dict.fromkeys(("subject", "body", "name", "search", "submission", "email"), sent)
        assert client.post("/tickets", data=form).status_code < 500, repr(text)
        form |= {"seconds": "3", "article": "vpn/connect", "helpful": "no", "reason": sent}
        for place in ("/dwell", "/articles/vpn/connect/vote", "/articles/vpn/connect/solved"):
            assert client.post(place, data=form).status_code < 500, f"{place} {text!r}"
        body = {"subject": f"printing {text}", "body": text, "name": text, "search_id": text[:36]}
        made = client.post("/api/v1/tickets", json=body | {"submission": text[:64]})
        assert made.status_code in {200, 201, 422}, made.text
        event = {"kind": "vote", "article": "vpn/connect", "helpful": False, "reason": text[:500]}
        event["search_id"] = text[:36]
        assert client.post("/api/v1/events", json=event).status_code == 201, repr(text)
        sign_in = {"email": sent, "password": sent}
        assert site.browser().post("/sign-in", data=sign_in).status_code == 422, repr(text)
    assert site.services.recorder.replay_spool().events == 0  # nothing had to be put aside
