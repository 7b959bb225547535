"""The report over a demonstration, in a real browser: charts beside their tables, print, looks.

The demonstration is short and filled by words alone: what is found by meaning is no matter here.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from kb.reports.pages import PAGES
from tests.conftest import kb
from tests.e2e.conftest import AGENT, ROOT, _wait_for
from tests.e2e.test_looks import LOOKS, Wrong, faults, look_at

pytestmark = pytest.mark.browser

QUERY = "?range=last-30-days"
EVERY = {
    "deflection": f"/reports/{QUERY}",
    **{key: f"/reports/{key}{QUERY}" for key in PAGES if key != "deflection"},
    "figure": f"/reports/figures/outcomes/ticketed{QUERY}",
    "figure-of-a-group": f"/reports/figures/windows/wait_1h:deflection_lower{QUERY}",
    "gaps": "/reports/gaps",
    "notes": f"/reports/notes{QUERY}",
}
PAPER = {"width": 1030, "height": 720}  # A4 on its side, at 96 dots an inch, without its margins
SCREEN = {"width": 1280, "height": 720}


@pytest.fixture(scope="module")
def demonstration(demo_home: Path, free_port: Callable[[], int]) -> Iterator[tuple[str, Path]]:
    """Serve a demonstration with a note of one day and one of three; return its address and its
    data folder.
    """
    data, port = demo_home / "var-demo", free_port()
    url = f"http://127.0.0.1:{port}"
    given = {"KB_TEMPLATES": str(ROOT / "templates"), "KB_SEMANTIC": "off", "KB_PORT": str(port),
             "KB_SITE_URL": url, "KB_WORKERS": "1", "KB_SIGN_IN_RATE": "1000",
             "KB_DATA": str(data)}  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if name[:3] != "KB_"} | given
    today = datetime.now(UTC).date()
    for words in (
        ["--day", str(today - timedelta(days=9)), "Release 2.4"],
        ["--day", str(today - timedelta(days=5)), "--until", str(today - timedelta(days=3)),
         "Mail outage"],
    ):  # fmt: skip
        noted = kb(data, "report", "note", *words)
        assert noted.exit_code == 0, noted.output
    with (demo_home / "serve.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "kb.cli", "serve"],
            env=environment, cwd=demo_home, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            _wait_for(url, server, demo_home / "serve.log")
            yield url, data
        finally:
            server.terminate()
            server.wait(timeout=30)


@pytest.fixture(scope="module")
def signed_in(chromium: Browser, demonstration: tuple[str, Path]) -> Iterator[Page]:
    """Return the page of a browser in which the demonstration's lead is signed in."""
    url, data = demonstration
    context = chromium.new_context(base_url=url, user_agent=AGENT + "lead")
    page = context.new_page()
    email, password = (data / "sign-in.txt").read_text().split()
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()
    yield page
    context.close()


@pytest.fixture
def page(signed_in: Page) -> Page:
    """Return the lead's page, again on a screen and in the light."""
    signed_in.emulate_media(media="screen", color_scheme="light")
    signed_in.set_viewport_size(SCREEN)  # type: ignore[arg-type]
    return signed_in


# -- what a screen reader is told ---------------------------------------------------------------


class Tree:
    """The page as a screen reader gets it: Chromium's accessibility tree."""

    def __init__(self, page: Page) -> None:
        told = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")
        self._nodes = {node["nodeId"]: node for node in told["nodes"]}

    def all(self, role: str) -> list[dict[str, Any]]:
        """Return the nodes of a role that a screen reader comes to."""
        return [node for node in self._nodes.values() if _is(node, role)]

    def within(self, node: dict[str, Any], role: str) -> list[dict[str, Any]]:
        """Return the nodes of a role within another, in order."""
        children = [self._nodes[key] for key in node["childIds"] if key in self._nodes]
        found: list[dict[str, Any]] = []
        for child in children:
            found += [child] if _is(child, role) else self.within(child, role)
        return found


def _is(node: dict[str, Any], role: str) -> bool:
    return not node.get("ignored") and node.get("role", {}).get("value") == role


def name(node: dict[str, Any]) -> str:
    """Return what a node is called, blanks collapsed."""
    return " ".join(str(node.get("name", {}).get("value", "")).split())


CHARTS = """() => [...document.querySelectorAll("main svg")].map(svg => ({
  hidden: svg.getAttribute("aria-hidden") === "true",
  role: svg.getAttribute("role"),
  kind: svg.getAttribute("class"),
  table: svg.closest("table")?.caption?.textContent ?? "",
  row: svg.closest("tr")?.querySelectorAll("th, td").length ?? 0,
}))"""
DRAWN = {"deflection": 1, "searches": 1, "knowledge": 1, "notes": 1}  # images on each page


@pytest.mark.parametrize("key", [*PAGES, "notes"])
def test_every_chart_has_its_table_in_a_screen_readers_tree(page: Page, key: str) -> None:
    page.goto(EVERY[key])
    for closed in page.locator("details:not([open]):has(table) > summary").all():
        closed.click()
    tree = Tree(page)
    tables = {name(node): node for node in tree.all("table")}
    images = [name(node) for node in tree.all("image")]
    charts = page.evaluate(CHARTS)
    assert len(images) == DRAWN.get(key, 0) == sum(not each["hidden"] for each in charts)
    for image in images:
        (caption,) = re.findall("“(.+)”", image)
        assert caption in tables, image
    for each in charts:
        if each["hidden"]:
            drawn_in_row = each["kind"].startswith("strip") and each["table"] in tables
            assert drawn_in_row or each["kind"] in ("axis", "swatch"), each
    if key == "notes":
        return
    answer = page.request.get(f"/api/v1/reports{QUERY}")
    assert answer.ok
    for table in PAGES[key].tables:
        told = page.request.get(f"/api/v1/reports/{table}{QUERY}").json()
        assert told["rows"], f"{table}: a demonstration fills every table"
        node = tables[told["caption"]]
        rows = tree.within(node, "row")
        assert len(rows) == len(told["rows"]) + 1, table
        headers = [name(each) for each in tree.within(node, "columnheader")]
        shown = [column["name"] for column in told["columns"] if column["shown"]]
        assert [header for header in headers if header != "0 to 100 %"] == shown, table
        assert len(tree.within(node, "rowheader")) == len(told["rows"]), table


def test_a_chart_has_a_piece_for_every_number_of_its_table(
    chromium: Browser, page: Page, demonstration: tuple[str, Path]
) -> None:
    state = page.context.storage_state()
    with chromium.new_context(
        base_url=demonstration[0], storage_state=state, java_script_enabled=False
    ) as context:
        page = context.new_page()
        page.goto(EVERY["deflection"])
        told = page.request.get(f"/api/v1/reports/days{QUERY}").json()["rows"]
        kinds = ("confirmed", "potential", "abandoned", "ticketed", "open")
        counts = [row[kind] for row in told for kind in kinds]
        assert page.locator("svg.stacked [class^=bar-]").count() == sum(map(bool, counts))
        noted = page.request.get(f"/api/v1/reports/notes{QUERY}").json()["rows"]
        days = {(row["first"], row["last"]) for row in noted}
        assert page.locator("svg.stacked line.noted").count() == len(days) >= 2
        page.goto(EVERY["searches"])
        told = page.request.get(f"/api/v1/reports/quality-over-time{QUERY}").json()["rows"][:-1]
        shares = sum(row["failed"] is not None for row in told)
        assert page.locator("svg.shares circle").count() == shares


# -- looks ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wrong(signed_in: Page, shot: Callable[[str], Path]) -> Wrong:
    """Look at every page in every look; return what is wrong."""
    found: Wrong = {str(look.id): {} for look in LOOKS}
    look_at(signed_in, EVERY, lambda name: shot(f"report-{name}"), found)
    return found


@pytest.mark.parametrize("look", [look.id for look in LOOKS])
def test_every_page_of_the_report_is_accessible_and_fits(wrong: Wrong, look: str) -> None:
    assert wrong[look] == {}


def test_days_without_data_say_so(page: Page) -> None:
    for key in PAGES:
        address = EVERY[key].partition("?")[0]
        page.goto(f"{address}?from=2020-01-01&until=2020-01-31")
        assert page.get_by_text("Nothing was recorded on these days.").is_visible(), key
        assert page.locator("main table:not(#table-top-gaps)").count() == 0, key
        assert faults(page) == [], key


# -- paper ----------------------------------------------------------------------------------------

WIDEST = "() => Math.max(...[...document.querySelectorAll('table')].map(t => t.scrollWidth))"
SHADES = """() => ["confirmed", "potential", "abandoned", "ticketed", "open"].map(kind =>
  getComputedStyle(document.querySelector(".swatch .bar-" + kind)).fill.match(/[0-9]+/g))"""


@pytest.mark.parametrize("key", [*PAGES, "figure", "notes", "gaps"])
def test_paper_holds_the_figures_and_nothing_to_press(page: Page, key: str) -> None:
    page.set_viewport_size(PAPER)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="dark")
    page.goto(EVERY[key])
    page.emulate_media(media="print")
    for gone in ("header.site-header", "footer", "form", "nav", ".files", "summary:has(+ form)"):
        assert not [one for one in page.locator(gone).all() if one.is_visible()], gone
    assert page.locator(".demonstration").is_visible()
    assert page.locator("h1").is_visible()
    assert page.locator("main table").first.is_visible()
    assert page.evaluate(WIDEST) <= PAPER["width"]
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    if key in PAGES:
        head = page.locator("main").inner_text()[:400]
        for said in (f"{datetime.now(UTC):%Y}", "UTC days", "Made", "Tier Zero", "definitions"):
            assert said in head, said
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF-")


def test_bars_on_paper_are_told_apart_without_colour(page: Page) -> None:
    page.goto(EVERY["deflection"])
    page.emulate_media(media="print")
    shades = [tuple(map(int, rgb)) for rgb in page.evaluate(SHADES)]
    assert all(len(set(rgb)) == 1 for rgb in shades)
    for below, above in pairwise(shades):
        assert abs(below[0] - above[0]) >= 80
    stroke = page.locator("svg.stacked .bar-potential").first
    assert stroke.evaluate("one => getComputedStyle(one).stroke") == "rgb(0, 0, 0)"
