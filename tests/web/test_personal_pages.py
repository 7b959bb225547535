"""Pages with personal words: kept by no cache, listed by no robot, told to no other site."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from kb.schema import offers


def _link(site: Any) -> str:
    asked = {"subject": "The printer eats paper", "body": "Since noon"}
    asked |= {"name": "Ana", "email": "ana@uni.es"}
    made = site.browser().post("/api/v1/tickets", json=asked)
    assert "no-store" in made.headers["Cache-Control"]  # the link is in it
    return str(made.get_json()["link"]).removeprefix("http://localhost")


def test_the_private_page_of_a_ticket_is_kept_by_nobody(site: Any) -> None:
    """natlas/natlas#139, cben/mathdown#10, jleinenbach/GoogleFindMy-HA#1241,
    kitokoh/leopardo-hr#5521.
    """
    private = _link(site)
    for address in (private, "/t/wrong", f"{private}/reply", "/subscriptions/wrong"):
        answer = site.browser().get(address)
        assert "no-store" in answer.headers["Cache-Control"], address
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert answer.headers["Referrer-Policy"] == "same-origin"  # no-referrer would void Origin
    assert '<meta name="robots" content="noindex, nofollow">' in site.browser().get(private).text


@pytest.mark.parametrize("address", ["/my/tickets", "/my/data", "/desk/", "/desk/undeliverable"])
def test_pages_of_who_is_signed_in_are_kept_by_nobody(site: Any, address: str) -> None:
    answer = site.client("agent").get(address)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert '<meta name="robots" content="noindex, nofollow">' in answer.text


def test_an_offer_keeps_the_page_it_is_on_out_of_caches(site: Any) -> None:
    """The words that a person searched for are in the question, on whatever page it is shown."""
    account = site.services.accounts.by_email("reader@example.org")
    row = {
        "id": "offer-1", "user_id": account.id, "episode_id": "e1", "need_key": "person:x:y",
        "search_id": "s1", "words": "badgeword", "state": "open", "created_at": datetime.now(UTC),
    }  # fmt: skip
    with site.services.db.begin() as connection:
        connection.execute(sa.insert(offers).values(row))
    answer = site.client("reader").get("/")
    assert "badgeword" in answer.text
    assert "no-store" in answer.headers["Cache-Control"]
    assert "no-store" not in site.browser().get("/").headers["Cache-Control"]


def test_articles_are_listed_and_private_pages_are_not(site: Any) -> None:
    assert "X-Robots-Tag" not in site.browser().get("/articles/print/public").headers
    told = site.browser().get("/robots.txt").text.splitlines()
    for closed in ("/t/", "/my/", "/desk/", "/offers/", "/subscriptions", "/forgot-password"):
        assert f"Disallow: {closed}" in told
