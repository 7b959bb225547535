"""A ticket's form sent again in a real browser: after Back, or by a double click."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_story import sign_in

pytestmark = pytest.mark.browser
SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])


def _words() -> str:
    """Return words that no other test has sent."""
    return f"qqz {uuid.uuid4().hex[:12]}"


def _fill(page: Page, subject: str, body: str, email: str = "") -> None:
    page.get_by_label("What do you need help with?").fill(subject)
    page.get_by_label("What happened?").fill(body)
    if email:
        page.get_by_label("E-mail address for the answer").fill(email)


def _send(page: Page, *, clicks: int = 1) -> None:
    page.get_by_role("button", name="Send to the service desk").click(click_count=clicks)


def _number(page: Page) -> str:
    expect(page.locator(".notice")).to_contain_text("Your ticket is T-")
    found = re.search(r"T-\d+", page.locator(".notice").inner_text())
    assert found
    return found.group()


def _queued(agent: Page, body: str) -> int:
    """Return how many tickets of the desk hold that text."""
    found = agent.request.get("/api/v1/tickets?limit=50").json()
    assert found["total"] <= 50
    pages = [agent.request.get(f"/desk/tickets/{row['number']}") for row in found["tickets"]]
    return sum(body in page.text() for page in pages)


@SCRIPTS
def test_back_and_other_words_is_a_second_ticket(
    person: Callable[..., Page], scripts: bool
) -> None:
    """we-promise/sure#3338, formcreator#3331: what is written after Back reaches the desk."""
    page, first, second = person("back", java_script_enabled=scripts), _words(), _words()
    page.goto("/tickets/new")
    _fill(page, first, f"body {first}", "back@example.org")
    _send(page)
    one = _number(page)
    page.go_back()
    _fill(page, second, f"body {second}", "back@example.org")
    _send(page)
    assert _number(page) != one
    expect(page.get_by_text(f"body {second}")).to_be_visible()
    expect(page.get_by_text(f"body {first}")).to_have_count(0)


@SCRIPTS
def test_a_double_click_is_one_ticket(person: Callable[..., Page], scripts: bool) -> None:
    page, words = person("double", java_script_enabled=scripts), _words()
    page.goto("/tickets/new")
    _fill(page, words, f"body {words}", "double@example.org")
    _send(page, clicks=2)
    _number(page)
    agent = person("agent-double")
    sign_in(agent, "agent")
    assert _queued(agent, f"body {words}") == 1


@SCRIPTS
def test_the_same_need_signed_in_is_a_reply_on_the_ticket(
    person: Callable[..., Page], scripts: bool
) -> None:
    page, words = person("again", java_script_enabled=scripts), _words()
    sign_in(page, "reader")
    for body in (f"first {words}", f"second {words}"):
        page.goto(f"/search?q={words}")
        page.get_by_role("link", name=re.compile("Get help with this|Still need help")).click()
        page.get_by_label("What happened?").fill(body)
        _send(page)
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text(re.compile(r"^Added to T-\d+$"))
    page.get_by_role("link", name=re.compile(r"^read T-\d+")).click()
    expect(page.get_by_text(f"second {words}")).to_be_visible()
