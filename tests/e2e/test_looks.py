"""Every kind of page in a real browser: accessible, legible, nothing cut off, no script needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import people, suggestion

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"
PUBLIC = {
    "home": "/",
    "results": "/search?q=I forgot my password",
    "results-spanish": "/search?q=olvidé mi contraseña",
    "no-answer": "/search?q=how do I bake sourdough bread",
    "article": "/articles/wifi/wi-fi-connected-but-no-internet",
    "article-spanish": "/articles/accounts/restablecer-una-contrasena-olvidada",
    "collection": "/collections/accounts",
    "ticket-form": "/tickets/new",
    "sign-in": "/sign-in",
    "forgot-password": "/forgot-password",
    "forgot-password-sent": "/forgot-password/sent",
    "about": "/about",
    "not-found": "/articles/no/such-article",
}
STAFF = {
    "queue": "/desk/",
    "undeliverable": "/desk/undeliverable",
    "report": "/reports/",
    "definitions": "/reports/definitions",
    "privacy": "/reports/privacy",
    "my-data": "/my/data",
    "my-account": "/my/account",
    "gaps": "/reports/gaps",
    "notes": "/reports/notes",
    "saved views": "/reports/views",
    "kept reports": "/reports/kept",
    "author's home": "/authors/?of=all",
    "publishing": "/authors/publishing",
    "previews": "/previews/",
    "my-tickets": "/my/tickets",
}
LOOKS = [
    pytest.param({"color_scheme": scheme, "viewport": {"width": width, "height": 800}}, id=name)
    for scheme, width, name in (
        ("light", 1280, "light-1280"),
        ("dark", 1280, "dark-1280"),
        ("light", 320, "light-320"),
        ("dark", 320, "dark-320"),
    )
]


def in_each_look(page: Page) -> Iterator[str]:
    """Give the page that is loaded one look after another; yield the name of each."""
    for look in LOOKS:
        [given] = look.values
        page.emulate_media(color_scheme=given["color_scheme"])
        page.set_viewport_size(given["viewport"])
        yield str(look.id)


# Contrast is most of axe's work, and reading the same few colours over and over a third of that.
COLOURS_READ_ONCE = """() => {
  const color = axe.commons.color.Color, read = color.prototype.parseString, known = new Map();
  color.prototype.parseString = function (text) {
    if (!known.has(text)) known.set(text, read.call(new color(0, 0, 0, 1), text));
    const {r, g, b, alpha} = known.get(text);
    return Object.assign(this, {r, g, b, alpha});
  };
}"""


def faults(page: Page) -> list[str]:
    """Return what axe finds wrong with the page, and whether it has to be scrolled sideways."""
    if not page.evaluate("typeof window.axe?.run === 'function'"):
        page.evaluate(AXE_SCRIPT)
        page.evaluate(COLOURS_READ_ONCE)
    found = page.evaluate("axe.run({resultTypes: ['violations']}).then(told => told.violations)")
    wrong = [f"{rule['id']}: {node['html'][:120]}" for rule in found for node in rule["nodes"]]
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [*wrong, "scrolls sideways"] if wide else wrong


Wrong = dict[str, dict[str, list[str]]]  # by look, then by page


def look_at(page: Page, pages: dict[str, str], shot: Callable[[str], Path], wrong: Wrong) -> None:
    """Load every page once and add what is wrong with it in each look."""
    for name, address in pages.items():
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == (404 if name == "not-found" else 200), address
        for look in in_each_look(page):
            page.screenshot(path=shot(f"{name}-{look}"), full_page=True)
            if problems := faults(page):
                wrong[look][name] = problems


def sign_in(page: Page, role: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(f"{role}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()


@pytest.fixture(scope="module")
def wrong(chromium: Browser, site: Any) -> Wrong:
    """Look at every page in every look; return what is wrong."""
    found: Wrong = {str(look.id): {} for look in LOOKS}
    with people(chromium, site.url) as person:
        page = person("looks")
        look_at(page, PUBLIC, site.shot, found)
        sign_in(page, "admin")
        look_at(page, STAFF, site.shot, found)
    return found


@pytest.mark.parametrize("look", [look.id for look in LOOKS])
def test_every_page_is_accessible_and_fits(wrong: Wrong, look: str) -> None:
    assert wrong[look] == {}


@pytest.mark.parametrize("look", LOOKS)
def test_ones_own_account_is_accessible_with_its_errors_and_a_token(
    person: Callable[..., Page], site: Any, look: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    page, name = person("account", **look), request.node.callspec.id
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in").click()
    assert faults(page) == []
    sign_in(page, "admin")
    page.get_by_role("link", name="Account", exact=True).click()
    page.get_by_role("button", name="Make token").click()
    expect(page.get_by_role("link", name="Say what it is for.")).to_be_visible()
    assert faults(page) == []
    page.get_by_label("What it is for").fill(f"night report {name}")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Make token").click()
    expect(page.locator("pre")).to_contain_text("tz_")
    page.screenshot(path=site.shot(f"token-{name}"), full_page=True)
    assert faults(page) == []
    page.get_by_role("button", name=f"Revoke night report {name}").click()
    expect(page.get_by_text("The API token is revoked.")).to_be_visible()
    assert page.get_by_text(f"night report {name}").count() == 0


@pytest.mark.parametrize("look", LOOKS)
def test_a_ticket_is_accessible_to_requester_and_agent(
    person: Callable[..., Page], site: Any, look: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.id
    requester = person(f"requester-{name}", **look)
    requester.goto("/search?q=the projector in the big room hums")
    requester.get_by_role("link", name=re.compile("Get help with this|Still need help")).click()
    requester.get_by_role("button", name="Send to the service desk").click()
    assert faults(requester) == []  # the form with its errors
    requester.screenshot(path=site.shot(f"ticket-form-errors-{name}"), full_page=True)
    requester.get_by_label("E-mail address for the answer").fill(f"{name}@example.org")
    requester.get_by_role("button", name="Send to the service desk").click()
    number = requester.locator(".eyebrow").inner_text().split()[0]
    assert faults(requester) == []
    agent = person(f"agent-{name}", **look)
    sign_in(agent, "agent")
    agent.goto(f"/desk/tickets/{number}")
    assert faults(agent) == []
    agent.get_by_role("button", name="Send answer").click()
    expect(agent.get_by_role("alert")).to_be_visible()
    assert faults(agent) == []
    agent.screenshot(path=site.shot(f"agent-ticket-{name}"), full_page=True)


def test_an_article_is_reached_by_keyboard_alone(person: Callable[..., Page]) -> None:
    page = person("keyboard")
    page.goto("/about")
    page.keyboard.press("/")
    page.keyboard.type("reset a forg", delay=20)
    option = page.get_by_role("option").first
    expect(option).to_contain_text("Reset a forgotten password")
    expect(page.get_by_role("combobox")).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Reset a forgotten password")


def test_escape_closes_the_suggestions_and_keeps_the_words(person: Callable[..., Page]) -> None:
    page = person("escape")
    page.goto("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("vpn", delay=20)
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(page.get_by_role("combobox")).to_have_value("vpn")


def test_a_suggestion_of_the_form_says_where_it_was_opened(person: Callable[..., Page]) -> None:
    page = person("suggested")
    offered = suggestion("Connect", url="/articles/vpn/connect-to-the-vpn#set-up")
    page.route("**/suggest?*", lambda route: route.fulfill(json={"suggestions": [offered]}))
    for place, search in _forms(page):
        page.goto(place)
        with page.expect_response("**/suggest?*"):
            page.get_by_label("What do you need help with?").press_sequentially(
                "vpn set-up", delay=20
            )
        link = page.locator("[data-form-suggest]").get_by_role("link", name="Connect")
        expect(link).to_have_attribute(
            "href", f"/articles/vpn/connect-to-the-vpn?suggested={search}#set-up"
        )
    assert faults(page) == []


def _forms(page: Page) -> list[tuple[str, str]]:
    """Return the address of a ticket form without a search and of one with, and the search."""
    page.goto("/search?q=the+coffee+machine+says+E4")
    place = page.locator("a[href*='/tickets/new?search=']").first.get_attribute("href") or ""
    return [("/tickets/new", ""), (place, place.partition("search=")[2])]


def test_everything_works_without_a_script(person: Callable[..., Page]) -> None:
    page = person("no-script", java_script_enabled=False)
    page.goto("/")
    page.get_by_label("What do you need help with?").fill("my laptop takes forever to start")
    page.get_by_role("button", name="Search").click()
    page.locator(".results a, .panel a").first.click()
    page.go_back()
    page.get_by_role("link", name=re.compile("Get help with this|Still need help")).click()
    page.get_by_label("E-mail address for the answer").fill("noscript@example.org")
    page.get_by_role("button", name="Send to the service desk").click()
    expect(page.locator(".notice").first).to_contain_text("Your ticket is T-")


def test_the_theme_that_is_chosen_stays(person: Callable[..., Page]) -> None:
    page = person("theme", color_scheme="light")
    page.goto("/")
    page.get_by_role("button", name="Dark or light").click()
    page.goto("/about")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_reading_time_reaches_the_site(person: Callable[..., Page]) -> None:
    page = person("dwell")
    page.goto("/search?q=I forgot my password")
    page.locator(".results a").first.click()
    with page.expect_response(lambda sent: sent.url.endswith("/dwell")) as beacon:
        page.wait_for_timeout(11_000)  # the page reports once past the ten seconds of a reading
    assert beacon.value.status == 204
