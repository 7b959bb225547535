"""What a role may not read never reaches it, whatever it asks, by any way in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from kb.schema import outbox

ROLES = ("anonymous", "reader", "author", "agent", "lead", "admin")


def _questions(kind: str, word: str, site: Any) -> Iterator[str]:
    """Yield every address that could give an article of that kind away; none holds its word
    unless as something asked for."""
    slug, shelf = f"print/{kind}", f"print-{word}"
    yield from ("/", "/search?q=print+queue", "/search?q=PRN-7781", "/suggest?q=printing")
    yield from ("/search?q=printing&in=print", "/search?q=queue+fails&lang=en", "/suggest?q=how")
    yield from ("/articles/vpn/connect", "/articles/print/public", f"/articles/{slug}")
    yield from ("/collections/print", "/collections/vpn", "/about", "/opensearch.xml")
    yield from ("/robots.txt", f"/articles/{slug.upper()}", "/articles/vpn/old-name")
    yield from (f"/tickets/new?article={slug}", "/search?q=zyqcanary", "/search?q=zyq")
    yield from ("/api/v1/articles?limit=50", f"/api/v1/articles/{slug}", "/api/v1/openapi.json")
    yield from ("/api/v1/search?q=print+queue&limit=50", "/api/v1/search?q=PRN-7781&limit=50")
    yield from ("/suggest?q=zyq", "/suggest?q=printing+with", "/api/v1/articles?collection=print")
    yield from (f"/search?q=printing&in={kind}", "/readyz", "/healthz")
    del shelf, site


@pytest.mark.parametrize("role", ROLES)
def test_no_page_search_suggestion_or_count_gives_an_article_away(
    site: Any, role: str, canaries: dict[str, str], may_read: Callable[[str, str], bool]
) -> None:
    client = site.client(role)
    for kind, word in canaries.items():
        for address in _questions(kind, word, site):
            answer = client.get(address)
            for other, canary in canaries.items():
                if not may_read(role, other):
                    assert canary not in answer.text, f"{role} read {other} at {address}"


@pytest.mark.parametrize("role", ROLES)
def test_who_may_read_an_article_gets_it_whole_and_nobody_else_learns_of_it(
    site: Any, role: str, canaries: dict[str, str], may_read: Callable[[str, str], bool]
) -> None:
    client = site.client(role)
    for kind, word in canaries.items():
        slug, open_to_role = site.slug(kind), may_read(role, kind)
        ways = (f"/articles/{slug}", f"/api/v1/articles/{slug}", site.picture(kind))
        for address in (*ways, f"/collections/print-{word}"):
            if address.endswith("public") and kind == "public":
                assert client.get(address).status_code == 200
            elif kind != "public":
                wanted = 200 if open_to_role else 404
                assert client.get(address).status_code == wanted, f"{role} {address}"
        one = {"X-Request-Id": "the-same-number"}  # which error pages show
        absent = client.get("/articles/print/there-is-none", headers=one)
        if not open_to_role:
            refused = client.get(f"/articles/{slug}", headers=one)
            assert refused.text == absent.text, "a refusal tells that the article exists"


@pytest.mark.parametrize("role", ROLES)
def test_counts_are_of_what_the_role_may_read(
    site: Any, role: str, canaries: dict[str, str], may_read: Callable[[str, str], bool]
) -> None:
    client = site.client(role)
    readable = 2 + sum(may_read(role, kind) for kind in canaries)  # and the two on the VPN
    listed = client.get("/api/v1/articles?limit=50").get_json()
    assert listed["total"] == len(listed["articles"]) == readable
    found = client.get("/api/v1/search?q=PRN-7781&limit=50").get_json()
    assert found["total"] == len(found["hits"]) == readable - 2
    assert f"{readable} articles, each checked" in client.get("/").text


@pytest.mark.parametrize("role", ROLES)
def test_a_mistyped_canary_is_not_corrected_to_one_that_the_role_may_not_read(
    site: Any, role: str, canaries: dict[str, str], may_read: Callable[[str, str], bool]
) -> None:
    client = site.client(role)
    for kind, canary in canaries.items():
        typo = canary.replace("canary", "canery")
        for address in (f"/search?q={typo}", f"/api/v1/search?q={typo}", f"/suggest?q={typo[:-2]}"):
            known = canary in client.get(address).text
            assert may_read(role, kind) or not known, f"{role} {address}"
    if role == "admin":  # and the question is a good one: who may read it is corrected
        assert canaries["staff"] in client.get("/search?q=zyqstaffcanery").text


@pytest.mark.parametrize("kind", ["signed-in", "staff", "draft", "archived"])
def test_nothing_can_be_done_to_an_article_that_cannot_be_read(site: Any, kind: str) -> None:
    client, slug = site.client("anonymous"), site.slug(kind)
    assert client.post(f"/articles/{slug}/vote", data={"helpful": "yes"}).status_code == 404
    assert client.post(f"/articles/{slug}/solved").status_code == 404
    assert client.post("/dwell", data={"article": slug, "seconds": 5}).status_code == 404
    for event in ("click", "view", "dwell", "vote", "solved"):
        body = {"kind": event, "article": slug, "helpful": True, "seconds": 3}
        assert client.post("/api/v1/events", json=body).status_code == 404, event


def test_the_form_of_an_article_takes_the_title_only_of_one_that_may_be_read(
    site: Any, canaries: dict[str, str]
) -> None:
    form = site.client("reader").get("/tickets/new?article=print/signed-in").text
    assert f"Printing with the {canaries['signed-in']} queue" in form
    for kind in ("staff", "draft", "archived"):
        assert (
            canaries[kind]
            not in site.client("reader").get(f"/tickets/new?article=print/{kind}").text
        )


def test_a_private_link_shows_no_title_that_its_holder_may_not_read(
    site: Any, canaries: dict[str, str]
) -> None:
    agent = site.signed_in("agent")
    found = agent.get("/api/v1/search?q=printing+queue").get_json()
    assert canaries["staff"] in json.dumps(found)
    agent.get(f"/articles/print/staff?from={found['search_id']}&rank=1")
    made = agent.post(
        "/api/v1/tickets",
        json={"subject": "Printing queue", "search_id": found["search_id"]},
    )
    assert made.status_code == 201
    page = site.browser().get(made.get_json()["link"])
    assert page.status_code == 200
    assert canaries["staff"] not in page.text
    own = agent.get(f"/my/tickets/{made.get_json()['number']}")
    assert canaries["staff"] in own.text


def test_an_article_that_solved_is_named_only_to_who_may_read_it(
    site: Any, canaries: dict[str, str]
) -> None:
    reader, agent = site.client("reader"), site.client("agent")
    number = reader.post("/api/v1/tickets", json={"subject": "It jams again"}).get_json()["number"]
    form = {"resolution": "linked_article", "other_article": "/articles/print/staff"}
    assert agent.post(f"/desk/tickets/{number}/resolve", data=form).status_code == 303
    assert canaries["staff"] not in reader.get(f"/my/tickets/{number}").text
    assert reader.get(f"/api/v1/tickets/{number}").get_json()["resolution_article"] == ""
    assert agent.get(f"/api/v1/tickets/{number}").get_json()["resolution_article"] == "print/staff"


@pytest.mark.parametrize(
    ("role", "kind", "named"),
    [("reader", "staff", False), ("anonymous", "staff", False), ("anonymous", "signed-in", False),
     ("reader", "signed-in", True), ("anonymous", "public", True)],
)  # fmt: skip
def test_a_letter_leads_only_to_an_article_that_its_reader_may_read(
    site: Any, role: str, kind: str, named: bool
) -> None:
    asked = {"subject": f"It jams for {role} and {kind}"}
    browser = site.client("reader") if role == "reader" else site.browser()
    if role == "anonymous":
        asked["email"] = "ana@example.org"
    number = browser.post("/api/v1/tickets", json=asked).get_json()["number"]
    form = {"resolution": "linked_article", "other_article": f"/articles/print/{kind}"}
    agent = site.client("agent")
    assert agent.post(f"/desk/tickets/{number}/resolve", data=form).status_code == 303
    with site.services.db.read() as connection:
        rows = connection.execute(sa.select(outbox)).mappings().all()
    letters = [json.dumps(dict(row), default=str) for row in rows]
    resolved = [each for each in letters if f"{number}" in each and "resolved" in each]
    assert resolved
    assert any(f"/articles/print/{kind}" in each for each in resolved) is named
