"""`kb preview` and the pages of an article's history in a real browser."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
LOOKS = [
    pytest.param({"color_scheme": scheme, "viewport": {"width": width, "height": 800}}, id=name)
    for scheme, width, name in (
        ("light", 1280, "light-1280"),
        ("dark", 1280, "dark-1280"),
        ("light", 320, "light-320"),
        ("dark", 320, "dark-320"),
    )
]
LONG = "\n\n".join(f"Paragraph {number} of a long text." for number in range(80))
TEXT = f"""---
title: A long article
language: en
audience: nobody
status: draft
---

## Issue

Something [leads](nowhere.md) nowhere.

{LONG}
"""


def faults(page: Page) -> list[str]:
    """Return what axe finds wrong with the page, and whether it has to be scrolled sideways."""
    found = Axe().run(page).response["violations"]
    wrong = [f"{rule['id']}: {node['html'][:120]}" for rule in found for node in rule["nodes"]]
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [*wrong, "scrolls sideways"] if wide else wrong


@pytest.fixture(scope="module")
def draft(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file that is written."""
    file = tmp_path_factory.mktemp("written") / "articles" / "guides" / "long.md"
    file.parent.mkdir(parents=True)
    file.write_text(TEXT, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def previewed(draft: Path, free_port: Callable[[], int]) -> Iterator[str]:
    """Run a preview of that one file; give its address."""
    place, port = draft.parents[2], free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("KB_")},
        "KB_ARTICLES": str(place / "articles"), "KB_DATA": str(place / "data"),
        "KB_TEMPLATES": str(ROOT / "templates"),
    }  # fmt: skip
    command = [sys.executable, "-m", "kb.cli", "preview", "--port", str(port)]
    with (place / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=log)
        try:
            yield _answering(f"http://127.0.0.1:{port}", place / "log")
        finally:
            process.terminate()
            process.wait(20)


def _answering(url: str, log: Path) -> str:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{url}/healthz", timeout=5).close()
            return url
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the preview did not start:\n{log.read_text()}")


@pytest.fixture
def watched(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page whose complaints on the console fail the test."""
    complaints: list[str] = []
    contexts = []

    def opened(**options: Any) -> Page:
        contexts.append(chromium.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda problem: complaints.append(str(problem)))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [text for text in complaints if "Failed to load resource" not in text] == []


def test_a_save_changes_the_page_and_keeps_the_readers_place(
    watched: Callable[..., Page], previewed: str, draft: Path
) -> None:
    page = watched(viewport={"width": 1000, "height": 600})
    page.goto(f"{previewed}/articles/guides/long")
    page.get_by_text("Paragraph 60 of").scroll_into_view_if_needed()
    place = page.evaluate("scrollY")
    assert place > 1000
    draft.write_text(TEXT.replace("Paragraph 60 of", "Sentence sixty of"), encoding="utf-8")
    expect(page.get_by_text("Sentence sixty of")).to_be_in_viewport()
    assert abs(page.evaluate("scrollY") - place) < 50
    draft.write_text(TEXT, encoding="utf-8")
    expect(page.get_by_text("Paragraph 60 of")).to_be_in_viewport()


def test_a_search_in_the_preview_is_shown_again_when_the_index_knows_more(
    watched: Callable[..., Page], previewed: str, draft: Path
) -> None:
    page = watched()
    page.goto(f"{previewed}/search?q=quokka")
    other = draft.with_name("other.md")
    other.write_text("---\ntitle: The quokka\nlanguage: en\n---\n\nSmall and round.\n")
    expect(page.get_by_role("link", name="The quokka")).to_be_visible()
    other.unlink()
    expect(page.get_by_role("link", name="The quokka")).to_be_hidden()


def test_without_a_script_the_preview_can_be_read(
    watched: Callable[..., Page], previewed: str
) -> None:
    page = watched(java_script_enabled=False)
    page.goto(f"{previewed}/articles/guides/long")
    expect(page.get_by_role("region", name="Preview")).to_contain_text("Line 4:")


@pytest.mark.parametrize("look", LOOKS)
def test_the_preview_is_accessible_and_fits(
    watched: Callable[..., Page],
    previewed: str,
    site: Any,
    look: dict[str, Any],
    request: pytest.FixtureRequest,
) -> None:
    page = watched(**look)
    name = request.node.callspec.id
    for shown, path in (("preview", "/articles/guides/long"), ("preview-findings", "/preview/")):
        page.goto(previewed + path)
        page.screenshot(path=site.shot(f"{shown}-{name}"))
        assert faults(page) == [], shown


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
@pytest.mark.parametrize("look", LOOKS)
def test_an_articles_history_is_accessible_and_fits(
    person: Callable[..., Page], site: Any, look: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.id
    page = person(f"history-{name}", **look)
    page.goto("/articles/mfa/sign-in-without-your-phone")
    page.get_by_role("link", name="changed").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("History of")
    page.screenshot(path=site.shot(f"history-{name}"), full_page=True)
    assert faults(page) == []
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".difference ins").first).to_be_visible()
    page.screenshot(path=site.shot(f"changes-{name}"), full_page=True)
    assert faults(page) == []
