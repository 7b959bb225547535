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
from playwright.sync_api import Browser, BrowserContext, Page

from kb.reports.pages import PAGES
from tests.e2e.conftest import AGENT, ROOT, _wait_for
from tests.e2e.test_looks import LOOKS, faults

pytestmark = pytest.mark.browser

DAYS = 16
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
Signed = Callable[..., Page]


@pytest.fixture(scope="module")
def demonstration(
    free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """Serve a demonstration with a note of one day and one of three; return its address and its
    data folder.
    """
    home, port = tmp_path_factory.mktemp("charts"), free_port()
    data, url = home / "var-demo", f"http://127.0.0.1:{port}"
    given = {"KB_TEMPLATES": str(ROOT / "templates"), "KB_SEMANTIC": "off", "KB_PORT": str(port),
             "KB_SITE_URL": url, "KB_WORKERS": "1", "KB_SIGN_IN_RATE": "1000"}  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if name[:3] != "KB_"} | given

    def kb(folder: Path, *words: str) -> None:
        command = [sys.executable, "-m", "kb.cli", *words]
        subprocess.run(command, env=environment | {"KB_DATA": str(folder)}, cwd=home, check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip

    kb(home / "var", "demo", "--days", str(DAYS))
    today = datetime.now(UTC).date()
    kb(data, "report", "note", "--day", str(today - timedelta(days=9)), "Release 2.4")
    kb(data, "report", "note", "--day", str(today - timedelta(days=5)),
       "--until", str(today - timedelta(days=3)), "Mail outage")  # fmt: skip
    with (home / "serve.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "kb.cli", "serve"],
            env=environment | {"KB_DATA": str(data)}, cwd=home, stdout=log,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            _wait_for(url, server, home / "serve.log")
            yield url, data
        finally:
            server.terminate()
            server.wait(timeout=30)


@pytest.fixture
def lead(chromium: Browser, demonstration: tuple[str, Path]) -> Iterator[Signed]:
    """Return a function that opens a browser in which the demonstration's lead is signed in."""
    contexts: list[BrowserContext] = []

    def opened(**options: object) -> Page:
        url, data = demonstration
        context = chromium.new_context(base_url=url, user_agent=AGENT + "lead", **options)
        contexts.append(context)
        page = context.new_page()
        email, password = (data / "sign-in.txt").read_text().split()
        page.goto("/sign-in")
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Sign out").wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()


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
def test_every_chart_has_its_table_in_a_screen_readers_tree(lead: Signed, key: str) -> None:
    page = lead()
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


def test_a_chart_has_a_piece_for_every_number_of_its_table(lead: Signed) -> None:
    page = lead(java_script_enabled=False)
    page.goto(EVERY["deflection"])
    told = page.request.get(f"/api/v1/reports/days{QUERY}").json()["rows"]
    counts = [row[kind] for row in told
              for kind in ("confirmed", "potential", "abandoned", "ticketed", "open")]  # fmt: skip
    assert page.locator("svg.stacked [class^=bar-]").count() == sum(map(bool, counts))
    noted = page.request.get(f"/api/v1/reports/notes{QUERY}").json()["rows"]
    days = {(row["first"], row["last"]) for row in noted}
    assert page.locator("svg.stacked line.noted").count() == len(days) >= 2
    page.goto(EVERY["searches"])
    told = page.request.get(f"/api/v1/reports/quality-over-time{QUERY}").json()["rows"][:-1]
    assert page.locator("svg.shares circle").count() == sum(r["failed"] is not None for r in told)


# -- looks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_of_the_report_is_accessible_and_fits(
    lead: Signed, site: Any, look: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    page, wrong = lead(**look), {}
    for key, address in EVERY.items():
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        page.screenshot(path=site.shot(f"report-{key}-{request.node.callspec.id}"), full_page=True)
        if problems := faults(page):
            wrong[key] = problems
    assert wrong == {}


def test_days_without_data_say_so(lead: Signed) -> None:
    page = lead()
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
def test_paper_holds_the_figures_and_nothing_to_press(lead: Signed, key: str) -> None:
    page = lead(color_scheme="dark", viewport=PAPER)
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


def test_bars_on_paper_are_told_apart_without_colour(lead: Signed) -> None:
    page = lead()
    page.goto(EVERY["deflection"])
    page.emulate_media(media="print")
    shades = [tuple(map(int, rgb)) for rgb in page.evaluate(SHADES)]
    assert all(len(set(rgb)) == 1 for rgb in shades)
    for below, above in pairwise(shades):
        assert abs(below[0] - above[0]) >= 80
    stroke = page.locator("svg.stacked .bar-potential").first
    assert stroke.evaluate("one => getComputedStyle(one).stroke") == "rgb(0, 0, 0)"
