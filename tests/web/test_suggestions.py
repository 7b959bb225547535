"""What the search box is given while words are typed, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kb.scheduler import Worker
from kb.schema import events


def suggested(client: Any, words: str, **headers: str) -> list[dict[str, Any]]:
    answer = client.get("/suggest", query_string={"q": words}, headers=headers)
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.get_json()["suggestions"]
    return found


def solve(client: Any, words: str, slug: str) -> None:
    client.get("/search", query_string={"q": words})
    assert client.post(f"/articles/{slug}/solved").status_code == 303


def an_hour_later(site: Any, **values: Any) -> None:
    """Let the worker's round pass, without its publishing."""
    changed = replace(site.services.settings, publish_interval=None, **values)
    Worker(replace(site.services, settings=changed)).round(datetime.now(UTC) + timedelta(hours=1))


def test_articles_by_the_beginnings_of_words_and_with_a_slip(site: Any) -> None:
    client = site.client("anonymous")
    for words in ("printing wi", "pritning wi"):
        found = suggested(client, words)
        assert found, words
        assert {item["kind"] for item in found} == {"title"}
        assert found[0]["url"].startswith("/articles/print/public")


def test_a_suggestion_says_which_article_it_is_where_it_is_kept_and_why(site: Any) -> None:
    title = {
        "url": "/articles/vpn/connect", "kind": "title", "title": "Connect to the VPN", "text": "",
        "marked": {"title": ["", "Connect", " to the ", "VP", "N"], "text": [""]},
        "collection": "Vpn", "language": "", "lang": "en", "dir": "ltr",
    }  # fmt: skip
    assert suggested(site.client("anonymous"), "connect vp")[0] == title
    [question] = suggested(site.client("anonymous"), "reach the office")
    assert question["title"] == "Connect to the VPN"
    assert question["text"] == "how do I reach the office network from home"
    assert question["marked"]["text"][1::2] == ["reach", "the", "office"]
    heading, *_ = suggested(site.client("anonymous"), "resolucion")
    assert (heading["kind"], heading["text"]) == ("heading", "Resolución")
    assert heading["url"] == "/articles/vpn/conectar#resoluci%C3%B3n"
    assert (heading["lang"], heading["language"]) == ("es", "Español")


@pytest.mark.parametrize(
    ("asked", "first"),
    [("es", "vpn/conectar"), ("es-MX,en;q=0.5", "vpn/conectar"), ("en-US,es;q=0.5", "vpn/connect"),
     ("en", "vpn/connect"), ("de,es;q=0.5,en;q=0.1", "vpn/conectar"), ("en;q=0,es", "vpn/conectar"),
     ("", "vpn/connect")],
)  # fmt: skip
def test_the_language_of_the_browser_comes_first(site: Any, asked: str, first: str) -> None:
    found = suggested(
        site.client("anonymous"), "vpn", **({"Accept-Language": asked} if asked else {})
    )
    assert found[0]["url"] == f"/articles/{first}"
    assert len(found) == 2


def test_an_article_that_solved_more_comes_first_among_titles(
    new_site: Callable[..., Any],
) -> None:
    site = new_site()
    before = [item["url"] for item in suggested(site.browser(), "vpn")]
    assert before == ["/articles/vpn/connect", "/articles/vpn/conectar"]
    for number in range(4):
        agent = f"Mozilla/5.0 Chrome/{number}"
        solve(site.browser(HTTP_USER_AGENT=agent), "tunnel from home", "vpn/conectar")
    an_hour_later(site, k_anonymity=3)
    assert [item["url"] for item in suggested(site.browser(), "vpn")] == before[::-1]


def test_a_file_of_solved_queries_from_before_is_read(new_site: Callable[..., Any]) -> None:
    site = new_site()
    file = site.services.settings.solved_queries
    file.write_text('{"queries": [["gobbles paper", "print/public"]]}', encoding="utf-8")
    assert [item["text"] for item in suggested(site.browser(), "gobbles")] == ["gobbles paper"]


def test_a_query_is_offered_when_enough_people_solved_it(new_site: Callable[..., Any]) -> None:
    site = new_site()
    for number in range(5):
        assert suggested(site.browser(), "gobbles") == []
        solve(site.browser(HTTP_USER_AGENT=f"Mozilla/5.0 Chrome/{number}"),
              "it GOBBLES paper!" if number else "it gobbles paper", "print/public")  # fmt: skip
        an_hour_later(site, k_anonymity=5)
    for typed, marks in (("gobb", ["it ", "GOBB", "LES paper!"]),
                         ("gobblse", ["it ", "GOBBLES", " paper!"])):  # fmt: skip
        [found] = suggested(site.browser(), typed)
        assert (found["kind"], found["text"]) == ("query", "it GOBBLES paper!")
        assert found["marked"]["text"] == marks
        assert found["url"] == "/articles/print/public"
        assert found["title"] in site.browser().get(found["url"]).text


@pytest.mark.parametrize("role", ["anonymous", "reader", "agent"])
def test_a_solved_query_is_told_to_who_may_read_what_solved_it(
    new_site: Callable[..., Any], role: str
) -> None:
    site = new_site()
    solve(site.signed_in("reader"), "gobbles paper", "print/signed-in")
    an_hour_later(site, k_anonymity=1)
    found = suggested(site.client(role), "gobbles")
    assert [item["text"] for item in found] == ([] if role == "anonymous" else ["gobbles paper"])


def test_what_staff_and_robots_solve_is_not_offered(new_site: Callable[..., Any]) -> None:
    site = new_site()
    solve(site.signed_in("agent"), "gobbles paper", "print/public")
    solve(site.browser(HTTP_USER_AGENT="Googlebot/2.1"), "gobbles ink", "print/public")
    an_hour_later(site, k_anonymity=1)
    assert suggested(site.browser(), "gobbles") == []


def test_typing_is_not_put_on_record(new_site: Callable[..., Any]) -> None:
    site = new_site()
    assert suggested(site.browser(), "printing")
    with site.services.db.read() as connection:
        assert connection.execute(sa.select(events)).all() == []


def test_suggestions_go_on_without_database_and_file(new_site: Callable[..., Any]) -> None:
    site = new_site()
    site.services.settings.solved_queries.write_text("{", encoding="utf-8")
    mend = site.break_database()
    assert suggested(site.browser(), "printing")
    mend()


def test_the_page_on_records_says_that_queries_are_offered(site: Any) -> None:
    assert "may be offered to others while they type" in site.client("anonymous").get("/about").text
