"""How soon a saved article is on the author's screen: `python -m benchmarks.previewing`.

Runs `kb preview` over 1,000 articles (copies of the shipped ones under other titles) and keeps one
open in Chromium. Saves its file 20 times and prints the seconds from the save to the new words on
the page, and to the article being found by them: the median and the longest.
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
ARTICLES, SAVES = 1000, 20
OPENED = "vpn/connect-to-the-vpn"


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        thousand(folder / "articles")
        port = free_port()
        began = time.monotonic()
        with preview(folder, port) as process:
            try:
                url = ready(port)
                took = time.monotonic() - began
                print(f"{ARTICLES} articles, none rendered before: it answers after {took:.1f} s")
                measure(url, folder / "articles" / f"{OPENED}.md")
            finally:
                process.terminate()


def thousand(folder: Path) -> None:
    """Fill the folder with copies of the shipped articles."""
    shipped = sorted((ROOT / "articles").glob("*/*.md"))
    for number in range(ARTICLES):
        file, copy = shipped[number % len(shipped)], number // len(shipped)
        text = file.read_text(encoding="utf-8")
        if copy:
            text = text.replace("title: ", f"title: Case {copy} of ", 1)
        name = f"{file.stem}-{copy}.md" if copy else file.name
        target = folder / file.parent.name / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def preview(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Start the preview."""
    environment = {
        **os.environ, "KB_ARTICLES": str(folder / "articles"), "KB_DATA": str(folder / "data"),
        "KB_TEMPLATES": str(ROOT / "templates"),
    }  # fmt: skip
    command = [sys.executable, "-m", "kb.cli", "preview", "--port", str(port)]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL)


def ready(port: int) -> str:
    """Return the preview's address once it answers."""
    url = f"http://127.0.0.1:{port}"
    for _ in range(1200):
        try:
            urllib.request.urlopen(f"{url}/healthz", timeout=5).close()
            return url
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the preview did not start within two minutes")


def measure(url: str, file: Path) -> None:
    """Save the file again and again, each time with a new word, and print what it took."""
    shown, found = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        page = browser.new_page()
        page.goto(f"{url}/articles/{OPENED}")
        for number in range(SAVES):
            time.sleep(0.1 * number)  # so that saves come after and during the reading of all
            word = new_word(number)
            began = time.monotonic()
            with file.open("a", encoding="utf-8") as text:
                text.write(f"\nThe word {word}.\n")
            shown.append(on_screen(page, word, began))
            found.append(searched(url, word, began))
        browser.close()
    for what, seconds in (("on screen", shown), ("found by search", found)):
        print(f"{what}: p50 {median(seconds):.2f} s, max {max(seconds):.2f} s ({SAVES} saves)")


def new_word(number: int) -> str:
    """Return a word that no article has and that resembles no other."""
    chance = random.Random(number)
    return "".join(chance.choice("bdfgklmnprtvz") + chance.choice("aeiou") for _ in range(6))


def on_screen(page: Page, word: str, began: float) -> float:
    """Return the seconds from `began` until the page shows the word."""
    page.get_by_text(f"The word {word}.").wait_for(timeout=30_000)
    return time.monotonic() - began


def searched(url: str, word: str, began: float) -> float:
    """Return the seconds from `began` until a search for the word finds the article."""
    while time.monotonic() - began < 60:
        with urllib.request.urlopen(f"{url}/search?q={word}&literal=1", timeout=30) as answer:
            if f"/articles/{OPENED}?" in answer.read().decode():
                return time.monotonic() - began
        time.sleep(0.2)  # without a pause the requests would slow the indexing down
    raise SystemExit("the change was not found within a minute")


if __name__ == "__main__":
    main()
