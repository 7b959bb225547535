"""`kb preview` as a process of its own, asked over HTTP."""

from __future__ import annotations

import http.client
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kb.app import create_app
from kb.config.settings import load

ROOT = Path(__file__).resolve().parents[2]


class Previewed:
    """A running preview over a folder of articles."""

    def __init__(self, folder: Path, port: int, data: Path) -> None:
        self.folder, self.port, self.data = folder, port, data

    def get(self, path: str, method: str = "GET") -> tuple[int, str]:
        """Return the status and text of an answer."""
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        asked.add_header("Sec-Fetch-Site", "same-origin")
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()

    def until(self, path: str, wanted: Callable[[str], bool], seconds: float = 90) -> str:
        """Return the page once it is as wanted."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            if wanted(text := self.get(path)[1]):
                return text
            time.sleep(0.05)
        raise AssertionError(f"{path} did not come to be as wanted")

    def write(self, path: str, text: str) -> None:
        """Save a file as an editor does: beside it, then in its place."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f".{file.name}.new")
        new.write_text(text, encoding="utf-8")
        new.replace(file)


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    free_port: Callable[[], int],
    article: str,
    serving: None,
) -> Iterator[Previewed]:
    """Run a preview over three articles: one for all, one for staff, one draft."""
    place = tmp_path_factory.mktemp("preview")
    made = Previewed(place / "articles", free_port(), place / "data")
    title = "title: Connect to the VPN"
    made.write("vpn/connect.md", article)
    made.write("vpn/draft.md", article.replace(title, "title: Not yet\nstatus: draft"))
    made.write("vpn/staff.md", article.replace(title, "title: For staff\naudience: staff"))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("KB_")},
        "KB_ARTICLES": str(made.folder), "KB_DATA": str(made.data),
        "KB_TEMPLATES": str(ROOT / "templates"), "KB_HOST": "0.0.0.0",
    }  # fmt: skip
    command = [sys.executable, "-m", "kb.cli", "preview", "--port", str(made.port)]
    with (place / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=log)
        try:
            _wait(made, process, place / "log")
            yield made
        finally:
            process.terminate()
            process.wait(20)


def _wait(made: Previewed, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        try:
            if process.poll() is None and made.get("/healthz")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the preview did not start:\n{log.read_text()}")


def test_a_saved_text_is_on_the_page_and_then_found(site: Previewed, article: str) -> None:
    site.write("vpn/connect.md", article + "\nPress the marmalade button.\n")
    page = site.until("/articles/vpn/connect", lambda text: "marmalade" in text)
    assert "Connect to the VPN" in page
    found = site.until("/search?q=marmalade", lambda text: "/articles/vpn/connect?" in text)
    assert "<mark>marmalade</mark>" in found


def test_a_new_a_renamed_and_a_deleted_file_are_noticed(site: Previewed, article: str) -> None:
    site.write("vpn/new.md", article.replace("Connect to", "Quite new"))
    site.until("/articles/vpn/new", lambda text: "Quite new" in text)
    (site.folder / "vpn/new.md").rename(site.folder / "vpn/renamed.md")
    site.until("/articles/vpn/renamed", lambda text: "Quite new" in text)
    site.until("/articles/vpn/new", lambda text: '/articles/vpn/renamed"' in text)
    (site.folder / "vpn/renamed.md").unlink()
    site.until("/articles/vpn/renamed", lambda text: "no longer kept here" in text)


def test_a_draft_and_a_staff_article_are_shown_and_the_draft_is_marked(site: Previewed) -> None:
    status, page = site.get("/articles/vpn/draft")
    assert status == 200
    assert "draft: readers do not see this" in page
    assert site.get("/articles/vpn/staff")[0] == 200
    assert "Not yet (draft)" in site.get("/collections/vpn")[1]
    assert "Not yet (draft)" in site.until("/search?q=not+yet", lambda text: "Not yet" in text)


def test_findings_are_in_the_bar_with_their_lines(site: Previewed, article: str) -> None:
    wrong = article.replace("owner: network team", "owner: network team\naudience: nobody")
    site.write("vpn/wrong.md", wrong + "\nSee [this](nowhere.md).\n")
    page = site.until(
        "/articles/vpn/wrong", lambda text: "preview-bar" in text and "nobody" in text
    )
    assert "<strong>Line 7:</strong> The audience “nobody” is not known" in page
    assert "<strong>Line 14:</strong> The link to “nowhere.md” leads nowhere" in page
    assert "vpn/wrong.md" in site.get("/preview/")[1]
    site.write("vpn/wrong.md", "---\ntitle: [\n---\n")
    stale = site.until("/articles/vpn/wrong", lambda text: "not readable as YAML" in text)
    assert "last good one" in stale
    (site.folder / "vpn/wrong.md").unlink()
    site.write("vpn/never.md", "---\ntitle: [\n---\n")
    absent = site.until("/articles/vpn/never", lambda text: "not readable as YAML" in text)
    assert "no such article" in absent
    (site.folder / "vpn/never.md").unlink()


def test_news_come_as_server_sent_events(site: Previewed, article: str) -> None:
    line = http.client.HTTPConnection("127.0.0.1", site.port, timeout=90)
    line.request("GET", "/preview/changes?kind=pages")
    answer = line.getresponse()
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    first = answer.readline()
    assert answer.readline() == b"\n"
    site.write("vpn/connect.md", article + "\nNews.\n")
    assert answer.readline() not in {first, b""}
    line.close()


def test_nothing_is_sent_recorded_or_put_beside_the_live_data(site: Previewed) -> None:
    site.get("/search?q=connect")
    site.get("/articles/vpn/connect?from=x&rank=1")
    for path in ("/articles/vpn/connect/vote", "/tickets", "/sign-in", "/dwell"):
        assert site.get(path, "POST")[0] == 403, path
    for path in ("/tickets/new", "/sign-in", "/desk/", "/reports/", "/api/v1/articles"):
        assert site.get(path)[0] in {302, 404}, path
    assert [file.name for file in site.data.iterdir()] == ["preview"]
    with sqlite3.connect(site.data / "preview" / "tierzero.db") as record:
        assert record.execute("SELECT count(*) FROM events").fetchone() == (0,)
        assert record.execute("SELECT count(*) FROM tickets").fetchone() == (0,)
    record.close()
    assert not list((site.data / "preview" / "spool").glob("*"))


def test_only_this_machine_can_look_whatever_the_settings_say(site: Previewed) -> None:
    socket.create_connection(("127.0.0.1", site.port), timeout=5).close()
    with pytest.raises(ConnectionRefusedError):  # what listens everywhere listens here too
        socket.create_connection(("127.0.0.2", site.port), timeout=5)


def test_no_other_site_has_the_previews_pages(tmp_path: Path) -> None:
    app = create_app(load({}, data=tmp_path / "data", templates=ROOT / "templates"))
    client = app.test_client()
    assert not [r for r in app.url_map.iter_rules() if r.endpoint.startswith("preview.")]
    assert client.get("/preview/").status_code == 404
    page = client.get("/about")
    assert page.status_code == 200
    assert "preview-bar" not in page.text
    assert "preview.js" not in page.text
    app.extensions["services"].db.close()


def test_a_bare_repository_and_a_taken_port_are_refused(run, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    refused = run("preview", KB_ARTICLES=str(bare))
    assert refused.exit_code == 3
    assert "no files" in refused.stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert run("preview", "--port", port).exit_code == 5


def test_the_script_is_small() -> None:
    assert (ROOT / "kb" / "static" / "preview.js").stat().st_size <= 2048
