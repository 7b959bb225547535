"""The whole loop in a real browser: found, asked, walked away, reported."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from playwright.sync_api import Page, expect

PASSWORD = "correct horse battery staple"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(site_of_its_own: Callable[[], AbstractContextManager[object]]) -> Iterator[object]:
    """Return a site where nobody else searches: the report counts all, and two searches of one
    account within the gap are one episode.
    """
    with site_of_its_own() as served:
        yield served


def search(page: Page, words: str) -> None:
    page.goto("/")
    page.get_by_role("combobox").fill(words)
    page.get_by_role("combobox").press("Enter")
    page.wait_for_url(re.compile(r"/search\?"))


def sign_in(page: Page, role: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(f"{role}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()


def shares(page: Page, name: str) -> int:
    """Return the count in the report's row of that name; a page of nothing shows no table."""
    table = page.locator("#table-outcomes")
    if not table.count():
        return 0
    row = table.get_by_role("row", name=re.compile(f"^{name}"))
    return int(row.get_by_role("cell").nth(1).inner_text())


def told(page: Page, table: str, kind: str, count: str) -> dict[str, int]:
    """Return a table of the report as the API tells it: counts by kind."""
    found = page.request.get(f"/api/v1/reports/{table}").json()
    return {row[kind]: row[count] for row in found["rows"]}


def report(lead: Page) -> dict[str, int]:
    lead.goto("/reports/")
    origins = told(lead, "tickets-by-origin", "origin", "tickets")
    return {
        "confirmed": shares(lead, "Confirmed"),
        "ticketed": shares(lead, "Ticketed"),
        "asked": origins.get("asked", 0),
        "policy": origins.get("policy", 0),
    }


def wait_until(true: Callable[[], bool], seconds: float = 240, every: float = 1) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            pytest.fail(f"did not come true within {seconds} s")
        time.sleep(every)


def test_found_asked_walked_away_and_reported(person: Callable[..., Page], site: object) -> None:
    shot = site.shot  # type: ignore[attr-defined]
    lead = person("lead")
    sign_in(lead, "lead")
    before = report(lead)

    # A reader searches in everyday words, finds the article and says that it solved it.
    reader = person("reader-one")
    search(reader, "too many wrong passwords and now it won't let me in")
    reader.screenshot(path=shot("story-1-results"))
    reader.locator(".results a").first.click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Unlock a locked account")
    reader.get_by_role("button", name="This solved it").click()
    expect(reader.get_by_text("Thank you for telling us")).to_be_visible()
    reader.screenshot(path=shot("story-2-solved"))

    # Another finds nothing and opens a ticket; the words are filled in already.
    words = "the round thing keeps spinning and spinning on my screen all day"
    other = person("reader-two")
    search(other, words)
    other.screenshot(path=shot("story-3-no-answer"))
    other.get_by_role("link", name=re.compile("Get help with this|Still need help")).click()
    expect(other.get_by_label("What do you need help with?")).to_have_value(words)
    other.get_by_label("What happened?").fill("Since this morning, in every program.")
    other.get_by_label("E-mail address for the answer").fill("second@example.org")
    other.screenshot(path=shot("story-4-form"), full_page=True)
    other.get_by_role("button", name="Send to the service desk").click()
    notice = other.locator(".notice")
    expect(notice).to_contain_text("Your ticket is T-")
    number = re.search(r"T-\d+", notice.inner_text())
    assert number
    private_link = other.url
    other.screenshot(path=shot("story-5-ticket"), full_page=True)

    # A third, signed in, looks for something and walks away.
    third = person("reader-three")
    sign_in(third, "reader")
    search(third, "how do I claim back the train fare to a conference")

    # The agent sees what was tried and resolves it with an article.
    agent = person("agent")
    sign_in(agent, "agent")
    agent.goto("/desk/")
    agent.screenshot(path=shot("story-6-queue"))
    agent.get_by_role("link", name=number.group()).click()
    trail = agent.get_by_role("region", name="Already tried")
    expect(trail).to_contain_text(words)
    agent.screenshot(path=shot("story-7-agent"), full_page=True)
    agent.get_by_label("Another article, by its address").fill("laptops/windows-laptop-is-slow")
    agent.get_by_role("button", name="Resolve").click()
    expect(agent.locator(".badge")).to_have_text("resolved")
    agent.screenshot(path=shot("story-8-resolved"), full_page=True)

    # The person follows the private link to the answer.
    other.goto(private_link)
    expect(other.get_by_role("link", name="Speed up a slow Windows laptop")).to_be_visible()
    other.screenshot(path=shot("story-9-answered"), full_page=True)

    # The policy opens the ticket that the third person did not ask for.
    def policy_ticket() -> bool:
        third.goto("/my/tickets")
        return third.get_by_role("link", name=re.compile(r"T-\d+")).count() > 0

    wait_until(policy_ticket)
    third.screenshot(path=shot("story-10-policy"))
    agent.goto("/desk/?origin=policy")
    expect(agent.get_by_role("row", name=re.compile("train fare"))).to_be_visible()

    # The lead sees all three once the outcome window has passed.
    wanted = {
        "confirmed": before["confirmed"] + 1,
        "ticketed": before["ticketed"] + 2,
        "asked": before["asked"] + 1,
        "policy": before["policy"] + 1,
    }
    wait_until(lambda: report(lead) == wanted, every=3)  # a report is much work
    lead.screenshot(path=shot("story-11-report"), full_page=True)
