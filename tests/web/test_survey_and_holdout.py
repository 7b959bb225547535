"""The survey of silent readers and the comparison on the ticket form, through the front door."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from kb.schema import events
from kb.tracking.events import Arm
from kb.tracking.experiments import arm_of, drawn, is_asked
from tests.web.pages import Page

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def kept(site: Any, *kinds: str) -> list[Any]:
    """Return the events of these kinds, in order."""
    query = sa.select(events).where(events.c.kind.in_(kinds)).order_by(events.c.seq)
    with site.services.db.read() as connection:
        return list(connection.execute(query))


def found(site: Any) -> str:
    """Return the address of an article that everybody may read."""
    library = site.services.library()
    return next(iter(sorted(a.slug for a in library.visible(frozenset({"public"})))))


# -- the draws ----------------------------------------------------------------------------------


@given(st.text(max_size=20), st.integers(0, 100))
def test_a_draw_is_stable_and_grows_with_the_share(who: str, percent: int) -> None:
    assert drawn("key", "x", who, percent) == drawn("key", "x", who, percent)
    assert not drawn("key", "x", who, 0)
    assert drawn("key", "x", who, 100)
    if drawn("key", "x", who, percent):
        assert drawn("key", "x", who, min(100, percent + 1))


def test_draws_take_their_share_and_know_nothing_of_each_other() -> None:
    people = [f"visitor {n}" for n in range(20_000)]
    held = {who for who in people if arm_of("key", who, 10) is Arm.HELD_OUT}
    asked = {who for who in people if is_asked("key", who, 20, NOW)}
    tomorrow = {who for who in people if is_asked("key", who, 20, NOW + timedelta(days=1))}
    other_key = {who for who in people if arm_of("other", who, 10) is Arm.HELD_OUT}
    assert 1850 <= len(held) <= 2150
    assert 3800 <= len(asked) <= 4200
    # Independent draws meet in the product of their shares: 400, 800 and 200 of 20,000.
    assert 330 <= len(held & asked) <= 470
    assert 700 <= len(asked & tomorrow) <= 900
    assert 145 <= len(held & other_key) <= 255


# -- the survey ---------------------------------------------------------------------------------


def test_a_silent_reader_is_asked_once_and_the_answer_is_kept(new_site: Callable[..., Any]) -> None:
    site = new_site(survey_share=100)
    client, place = site.browser(), f"/articles/{found(site)}"
    page = Page(client.get(place).text)
    form = page.form(f"{place}/found")
    assert "did you find what you needed" in " ".join(e.text for e in page.all("h2"))
    answered = client.post(f"{place}/found", data=form | {"found": "no"})
    assert answered.status_code == 303
    assert "That was the only question" in client.get(answered.headers["Location"]).text
    assert f"{place}/found" not in client.get(place).text
    client.post(f"{place}/found", data=form | {"found": "yes"})
    [answer] = kept(site, "survey_answered")
    assert answer.data == {"found": False}
    assert answer.visitor == kept(site, "survey_shown")[0].visitor == kept(site, "view")[0].visitor


@pytest.mark.parametrize("act", ["vote", "solved"])
def test_who_spoke_already_is_not_asked(new_site: Callable[..., Any], act: str) -> None:
    site = new_site(survey_share=100)
    client, place = site.browser(), f"/articles/{found(site)}"
    client.post(f"{place}/{act}", data={"helpful": "yes"})
    assert "/found" not in client.get(place).text
    assert kept(site, "survey_shown") == []


def test_staff_and_robots_are_not_asked_and_a_forged_answer_is_not_kept(
    new_site: Callable[..., Any],
) -> None:
    site = new_site(survey_share=100)
    place = f"/articles/{found(site)}"
    robot = site.browser(HTTP_USER_AGENT="Googlebot/2.1")
    for client in (site.signed_in("author"), robot):
        assert "/found" not in client.get(place).text
        client.post(f"{place}/found", data={"found": "yes"})
    assert kept(site, "survey_shown", "survey_answered") == []


def test_nobody_is_asked_when_the_share_is_nought(new_site: Callable[..., Any]) -> None:
    site = new_site(survey_share=0)
    client, place = site.browser(), f"/articles/{found(site)}"
    assert "/found" not in client.get(place).text
    client.post(f"{place}/found", data={"found": "yes"})
    client.post(f"{place}/found", data={"found": "perhaps"})
    assert kept(site, "survey_answered") == []


# -- the comparison -----------------------------------------------------------------------------


def form_page(site: Any, client: Any) -> str:
    """Return the ticket form of somebody who searched for what an article answers."""
    article = site.services.library().articles[found(site)]
    page = Page(client.get("/search", query_string={"q": article.title}).text)
    link = next(
        e.attributes["href"]
        for e in page.all("a")
        if e.attributes.get("href", "").startswith("/tickets/new?search=")
    )
    return str(client.get(link).text)


@pytest.mark.parametrize(("share", "arm"), [(0, "shown"), (50, "shown"), (50, "held_out")])
def test_the_held_out_see_no_suggestions_and_the_arm_is_kept(
    new_site: Callable[..., Any], share: int, arm: str
) -> None:
    site = new_site(holdout_share=share)
    key = site.services.secret_key
    for number in range(50):
        client = site.browser(REMOTE_ADDR=f"10.0.0.{number}")
        with site.app.test_request_context():
            visitor = site.services.visitors.anonymous(
                f"10.0.0.{number}", client.environ_base["HTTP_USER_AGENT"], datetime.now(UTC)
            )
        if arm_of(key, visitor, share).value == arm:
            break
    page = form_page(site, client)
    assert ("data-form-suggest" in page) is (arm == "shown")
    assert ("These may answer it now" in page) is (arm == "shown")
    drawn_for = kept(site, "holdout")
    if share == 0:
        assert drawn_for == []
        return
    assert [(row.visitor, row.data) for row in drawn_for] == [
        (visitor, {"arm": arm, "share": share})
    ]
    again = client.post("/tickets", data=Page(page).form("/tickets") | {"subject": ""})
    assert again.status_code == 422
    assert ("data-form-suggest" in again.text) is (arm == "shown")


def test_staff_see_suggestions_always(new_site: Callable[..., Any]) -> None:
    site = new_site(holdout_share=50)
    assert "data-form-suggest" in site.signed_in("agent").get("/tickets/new").text
    assert all(row.left_out == "staff" for row in kept(site, "holdout"))


def test_a_suggestion_that_answers_withdraws_the_form(site: Any) -> None:
    client = site.browser()
    page = form_page(site, client)
    form = Page(page).form("/tickets/withdrawn")
    done = client.post("/tickets/withdrawn", data=form)
    assert "No ticket was opened" in done.text
    [event] = kept(site, "form_withdrawn")
    assert event.search_id == form["search"]
    # Pressing Enter in the form sends the ticket: no other button of it comes first.
    buttons = [e for e in Page(page).all("button") if e.attributes.get("form") != "withdraw"]
    inside = [b for b in buttons if any(e.attributes.get("action") == "/tickets"
                                        for e in b.within())]  # fmt: skip
    assert [button.text for button in inside] == ["Send to the service desk"]


# -- the suggestions ----------------------------------------------------------------------------


def opened_from(page: str) -> tuple[str, str]:
    """Return the address of the form's first suggestion, and its article."""
    hrefs = (e.attributes.get("href", "") for e in Page(page).all("a"))
    place = next(href for href in hrefs if "suggested=" in href)
    return place.partition("#")[0], place.partition("?")[0].removeprefix("/articles/")


def test_a_suggestion_opened_on_the_form_is_recorded_as_such(new_site: Callable[..., Any]) -> None:
    """It is no click: the results of the search had been left for the form."""
    site = new_site()
    client = site.browser()
    place, slug = opened_from(form_page(site, client))
    assert client.get(place).status_code == 200
    [opened] = kept(site, "suggestion_opened")
    [search] = kept(site, "search")
    [shown] = kept(site, "suggestion_shown")
    assert (opened.article, opened.search_id) == (slug, search.id)
    assert slug in shown.data["articles"]
    assert kept(site, "click") == []
    [view] = kept(site, "view")
    assert (view.article, view.search_id) == (slug, None)


def test_a_form_without_a_search_has_suggestions_too(new_site: Callable[..., Any]) -> None:
    site = new_site()
    client = site.browser()
    article = site.services.library().articles[found(site)]
    form = Page(client.get("/tickets/new").text).form("/tickets")
    page = client.post("/tickets", data=form | {"subject": article.title, "email": "no address"})
    place, slug = opened_from(page.text)
    assert place.endswith("?suggested=")
    client.get(place)
    [opened] = kept(site, "suggestion_opened")
    assert (opened.article, opened.search_id) == (slug, None)


def test_a_link_that_was_passed_on_is_a_view(new_site: Callable[..., Any]) -> None:
    site = new_site()
    place, slug = opened_from(form_page(site, site.browser()))
    other = site.browser(REMOTE_ADDR="10.0.0.9")
    other.get(place)
    assert [row.article for row in kept(site, "view")] == [slug]
    other.get("/tickets/new")
    other.get(place)  # somebody else's search is not theirs
    [opened] = kept(site, "suggestion_opened")
    assert opened.search_id is None


def test_a_suggestion_of_what_one_may_not_read_is_recorded_for_nobody(
    new_site: Callable[..., Any],
) -> None:
    site = new_site()
    client = site.browser()
    client.get("/tickets/new")
    for slug in ("no/such-article", *(a.slug for a in _closed(site))):
        assert client.get(f"/articles/{slug}?suggested=").status_code == 404
    assert kept(site, "suggestion_opened", "view") == []


def _closed(site: Any) -> list[Any]:
    """Return an article that the public may not read, where there is one."""
    articles = site.services.library().articles.values()
    return [a for a in articles if a.audience != "public"][:1]
