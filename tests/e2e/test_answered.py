"""The whole loop in a real browser: failed, waited for, written, pushed, mailed, found."""

from __future__ import annotations

import os
import re
import shutil
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_string
from email.message import Message
from email.policy import default
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import kb
from tests.e2e.conftest import AGENT, ROOT, _wait_for
from tests.e2e.test_looks import faults

ALIKE = "is a flash drive that I picked up safe"
HIDDEN = "security/found-a-usb-stick"
WORDS = "is it safe to look at what is on a flash drive I picked up"
SECONDS = 180

pytestmark = pytest.mark.browser


class Conversation(socketserver.StreamRequestHandler):
    """As much of SMTP as a client that behaves needs; letters are kept."""

    server: Mailbox

    def handle(self) -> None:
        """Answer line by line."""
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            if line.upper().startswith("DATA"):
                self._say("354 go on")
                self.server.letters.append(self._letter())
            elif line.upper().startswith("QUIT"):
                return self._say("221 bye")
            self._say("250 fine")
        return None

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())

    def _letter(self) -> Message:
        lines: list[str] = []
        while (line := self.rfile.readline().decode()) != ".\r\n":
            lines.append(line.removeprefix("."))
        return message_from_string("".join(lines), policy=default)


class Mailbox(socketserver.ThreadingTCPServer):
    """A mail server on the loopback."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.letters: list[Message] = []


@dataclass
class Loop:
    """A served site over a repository, and its mail."""

    url: str
    articles: Path
    mailbox: Mailbox
    environment: dict[str, str]
    shot: Callable[[str], Path] = field(repr=False)

    def git(self, *words: str) -> str:
        """Run Git in the repository; return what it prints."""
        done = subprocess.run(
            ["git", "-c", "user.name=Ana", "-c", "user.email=ana@example.org", *words],
            cwd=self.articles, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def kb(self, *words: str) -> str:
        """Run `kb` beside the site; return what it prints."""
        settings = {n[3:].lower(): v for n, v in self.environment.items() if n[:3] == "KB_"}
        done = kb(Path(settings.pop("data")), *words, **settings, semantic="on")
        assert done.exit_code == 0, done.output
        return done.stdout

    def letter(self, number: int) -> str:
        """Return the text of the letter of that number, from 1, when it has come."""
        deadline = time.monotonic() + SECONDS
        while len(self.mailbox.letters) < number:
            assert time.monotonic() < deadline, "no letter came"
            time.sleep(0.2)
        return str(self.mailbox.letters[number - 1].get_content())


@pytest.fixture
def loop(
    published: Path, _peopled_template: Path, free_port: Callable[[], int], tmp_path: Path
) -> Iterator[Loop]:
    """Serve the shipped articles but one from a repository of their own."""
    articles, data = tmp_path / "articles", tmp_path / "data"
    shutil.copytree(ROOT / "articles", articles)
    shutil.move(articles / f"{HIDDEN}.md", tmp_path / "written.md")
    data.mkdir()
    (data / "model").symlink_to(published / "model")
    shutil.copytree(published / "index", data / "index")  # of what did not change nothing is made
    shutil.copy(_peopled_template, data / "tierzero.db")
    mailbox, port = Mailbox(), free_port()
    threading.Thread(target=mailbox.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{port}"
    shots = Path(os.environ.get("SCREENSHOTS") or tmp_path / "shots")
    shots.mkdir(exist_ok=True)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("KB_")},
        "PYTHONPATH": str(ROOT),
        "KB_ARTICLES": str(articles),
        "KB_TEMPLATES": str(ROOT / "templates"),
        "KB_DATA": str(data),
        "KB_PORT": str(port),
        "KB_SITE_URL": url,
        "KB_WORKERS": "1",
        "KB_EPISODE_GAP": "3s",
        "KB_OUTCOME_WINDOW": "4s",
        "KB_WORKER_INTERVAL": "1s",
        "KB_PUBLISH_INTERVAL": "1s",
        "KB_K_ANONYMITY": "1",
        "KB_UNRESOLVED_POLICY": "off",
        "KB_MAIL_URL": f"smtp://127.0.0.1:{mailbox.server_address[1]}",
    }
    made = Loop(url, articles, mailbox, environment, lambda name: shots / f"{name}.png")
    made.git("init", "-q", "-b", "main")
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "the first articles")
    log = (data / "serve.log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", "kb.cli", "serve"],
        env=environment, cwd=data, stdout=log, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        _wait_for(url, server, data / "serve.log")
        yield made
    finally:
        server.terminate()
        server.wait(timeout=60)
        mailbox.shutdown()
        mailbox.server_close()
        log.close()


def search(page: Page, words: str) -> None:
    page.goto("/")
    page.get_by_role("combobox").fill(words)
    page.get_by_role("combobox").press("Enter")
    page.wait_for_url(re.compile(r"/search\?"))


def link_in(text: str, path: str) -> str:
    found = re.search(rf"http://\S+/{path}/\S+", text)
    assert found, text
    return found[0]


def looks(page: Page, shot: Callable[[str], Path], name: str) -> None:
    """Take the page in light, in dark and on a narrow telephone; axe finds nothing wrong."""
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 320)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.screenshot(path=shot(f"{name}-{scheme}-{width}"), full_page=True)
        assert faults(page) == []
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 800})


def test_failed_waited_for_written_mailed_and_found(chromium: Browser, loop: Loop) -> None:
    context = chromium.new_context(base_url=loop.url, user_agent=AGENT + "reader")
    page = context.new_page()
    page.set_default_timeout(60_000)

    # A reader finds nothing and asks to be told.
    search(page, WORDS)
    expect(page.get_by_role("heading", level=1)).to_contain_text("clearly answers")
    looks(page, loop.shot, "answered-1-no-answer")
    page.get_by_label("Tell me when this is answered").fill("reader@example.com")
    page.get_by_role("button", name="Tell me").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look at your mail")
    looks(page, loop.shot, "answered-2-sent")
    page.goto(link_in(loop.letter(1), "subscriptions"))
    looks(page, loop.shot, "answered-3-confirm")
    page.get_by_role("button", name="Yes, tell me").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("We will tell you")

    # Another asks much the same and leaves; the gap is there for who writes.
    other = chromium.new_context(base_url=loop.url, user_agent=AGENT + "other")
    search(other.new_page(), ALIKE)
    other.close()
    deadline, listed = time.monotonic() + SECONDS, ""
    while "flash drive" not in listed:
        assert time.monotonic() < deadline, f"the gap did not appear: {listed}"
        time.sleep(0.5)
        listed = loop.kb("gaps", "--rebuild")

    # An author writes the article and pushes it; the letter follows by itself.
    shutil.copy(loop.articles.parent / "written.md", loop.articles / f"{HIDDEN}.md")
    loop.git("add", "-A")
    loop.git("commit", "-q", "-m", "What to do with a USB stick")
    told = loop.letter(2)
    assert WORDS in told
    assert "One-Click" in str(loop.mailbox.letters[1]["List-Unsubscribe-Post"])

    # The link leads to the answer, and the search finds it.
    page.goto(link_in(told, "articles"))
    title = page.get_by_role("heading", level=1).inner_text()
    search(page, WORDS)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Answers for")
    expect(page.locator(".results a").first).to_have_text(title)
    page.goto(link_in(told, "subscriptions"))
    expect(page.get_by_role("heading", level=1)).to_have_text("You have been told")
    looks(page, loop.shot, "answered-4-told")

    # The author sees what the commit did.
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill("author@example.org")
    page.get_by_label("Password").fill("correct horse battery staple")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()
    page.goto("/authors/publishing")
    commit = loop.git("rev-parse", "HEAD")
    expect(page.get_by_text(f"The commit {commit[:12]} answers")).to_be_visible()
    expect(page.get_by_text(WORDS)).to_be_visible()
    looks(page, loop.shot, "answered-5-publishing")
    page.goto("/authors/?of=all")
    page.get_by_text(f"The commit {commit[:12]} answers").wait_for()
    loop.articles.joinpath("p.patch").write_text(loop.kb("replay", "--patch"), "utf-8")
    loop.git("apply", "p.patch")
    assert WORDS in loop.git("diff")
    context.close()
    assert len(loop.mailbox.letters) == 2
