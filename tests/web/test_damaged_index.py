"""Pages while the index is being repaired: what needs it says so, everything else goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.web.pages import Page

NEED_IT = (
    "/", "/search?q=printing", "/articles/print/public", "/collections/print", "/suggest?q=print",
    "/api/v1/search?q=printing", "/api/v1/articles", "/api/v1/articles/print/public",
)  # fmt: skip
GO_ON = (
    "/healthz", "/sign-in", "/tickets/new", "/tickets/new?article=print/public", "/about",
    "/forgot-password", "/tickets/link", "/static/site.css",
)  # fmt: skip
PATIENT = {"subject": "The door is shut", "body": "I cannot get in", "email": "ana@example.org"}


@pytest.fixture
def damaged(new_site: Callable[..., Any]) -> Any:
    """Return a site of which no generation is whole, in a process that has read none."""
    site = new_site()
    shutil.rmtree(site.services.settings.data / "index")
    return site


@pytest.mark.parametrize("address", NEED_IT)
def test_what_needs_the_index_says_that_it_is_being_repaired(damaged: Any, address: str) -> None:
    answer = damaged.browser().get(address)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    if address.startswith(("/api/", "/suggest")):
        told = answer.get_json()
        if told:  # our own script asks /suggest as a page
            assert told["error"]["message"] == "The search is being repaired"
        return
    assert Page(answer.text).one("h1").text == "The search is being repaired"
    assert "index" not in Page(answer.text).one("main").text.lower()  # the cause is for the log


@pytest.mark.parametrize("address", GO_ON)
def test_what_does_not_need_it_goes_on(damaged: Any, address: str) -> None:
    assert damaged.browser().get(address).status_code == 200


def test_readiness_names_what_is_damaged(damaged: Any) -> None:
    ready = damaged.browser().get("/readyz")
    assert ready.status_code == 503
    assert ready.get_json()["checks"]["index"]["ok"] is False


def test_tickets_are_opened_answered_and_read_meanwhile(damaged: Any) -> None:
    client = damaged.browser()
    client.get("/tickets/new")
    opened = client.post("/tickets", data=PATIENT)
    assert opened.status_code == 303
    assert "I cannot get in" in client.get(opened.location).text
    agent = damaged.signed_in("agent")
    assert "The door is shut" in agent.get("/desk/").text
    page = agent.get("/desk/tickets/T-1001")
    assert "I cannot get in" in page.text


def test_a_process_that_has_read_the_articles_shows_them_on(new_site: Callable[..., Any]) -> None:
    site = new_site()
    client = site.browser()
    site.services.engine.warm()  # as a web process does when it starts
    assert client.get("/articles/print/public").status_code == 200
    shutil.rmtree(site.services.settings.data / "index")
    for address in ("/", "/articles/print/public", "/search?q=printing"):
        assert client.get(address).status_code == 200, address


def test_a_vote_on_what_cannot_be_shown_is_not_thanked_for(damaged: Any) -> None:
    answer = damaged.browser().post("/articles/print/public/vote", data={"helpful": "yes"})
    assert answer.status_code == 503
    assert "Nothing was sent or changed." in answer.text
