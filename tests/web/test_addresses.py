"""Addresses: what moved, what is gone, what nobody meant to ask, and every odd query."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.web.pages import Page, complaints

ONE_SITE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def test_a_former_name_leads_to_the_present_one_for_good(site: Any) -> None:
    client = site.client("anonymous")
    for former in ("vpn/old-name", "VPN/Connect", "vpn/old-name/"):
        moved = client.get(f"/articles/{former}")
        assert moved.status_code == 301, former
        assert moved.headers["Location"] == "/articles/vpn/connect"
    assert client.get("/articles/vpn/connect").status_code == 200


@pytest.mark.parametrize("role", ["anonymous", "reader", "admin"])
def test_drafts_and_archived_articles_are_nobodys_to_read(site: Any, role: str) -> None:
    client = site.client(role)
    for kind in ("draft", "archived"):
        for slug in (f"print/{kind}", f"PRINT/{kind.upper()}"):
            assert client.get(f"/articles/{slug}").status_code == 404
            assert client.get(f"/api/v1/articles/{slug}").status_code == 404
        assert client.get(site.picture(kind)).status_code == 404


def test_a_picture_is_served_under_its_own_name_only(site: Any) -> None:
    client, address = site.client("anonymous"), site.picture("public")
    found = client.get(address)
    assert found.status_code == 200
    assert found.mimetype == "image/png"
    assert found.data.startswith(b"\x89PNG")
    stem = address.rpartition(".")[0]
    for other in (f"{stem}.svg", f"{stem}.html", f"{stem}", f"{stem}.png.html", "/media/x.png"):
        assert client.get(other).status_code == 404, other


def test_head_says_what_get_would_without_saying_it(site: Any) -> None:
    for role in ("anonymous", "lead"):
        client = site.client(role)
        for _, method, address in site.routes():
            if method != "GET" or address.startswith("/static/"):
                continue
            asked, head = client.get(address), client.head(address)
            assert head.status_code == asked.status_code, f"{role} {address}"
            assert head.data == b""
            assert head.mimetype == asked.mimetype


@pytest.mark.parametrize(
    ("method", "address", "status", "title"),
    [
        ("GET", "/nowhere", 404, "There is no such page"),
        ("GET", "/articles/none", 404, "There is no such page"),
        ("GET", "/collections/none", 404, "There is no such page"),
        ("GET", "/t/none", 404, "There is no such page"),
        ("POST", "/search", 405, "That cannot be done here"),
        ("DELETE", "/articles/print/public", 405, "That cannot be done here"),
        ("POST", "/tickets", 413, "That is too long"),
        ("POST", "/sign-in", 413, "That is too long"),
        ("POST", "/articles/print/public/vote", 413, "That is too long"),
        ("POST", "/my/tickets/T-1/reply", 401, "Sign in to continue"),
    ],
)
def test_errors_are_pages_with_a_way_on(
    site: Any, method: str, address: str, status: int, title: str
) -> None:
    long = 1_200_000 if address == "/sign-in" else 300_000  # words of a refused form go through it
    data = {"subject": "x" * long} if status == 413 else None
    answer = site.browser().open(address, method=method, data=data)
    assert answer.status_code == status
    assert Page(answer.text).one("h1").text == title
    assert complaints(answer.text) == []
    assert any(e.attributes.get("href") == "/" for e in Page(answer.text).all("a"))
    script = site.browser().open(
        address, method=method, data=data, headers={"Accept": "application/json"}
    )
    assert script.get_json()["error"]["status"] == status


def test_a_form_of_too_many_parts_is_refused(site: Any) -> None:
    parts = {f"field{n}": "x" for n in range(60)}
    answer = site.browser().post("/tickets", data=parts, content_type="multipart/form-data")
    assert answer.status_code == 413


NUMBERS = ("0", "-1", "1e9", "9" * 30, "9" * 5000, "٣", "1.5", "NaN", "", " 1", "0x10", "\x00")
DAYS = ("0001-01-01", "9999-12-31", "2026-02-30", "2026-W01-1", "20260101", "-1", "x", "٢٠٢٦-٠١-٠١")
TEXT = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["\x00", "a\x00b", "\ud7ff", "*" * 200, "a* " * 26, '"' * 99, "x" * 5000, "NOT AND OR",
         "title:x", "[a TO b]", "(((((", "~9", "\\", "%", "%ff", "\u202e", "🎟️" * 50, "= or 1=1",
         "' OR 1=1 --", "_", "%%%", "printing"]
    ),
)  # fmt: skip
VALUE = st.one_of(TEXT, st.sampled_from(NUMBERS), st.sampled_from(DAYS))
NAMES = ("q", "page", "lang", "in", "literal", "from", "until", "tier", "state", "owner", "origin")
PLACES = ("/search", "/suggest", "/api/v1/search", "/desk/", "/reports/", "/reports/searches.csv",
          "/articles/vpn/connect", "/tickets/new", "/api/v1/articles")  # fmt: skip
MORE = ("limit", "offset", "language", "collection", "rank", "thanks", "search", "article")


@settings(max_examples=80, deadline=None, suppress_health_check=ONE_SITE)
@given(query=st.dictionaries(st.sampled_from(NAMES + MORE), VALUE, max_size=6))
@example(query={"tier": "9" * 30})
@example(query={"tier": "-" + "9" * 18})
@example(query={"from": "0001-01-01", "until": "0001-01-01"})
@example(query={"from": "9999-12-31", "until": "9999-12-31"})
@example(query={"from": "9999-12-31"})
@example(query={"q": "9" * 9, "page": "9" * 30})
@example(query={"q": "T-999999999"})
@example(query={"rank": "9" * 40, "from": "x"})
def test_no_query_is_too_odd(site: Any, query: dict[str, str]) -> None:
    client = site.client("lead")
    for place in PLACES:
        answer = client.get(place, query_string=query)
        assert answer.status_code < 500, f"{place} {query}"


RAW = st.binary(max_size=40).map(lambda raw: "".join(f"%{byte:02x}" for byte in raw))


@settings(max_examples=80, deadline=None, suppress_health_check=ONE_SITE)
@given(raw=RAW, header=st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30))
@example(raw="%00", header="q=")
@example(raw="..%2f..%2fetc%2fpasswd", header="en;q=x, *;q=9")
@example(raw="%ff%fe", header="en-" * 9)
def test_no_path_or_header_is_too_odd(site: Any, raw: str, header: str) -> None:
    client = site.client("lead")
    said = {"Accept-Language": header, "Accept": header, "User-Agent": header, "Referer": header}
    for place in ("/articles/", "/collections/", "/static/", "/t/", "/desk/tickets/", "/offers/",
                  "/my/tickets/", "/api/v1/articles/", "/search?q=", "/search?"):  # fmt: skip
        answer = client.get(place + raw, headers=said)
        assert answer.status_code < 500, f"{place}{raw}"
