"""Every page that a role can reach by following links, read with a critical eye."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import sqlalchemy as sa

from kb.schema import offers
from tests.web.pages import Page, active_content, complaints

ROLES = ("anonymous", "reader", "author", "agent", "lead", "admin")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
MOST = 120  # pages of one role; the small site has fewer


@pytest.fixture(scope="module")
def lived_in(site: Any) -> Any:
    """Return the site after a day's use: searches, a vote, tickets in several states, an offer."""
    reader, agent = site.client("reader"), site.client("agent")
    number = _ticket(reader, "The queue of paper jams")
    for action, form in (
        ("note", {"text": "seen before"}),
        ("answer", {"text": "Which floor?", "waiting": "on"}),
        ("escalate", {"reason": "needs parts"}),
    ):
        done = agent.post(f"/desk/tickets/{number}/{action}", data=form)
        assert done.status_code == 303
    solved = {"resolution": "linked_article", "other_article": "/articles/print/public"}
    done = agent.post(f"/desk/tickets/{_ticket(reader, 'Solved one')}/resolve", data=solved)
    assert done.status_code == 303
    link = site.browser().post("/tickets", data={"subject": "No account", "email": "a@b.example"})
    site.link = link.headers["Location"]
    _offer(site)
    return site


def _ticket(client: Any, subject: str) -> str:
    found = client.get("/api/v1/search", query_string={"q": subject}).get_json()
    client.get(f"/articles/print/public?from={found['search_id']}&rank=1")
    client.post("/articles/print/public/vote", data={"helpful": "no", "reason": "did-not-work"})
    body = {"subject": subject, "body": "It says 0x51.", "search_id": found["search_id"]}
    made = client.post("/api/v1/tickets", json=body)
    assert made.status_code == 201, made.text
    return str(made.get_json()["number"])


def _offer(site: Any) -> None:
    account = site.services.accounts.by_email("author@example.org")
    row = {
        "id": "offer-2", "user_id": account.id, "episode_id": "e2", "need_key": "person:x:y",
        "search_id": "s2", "words": "words <left>", "state": "open",
        "created_at": datetime.now(UTC),
    }  # fmt: skip
    with site.services.db.begin() as connection:
        connection.execute(sa.insert(offers).values(row))


def _starts(site: Any, role: str) -> list[str]:
    """Return where the walk of a role begins: all that no link may lead to."""
    asked = ["/", "/search", "/search?q=printing", "/search?q=qqqq", "/search?q=prnting", "/about"]
    asked += ["/search?q=printing&in=print&lang=en", "/articles/print/public?q=printing"]
    asked += [site.link] if role == "anonymous" else []
    asked += ["/search?q=printing&page=2", "/articles/print/public?thanks=yes", "/sign-in?next=/x"]
    asked += ["/tickets/new?article=print/public", "/there-is-none", "/desk/?state=all", "/desk/x"]
    asked += ["/tickets/link", "/tickets/link/sent"]
    asked += ["/subscriptions/sent", "/subscriptions/none", "/subscriptions/none/stop"]
    asked += ["/desk/undeliverable", "/reports/?from=2026-13-01", "/reports/?from=9999-12-31"]
    return [*asked, "/offers/offer-2", "/desk/tickets/T-9999", "/search?q=conectarse"]


def _key(address: str) -> tuple[str, tuple[str, ...]]:
    """Return what makes a page a kind of its own: walking every filter of a list is endless."""
    parts = urlsplit(address)
    if parts.path.startswith("/reports/figures/"):  # one for each figure and range
        return "/reports/figures/", ()
    return parts.path, tuple(sorted(parse_qs(parts.query)))


def _walk(site: Any, role: str) -> dict[str, Any]:
    """Return the answers by address, following every link of this site."""
    client, seen, answers = site.client(role), set(), {}
    waiting = deque(("", address) for address in _starts(site, role))
    while waiting and len(answers) < MOST:
        source, address = waiting.popleft()
        if _key(address) in seen:
            continue
        seen.add(_key(address))
        answer = answers[address] = client.get(address)
        assert answer.status_code < 500, f"{role} {address}"
        if source:
            assert answer.status_code == 200, f"{role}: {source} links to {address}"
        if answer.mimetype == "text/html":
            links = (e.attributes.get("href", "") for e in Page(answer.text).all("a"))
            near = (urljoin("http://localhost" + address, link) for link in links)
            waiting.extend(
                (address, link.removeprefix("http://localhost").partition("#")[0])
                for link in near
                if link.startswith("http://localhost/")
            )
    return answers


@pytest.mark.parametrize("role", ROLES)
def test_every_page_that_a_role_can_reach(lived_in: Any, role: str) -> None:
    wrong, titles = [], {}
    for address, answer in _walk(lived_in, role).items():
        for name, value in HEADERS.items():
            assert answer.headers.getlist(name) == [value], f"{address} {name}"
        if answer.mimetype != "text/html" or 300 <= answer.status_code < 400:
            continue
        drawn = {"svg"} if address.startswith("/reports/") else set()  # the report's own charts
        found = [problem for problem in complaints(answer.text) if problem not in drawn]
        wrong += [f"{address}: {problem}" for problem in found]
        if answer.status_code == 200:
            title = Page(answer.text).one("title").text
            here = urlsplit(address).path
            assert titles.setdefault(title, here) == here, f"{title!r} is two pages"
    assert wrong == []


def test_the_walk_met_every_page_that_takes_no_value_of_its_own(lived_in: Any) -> None:
    met = {urlsplit(a).path for role in ("admin", "reader") for a in _walk(lived_in, role)}
    plain = {
        address
        for endpoint, method, address in lived_in.routes()
        if method == "GET" and not lived_in.app.url_map._rules_by_endpoint[endpoint][0].arguments
    }
    # Of who was given a link to a branch; of what a commit answered; after a form.
    by_link = {"/previews/changes", "/authors/answered.patch", "/forgot-password/sent"}
    programs = by_link | {
        "/healthz",
        "/readyz",
        "/metrics",
        "/robots.txt",
        "/opensearch.xml",
        "/suggest",
        "/sign-in",
    }
    assert {p for p in plain if not p.startswith("/api/")} - programs <= met
    assert any(path.startswith("/desk/tickets/T-") for path in met)
    assert any(path.startswith("/my/tickets/T-") for path in met)


def test_every_answer_of_any_kind_carries_the_headers(site: Any) -> None:
    client = site.client("agent")
    asked = [(method, address) for _, method, address in site.routes()]
    asked += [("GET", "/static/site.js"), ("GET", "/static/none"), ("GET", "/static/%00")]
    asked += [("GET", "/static/../app.py"), ("GET", "/static/..%2fapp.py"), ("DELETE", "/")]
    asked += [("OPTIONS", "/search"), ("HEAD", "/"), ("TRACE", "/"), ("PUT", "/tickets")]
    for method, address in asked:
        if address == "/sign-out":
            continue
        answer = client.open(address, method=method)
        assert answer.status_code < 500, f"{method} {address}"
        for name, value in HEADERS.items():
            assert answer.headers.getlist(name) == [value], f"{method} {address} {name}"
        assert answer.headers["Permissions-Policy"]


def test_what_only_this_person_may_see_is_kept_by_no_shared_cache(lived_in: Any) -> None:
    for address in ("/", "/search?q=printing", "/my/tickets", "/api/v1/articles", "/articles/x"):
        answer = lived_in.client("reader").get(address)
        assert "private" in answer.headers["Cache-Control"]
        assert "Cookie" in answer.headers["Vary"]
    picture = lived_in.client("reader").get(lived_in.picture("signed-in"))
    assert "private" in picture.headers["Cache-Control"]
    assert picture.mimetype == "image/png"


def test_the_checks_themselves_see_what_is_wrong() -> None:
    bad = """<!doctype html><html><head><title> · Site</title><style>a{}</style></head><body>
    <h1></h1><h1>b</h1><p id="a" onclick="x()"></p><p id="a" style="x"></p><a href="/x"></a>
    <a href="javascript:alert(1)">x</a><a href="#none">y</a><input name="q"><nav></nav><nav></nav>
    <img src="/x"><script>alert(1)</script><table></table><fieldset></fieldset></body></html>"""
    found = " | ".join(complaints(bad))
    for sign in (
        "no language", "2 h1", "no title", "no main", "empty h1", "id a x2", "onclick", "style",
        "without a name", "javascript:", "#none leads nowhere", "without a label", "landmark",
        "img without alt", "script", "without a caption", "without a legend",
    ):  # fmt: skip
        assert sign in found, sign


@pytest.mark.parametrize(
    "address", ["JaVaScRiPt:x", " javascript:x", "java\nscript:x", "data:text/html,x", "vbscript:x"]
)
def test_a_live_address_is_seen_however_it_is_written(address: str) -> None:
    assert active_content(Page(f'<a href="{address}">x</a>'))
