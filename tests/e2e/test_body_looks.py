"""An article with everything an author can write, in a real browser: legible, accessible, whole."""

from __future__ import annotations

import shutil
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from kb.app import create_app
from kb.config.settings import load
from kb.publishing.publisher import publish
from kb.services import build
from tests.e2e.test_looks import LOOKS, faults, in_each_look

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
ARTICLE = """---
title: Everything in one article
owner: documentation team
---
Press ++ctrl+alt+del++ or <kbd>F5</kbd>.
Read [[other]] or [[other|the other one]]. Call {{ phone }}.

## Code

```python
def greet(name: str) -> str:  # a comment
    return f"Hello {name}" * 2
```

```sh
sudo systemctl restart "print spooler" --now && echo $HOME  # restart
```

```diff
- old line
+ new line
```

## For each system

=== "Windows"

    1. Open **Settings**.
    2. Choose *Network*.

        ```powershell
        Get-NetAdapter | Where-Object { $_.Status -eq "Up" }
        ```

=== "macOS"

    Open **System Settings**.

=== "Linux"

    Run `nmcli`.

## Alerts

!!! warning "Mind the gap"
    With a list:

    - one
    - two

> [!TIP]- Folded tip
> Only for who wants it.

<details>
<summary>Why it happens</summary>

The lease **expired**.

</details>

## Lists

- [x] Done
- [ ] Open

DHCP
:   Gives addresses.

DNS
:   Gives names.

| Key | Meaning |
|---|--:|
| `A` | 1 |

## Pictures and files

![A blue box](box.png "What you should see"){width=300}

![Inline](box.png){width=60} [The form](form.pdf)

--8<-- "contact"

A claim[^1].

[^1]: With its source.
"""


def picture(width: int, height: int) -> bytes:
    """Return a PNG of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes((60, 120, 140)) * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def address(
    tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path, free_port: Callable[[], int]
) -> Iterator[str]:
    """Serve a site with this one article and give its address."""
    root = tmp_path_factory.mktemp("written")
    files: dict[str, str | bytes] = {
        "a/everything.md": ARTICLE, "a/other.md": "---\ntitle: Another article\n---\nText",
        "a/box.png": picture(640, 360), "a/form.pdf": b"%PDF-1.7",
        "_variables.yml": "phone: 5555\n",
        "_snippets/contact.md": "> [!NOTE]\n> This is said in *many* articles.\n",
    }  # fmt: skip
    for path, text in files.items():
        file = root / "articles" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    (root / "data").mkdir()
    shutil.copy(_sqlite_template, root / "data" / "tierzero.db")
    port = free_port()
    settings = load(
        {}, articles=root / "articles", data=root / "data", templates=ROOT / "templates",
        semantic=False, site_url=f"http://127.0.0.1:{port}",
    )  # fmt: skip
    publish(settings, progress=lambda *_: None)
    server = make_server("127.0.0.1", port, create_app(services=build(settings)), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{port}/articles/a/everything"
    server.shutdown()


@contextmanager
def opening(chromium: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Give a function that opens the article; any complaint on the console fails the test."""
    contexts = []
    complaints: list[str] = []

    def opened(**options: Any) -> Page:
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def opened(chromium: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Return a function that opens the article."""
    with opening(chromium, address) as opened:
        yield opened


@pytest.fixture(scope="module")
def wrong(chromium: Browser, address: str, shot: Callable[[str], Path]) -> dict[str, list[str]]:
    """Look at the article in every look; return what is wrong."""
    found = {}
    with opening(chromium, address) as opened:
        page = opened()
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        for look in in_each_look(page):
            page.screenshot(path=shot(f"body-{look}"), full_page=True)
            found[look] = faults(page)
    return found


@pytest.mark.parametrize("look", [look.id for look in LOOKS])
def test_every_feature_is_accessible_and_fits(wrong: dict[str, list[str]], look: str) -> None:
    assert wrong[look] == []


def test_tabs_open_by_mouse_and_keyboard_without_a_script(opened: Callable[..., Page]) -> None:
    page = opened(java_script_enabled=False)
    expect(page.get_by_text("Choose Network")).to_be_visible()
    expect(page.get_by_text("Open System Settings")).to_be_hidden()
    page.locator("summary", has_text="macOS").click()
    expect(page.get_by_text("Open System Settings")).to_be_visible()
    page.locator("summary", has_text="Linux").press("Enter")
    expect(page.get_by_text("Run nmcli")).to_be_visible()


def test_the_system_that_was_chosen_is_open_next_time(opened: Callable[..., Page]) -> None:
    page = opened()
    page.locator("summary", has_text="macOS").click()
    page.reload()
    expect(page.get_by_text("Open System Settings")).to_be_visible()
    expect(page.get_by_text("Choose Network")).to_be_hidden()


def test_pictures_keep_their_place_before_they_are_loaded(opened: Callable[..., Page]) -> None:
    page = opened(java_script_enabled=True)
    shift = page.evaluate(
        """() => new Promise(done => {
            let sum = 0;
            new PerformanceObserver(list => list.getEntries().forEach(e => sum += e.value))
                .observe({type: "layout-shift", buffered: true});
            scrollTo(0, document.body.scrollHeight);
            setTimeout(() => done(sum), 800);
        })"""
    )
    assert shift == 0
    box = page.locator("figure img").bounding_box()
    assert box is not None
    assert round(box["height"]) == round(box["width"] * 360 / 640)


def test_paper_shows_what_is_folded(opened: Callable[..., Page]) -> None:
    page = opened()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for words in (
        "Open System Settings",
        "Run nmcli",
        "Only for who wants it",
        "The lease expired",
    ):
        expect(page.get_by_text(words)).to_be_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    expect(page.get_by_text("Run nmcli")).to_be_hidden()


def test_paper_shows_what_is_folded_without_a_script(opened: Callable[..., Page]) -> None:
    page = opened(java_script_enabled=False)
    page.emulate_media(media="print")
    box = page.get_by_text("Run nmcli").bounding_box()
    assert box is not None
    assert box["height"] > 0
