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


def suggested(client: Any, words: str) -> list[dict[str, str]]:
    answer = client.get("/suggest", query_string={"q": words})
    assert answer.status_code == 200
    found: list[dict[str, str]] = answer.get_json()["suggestions"]
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
        assert {item["kind"] for item in found} == {"article"}
        assert found[0]["url"].startswith("/articles/print/public")


def test_a_query_is_offered_when_enough_people_solved_it(new_site: Callable[..., Any]) -> None:
    site = new_site()
    for number in range(5):
        assert suggested(site.browser(), "gobbles") == []
        solve(site.browser(HTTP_USER_AGENT=f"Mozilla/5.0 Chrome/{number}"),
              "it GOBBLES paper!" if number else "it gobbles paper", "print/public")  # fmt: skip
        an_hour_later(site, k_anonymity=5)
    wanted = {
        "text": "it GOBBLES paper!",
        "url": "/search?q=it+GOBBLES+paper!",
        "kind": "query",
    }
    assert suggested(site.browser(), "gobb") == [wanted]
    assert suggested(site.browser(), "gobblse") == [wanted]
    assert site.browser().get(wanted["url"]).status_code == 200


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
