"""Sessions, cookies, hosts and redirects: what a browser holds and what it is told."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest
from flask.sessions import SecureCookieSessionInterface

PASSWORD = "correct horse battery staple"
AWAY = (
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example",
    "http:evil.example", "https:/evil.example", "javascript:alert(1)", "data:text/html,x",
    "/\t/evil.example", "\t//evil.example", " //evil.example", "/\n/evil.example", "/\r\n/evil",
    "/x\r\nSet-Cookie: a=b", "/\x00/evil.example", "evil.example", "/ok\\..\\evil", "/\u2028/x y",
    "http://localhost.evil.example/", "//localhost@evil.example", "?next=//evil.example",
)  # fmt: skip


def _sign_in(client: Any, role: str = "reader", target: str | None = None) -> Any:
    form = {"email": f"{role}@example.org", "password": PASSWORD}
    query = {} if target is None else {"next": target}
    return client.post("/sign-in", data=form, query_string=query)


def test_an_anonymous_reader_is_given_no_cookie_on_any_page(site: Any) -> None:
    client = site.browser()
    for _, method, address in site.routes():
        answer = client.open(address, method=method)
        given = answer.headers.getlist("Set-Cookie")
        # Signing out takes the cookie away, whether or not there is one.
        assert all(cookie.startswith("session=;") for cookie in given), f"{method} {address}"
        assert not given or address == "/sign-out"


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(site: Any) -> None:
    cookies = _sign_in(site.browser()).headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {"session", "device"}
    for cookie in cookies:
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        assert "Domain" not in cookie


def test_on_tls_the_cookie_is_bound_to_the_host_and_the_browser_told_to_stay(
    new_site: Callable[..., Any],
) -> None:
    site = new_site(site_url="https://localhost")
    client = site.browser(**{"wsgi.url_scheme": "https"})
    answer = _sign_in(client)
    cookies = answer.headers.getlist("Set-Cookie")
    assert {each.partition("=")[0] for each in cookies} == {"__Host-session", "__Host-device"}
    for cookie in cookies:
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
    for address in ("/", "/static/site.css", "/there-is-none"):
        said = client.get(address).headers["Strict-Transport-Security"]
        assert said == "max-age=31536000; includeSubDomains"
    assert "Strict-Transport-Security" not in new_site().browser().get("/").headers


def test_signing_in_keeps_nothing_of_the_session_before(site: Any) -> None:
    client = site.browser()
    with client.session_transaction() as before:
        before["planted"] = "by somebody else"
    assert _sign_in(client).status_code == 303
    with client.session_transaction() as after:
        assert "planted" not in after
        assert set(after) == {"_permanent", "account", "version"}


def test_a_second_sign_in_is_the_second_person_alone(site: Any) -> None:
    client = site.browser()
    _sign_in(client, "admin")
    _sign_in(client, "reader")
    assert client.get("/desk/").status_code == 403


def test_signing_out_leaves_no_session(site: Any) -> None:
    client = site.signed_in("reader")
    assert client.get("/my/tickets").status_code == 200
    assert client.post("/sign-out").status_code == 303
    assert client.get("/my/tickets").status_code == 302
    assert client.get_cookie("session") is None


def test_a_session_that_was_not_signed_by_us_is_none(site: Any) -> None:
    account = site.services.accounts.by_email("admin@example.org")
    held = {"account": account.id, "version": account.session_version}
    app = type("", (), {"secret_key": "guessed", "config": {"SECRET_KEY_FALLBACKS": []}})()
    forged = SecureCookieSessionInterface().get_signing_serializer(app).dumps(held)
    for value in (forged, forged[:-2], "", "x", "e30." + forged, "\u00fc"):
        client = site.browser()
        client.set_cookie("session", value)
        assert client.get("/desk/").status_code == 302


@pytest.mark.parametrize("change", ["role", "password", "off", "off and on"])
def test_what_changes_an_account_ends_its_sessions(
    new_site: Callable[..., Any], change: str
) -> None:
    site, address = new_site(), "agent@example.org"
    client, accounts = site.signed_in("agent"), site.services.accounts
    assert client.get("/desk/").status_code == 200
    if change == "role":
        accounts.set_role(address, accounts.by_email("lead@example.org").role)
    elif change == "password":
        accounts.set_password(address, "another good long password")
    else:
        accounts.set_active(address, False)
        assert _sign_in(site.browser(), "agent").status_code == 422
        accounts.set_active(address, change == "off and on")
    assert client.get("/desk/").status_code == 302
    assert client.post("/desk/tickets/T-1001/note", data={"text": "x"}).status_code == 401


def test_a_wrong_address_and_a_wrong_password_get_one_answer(site: Any) -> None:
    pages = []
    for email, password in (("reader@example.org", "wrong"), ("nobody@example.org", PASSWORD)):
        answer = site.browser().post("/sign-in", data={"email": email, "password": password})
        assert answer.status_code == 422
        assert password not in answer.text
        pages.append(answer.text.replace(email, ""))
    assert pages[0] == pages[1]


@pytest.mark.parametrize("target", AWAY)
def test_sign_in_leads_nowhere_but_to_this_site(site: Any, target: str) -> None:
    answer = _sign_in(site.browser(), target=target)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/"
    assert "evil" not in site.browser().get("/sign-in", query_string={"next": target}).text


@pytest.mark.parametrize("encoded", ["%2f%2fevil.example", "/%0d%0aSet-Cookie:x=1", "%5c%5cevil"])
def test_encoding_a_foreign_address_does_not_help(site: Any, encoded: str) -> None:
    form = {"email": "reader@example.org", "password": PASSWORD}
    answer = site.browser().post(f"/sign-in?next={encoded}", data=form)
    assert answer.headers["Location"] == "/"
    twice = encoded.replace("%", "%25")
    place = site.browser().post(f"/sign-in?next=/{twice}", data=form).headers["Location"]
    assert place.startswith("/")
    assert not place.startswith(("//", "/\\"))
    assert "\n" not in place


@pytest.mark.parametrize("target", ["/my/tickets", "/search?q=a%20b&lang=en", "/articles/x#y"])
def test_sign_in_leads_back_to_where_one_was(site: Any, target: str) -> None:
    assert _sign_in(site.browser(), target=target).headers["Location"] == target


def test_who_must_sign_in_comes_back_to_the_page_asked_for(site: Any) -> None:
    client = site.browser()
    asked = client.get("/desk/?state=all&q=a+b")
    assert asked.headers["Location"].startswith("/sign-in?next=")
    form = {"email": "agent@example.org", "password": PASSWORD}
    there = client.post(asked.headers["Location"], data=form).headers["Location"]
    assert there == "/desk/?state=all&q=a+b"


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil.example:80", "localhost@evil.example"]
)
def test_another_host_name_is_refused_in_words_and_never_echoed(site: Any, host: str) -> None:
    for address in ("/", "/articles/vpn/connect", "/api/v1/search?q=vpn", "/static/site.css", "/x"):
        answer = site.browser().get(address, environ_overrides={"HTTP_HOST": host})
        assert answer.status_code == 400, address
        assert "evil" not in answer.text
        assert answer.headers["Content-Security-Policy"]
        if address.startswith("/api/"):
            assert answer.get_json()["error"]["status"] == 400
    form = {"email": "reader@example.org", "password": PASSWORD}
    named = {"HTTP_HOST": host}
    assert site.browser().post("/sign-in", data=form, environ_overrides=named).status_code == 400


FORGED = {
    "HTTP_X_FORWARDED_HOST": "evil.example",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_FOR": "203.0.113.9",
    "HTTP_X_FORWARDED_PREFIX": "/evil",
    "HTTP_FORWARDED": "host=evil.example;for=203.0.113.9;proto=https",
    "HTTP_X_REAL_IP": "203.0.113.9",
    "HTTP_X_ORIGINAL_URL": "/desk/",
    "HTTP_X_REWRITE_URL": "/desk/",
    "HTTP_REMOTE_USER": "admin@example.org",
    "HTTP_X_REMOTE_USER": "admin@example.org",
    "HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE",
}


def test_forwarding_headers_of_anybody_have_no_effect(site: Any) -> None:
    plain, forged = site.browser(), site.browser(**FORGED)
    for address in ("/", "/articles/vpn/connect", "/opensearch.xml", "/api/v1/articles", "/desk/"):
        one, other = plain.get(address), forged.get(address)
        assert one.status_code == other.status_code
        assert one.text == other.text, address
        assert one.headers.get("Location") == other.headers.get("Location")


def test_a_forged_address_does_not_reset_the_count(new_site: Callable[..., Any]) -> None:
    site = new_site(search_rate=3, network_rate=1)
    statuses = [
        site.browser(HTTP_X_FORWARDED_FOR=f"203.0.113.{n}").get("/search?q=vpn").status_code
        for n in range(8)
    ]
    assert statuses.count(200) <= 6  # at most two windows of the clock
    assert 429 in statuses


def test_behind_a_trusted_proxy_the_readers_own_address_counts_and_hosts_are_still_checked(
    new_site: Callable[..., Any],
) -> None:
    proxies = (ip_network("127.0.0.1"),)
    site = new_site(search_rate=1, network_rate=1, trusted_proxies=proxies)
    for n in range(6):
        client = site.browser(HTTP_X_FORWARDED_FOR=f"203.0.113.7, 198.51.100.{n}")
        assert client.get("/search?q=vpn").status_code == 200
    assert site.browser(HTTP_X_FORWARDED_HOST="evil.example").get("/").status_code == 400
