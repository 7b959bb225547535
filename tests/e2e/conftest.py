"""A running site and a real Chromium.

The site is `kb serve` itself, with an episode's silence and window shortened to seconds so that
outcomes can be watched. Pictures are taken into the folder
named by SCREENSHOTS: they cost a third of the time of a look, so none is taken that nobody asked
for.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
expect.set_options(timeout=60_000)  # a busy machine is waited for
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0 Safari/537.36 "


@dataclass(frozen=True)
class Site:
    """A served site: its address, and a function from name to screenshot path."""

    url: str
    shot: Callable[[str], Path]


if not os.environ.get("SCREENSHOTS"):
    Page.screenshot = lambda *_, **__: b""  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Return the system's Chromium."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if program is None:
        missing = pytest.fail if os.environ.get("CI", "").lower() == "true" else pytest.skip
        missing("Chromium is not installed on this machine")
        return
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function from a name to where its picture is taken."""
    shots = Path(os.environ.get("SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    shots.mkdir(parents=True, exist_ok=True)
    return lambda name: shots / f"{name}.png"


@pytest.fixture(scope="session")
def site_of_its_own(
    published: Path,
    _peopled_template: Path,
    free_port: Callable[[], int],
    shot: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[], AbstractContextManager[Site]]:
    """Return a function that runs `kb serve` over the shipped articles, with one account of each
    role. For a file whose tests count what the whole site records; the others share `site`.
    """

    def started() -> AbstractContextManager[Site]:
        data = tmp_path_factory.mktemp("served")
        shutil.copytree(published / "index", data / "index")
        (data / "model").symlink_to(published / "model")
        shutil.copy(_peopled_template, data / "tierzero.db")
        return _served(data, free_port(), shot)

    return started


@pytest.fixture(scope="session")
def site(site_of_its_own: Callable[[], AbstractContextManager[Site]]) -> Iterator[Site]:
    """Return the site that the browser tests share."""
    with site_of_its_own() as served:
        yield served


@contextmanager
def _served(data: Path, port: int, shot: Callable[[str], Path]) -> Iterator[Site]:
    url = f"http://127.0.0.1:{port}"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("KB_")},
        "KB_ARTICLES": str(ROOT / "articles"),
        "KB_TEMPLATES": str(ROOT / "templates"),
        "KB_DATA": str(data),
        "KB_PORT": str(port),
        "KB_SITE_URL": url,
        "KB_WORKERS": "1",
        "KB_EPISODE_GAP": "6s",
        "KB_OUTCOME_WINDOW": "30s",
        "KB_WORKER_INTERVAL": "1s",
        "KB_PUBLISH_INTERVAL": "off",
        "KB_UNRESOLVED_POLICY": "always",
        "KB_SEARCH_RATE": "10000",
        "KB_WRITE_RATE": "10000",
        "KB_SIGN_IN_RATE": "10000",
        "KB_HOLDOUT_SHARE": "0",
        "KB_SURVEY_SHARE": "100",
    }
    log = (data / "serve.log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", "kb.cli", "serve"],
        env=environment, cwd=data, stdout=log, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        _wait_for(url, server, data / "serve.log")
        yield Site(url, shot)
    finally:
        server.terminate()
        server.wait(timeout=30)
        log.close()


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the site is ready; fail with its log when it ends or takes 90 s."""
    for _ in range(900):
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"the site did not start:\n{log.read_text()}")


@pytest.fixture
def person(chromium: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """Return a function from a name to the page of a browser of that person's own."""
    with people(chromium, site.url) as opened:
        yield opened


@contextmanager
def people(chromium: Browser, url: str) -> Iterator[Callable[..., Page]]:
    """Give a function from a name to the page of a browser of that person's own.

    Whatever a page complains of on its console, content security policy included, fails the test.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def opened(name: str, **options: object) -> Page:
        context = chromium.new_context(base_url=url, user_agent=AGENT + name, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on(
            "console",
            lambda message: complaints.append(message.text) if message.type == "error" else None,
        )
        page.on("pageerror", lambda problem: complaints.append(str(problem)))
        return page

    try:
        yield opened
    finally:
        for context in contexts:
            context.close()
    # A 404 or 422 that a test asks for is reported on the console too; it is no fault.
    faults = [text for text in complaints if "Failed to load resource" not in text]
    assert faults == []


def suggestion(title: str, **more: Any) -> dict[str, Any]:
    """Return a suggestion as the site answers it, with the whole title marked."""
    made = {
        "url": "/about", "kind": "title", "title": title, "text": "",
        "marked": {"title": ["", title, ""], "text": [""]},
        "collection": "Network", "language": "", "lang": "en", "dir": "ltr",
    }  # fmt: skip
    return made | more
