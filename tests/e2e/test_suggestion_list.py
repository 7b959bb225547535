"""The list of suggestions under the search box, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import suggestion
from tests.e2e.test_looks import LOOKS, faults

pytestmark = pytest.mark.browser

NOT_HERE = re.compile("/search")


def answering(page: Page, *offered: dict[str, Any]) -> None:
    """Answer every wish for suggestions with these."""
    page.route("**/suggest?*", lambda route: route.fulfill(json={"suggestions": list(offered)}))


def type_in(page: Page, words: str, place: str = "/about") -> None:
    """Type words into the search box of a page and wait until something is suggested."""
    page.goto(place)
    page.get_by_role("combobox").press_sequentially(words, delay=10)
    expect(page.get_by_role("option").first).to_be_visible()


@pytest.mark.parametrize("look", LOOKS)
def test_the_list_says_which_articles_they_are(
    person: Callable[..., Page], look: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    page = person(f"suggestions-{request.node.callspec.id}", **look)
    type_in(page, "forgot my password", "/")
    first = page.get_by_role("option").first
    expect(first).to_have_accessible_name("Reset a forgotten password Passwords and accounts")
    expect(first.locator("mark")).to_have_text(["forgot", "password"])
    second = page.get_by_role("option").nth(1)
    expect(second).to_contain_text("Passwords and accounts \u00b7 forgot my master password")
    expect(page.locator(".combobox [role=status]")).to_contain_text(
        "suggestions, use the arrow keys"
    )
    page.keyboard.press("ArrowDown")
    assert faults(page) == []
    box = page.get_by_role("listbox").bounding_box() or {"x": -1, "width": 0}
    assert 0 <= box["x"] <= look["viewport"]["width"] - box["width"]


def test_a_title_is_text_whatever_is_in_it(person: Callable[..., Page]) -> None:
    """algolia/autocomplete#221, alphagov/accessible-autocomplete#786, Dogfalo/materialize#6327"""
    page = person("markup")
    title = "<img src=x onerror=document.title='owned'> & <mark>"
    parts = {"title": ["<img src=x ", "onerror", title[18:]], "text": ["", "<b>", "</b>"]}
    answering(page, suggestion(title, text="<b></b>", marked=parts, collection="<i>Net</i>"))
    type_in(page, "onerror")
    option = page.get_by_role("option")
    expect(option).to_have_text(f"{title} <i>Net</i> \u00b7 <b></b>")
    assert page.locator(".suggestions :is(img, b, i)").count() == 0
    assert page.title() != "owned"


def test_a_late_answer_does_not_replace_the_answer_to_newer_words(
    person: Callable[..., Page],
) -> None:
    """TarekRaafat/autoComplete.js#457"""
    page, held = person("late"), list[Route]()

    def answer(route: Route) -> None:
        if route.request.url.endswith("q=vp"):
            held.append(route)
        else:
            route.fulfill(json={"suggestions": [suggestion("Newer")]})

    page.route("**/suggest?*", answer)
    page.goto("/about")
    with page.expect_request("**/suggest?q=vp"):
        page.get_by_role("combobox").press_sequentially("vp")
    page.get_by_role("combobox").press_sequentially("n")
    expect(page.get_by_role("option", name="Newer")).to_be_visible()
    with page.expect_response("**/suggest?q=vp"):
        held[0].fulfill(json={"suggestions": [suggestion("Older")]})
    page.wait_for_timeout(200)
    expect(page.get_by_role("option")).to_have_text(["Newer Network"])


def test_a_list_that_was_closed_stays_closed_until_more_is_typed(
    person: Callable[..., Page],
) -> None:
    """ghiden/angucomplete-alt#40, tkirda/jQuery-Autocomplete#357"""
    page = person("closed")
    answering(page, suggestion("Connect"))
    type_in(page, "vp")
    with page.expect_response("**/suggest?q=vpn"):
        page.keyboard.type("n")
        page.keyboard.press("Escape")
    page.wait_for_timeout(200)
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(page.get_by_role("combobox")).to_have_value("vpn")
    page.keyboard.type(" d")
    expect(page.get_by_role("listbox")).to_be_visible()


def test_keys_belong_to_the_input_method_while_letters_are_composed(
    person: Callable[..., Page],
) -> None:
    """hydrusnetwork/hydrus#34, vuetifyjs/vuetify#22974"""
    page = person("composing")
    answering(page, suggestion("Connect", url="/search?q=chosen"), suggestion("Other"))
    type_in(page, "vpn")
    page.keyboard.press("ArrowDown")
    box = page.get_by_role("combobox")
    for key in ("Enter", "ArrowDown", "Escape"):
        box.dispatch_event("keydown", {"key": key, "isComposing": True})
    box.dispatch_event("keydown", {"key": "Enter", "keyCode": 229})
    expect(page).not_to_have_url(NOT_HERE)
    expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/search.q=chosen"))


def test_enter_searches_for_the_words_wherever_the_mouse_is(person: Callable[..., Page]) -> None:
    """rust-lang/rust#24044, mozilla/addons-frontend#7655, algolia/autocomplete#211"""
    page = person("hover")
    answering(page, suggestion("Connect", url="/about?wrong"))
    type_in(page, "vpn")
    page.get_by_role("option").hover()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/search.q=vpn"))


@pytest.mark.parametrize("click", [{"modifiers": ["Control"]}, {"button": "middle"}])
def test_a_suggestion_opens_in_a_new_tab(
    person: Callable[..., Page], click: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """algolia/docsearch#159, StarCitizenTools/mediawiki-skins-Citizen#123"""
    page = person(f"tab-{request.node.callspec.id}")
    answering(page, suggestion("Connect", url="/search?q=opened"))
    type_in(page, "vpn")
    with page.context.expect_page() as opened:
        page.get_by_role("option").click(**click)
    expect(opened.value).to_have_url(re.compile("/search.q=opened"))
    expect(page).not_to_have_url(NOT_HERE)


def test_a_heading_of_the_page_itself_is_gone_to_and_the_list_closes(
    person: Callable[..., Page],
) -> None:
    """algolia/docsearch#1283"""
    page, place = person("same-page"), "/articles/vpn/connect-to-the-vpn"
    answering(page, suggestion("Connect", url=f"{place}#resolution", text="Resolution"))
    type_in(page, "resol", place)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#resolution$"))
    expect(page.get_by_role("listbox")).to_be_hidden()


def test_a_line_is_written_in_the_direction_of_its_language(person: Callable[..., Page]) -> None:
    """algolia/react-instantsearch#3037, framework7io/framework7#1259"""
    page = person("direction")
    parts = {"title": ["إعادة تعيين ", "كلم", "ة المرور"], "text": [""]}
    answering(page, suggestion("".join(parts["title"]), marked=parts, lang="ar", dir="rtl"))
    type_in(page, "كلمة")
    option = page.get_by_role("option")
    assert (option.get_attribute("lang"), option.get_attribute("dir")) == ("ar", "rtl")
    assert option.locator("bdi").get_attribute("lang") == "en"
    style = "(mark) => getComputedStyle(mark).paddingInline"
    assert option.locator("mark").evaluate(style) == "0px"  # letters that join are not parted
    box = page.get_by_role("combobox")
    assert box.evaluate("(box) => getComputedStyle(box).direction") == "rtl"
    box.fill("vpn")
    assert box.evaluate("(box) => getComputedStyle(box).direction") == "ltr"
