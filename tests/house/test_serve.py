"""`kb serve` as a process: it answers, ends whole, and keeps its worker alive."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from search.errors import SearchError
from search.generation import current, open_current
from search.manifest import verify

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 90  # for machines that are busy; nothing here measures time


@dataclass
class Site:
    """A running site and where it is."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path
    data: Path

    def answers(self, path: str = "/healthz") -> bool:
        """Return whether the page is there."""
        return self.status(path) == 200

    def status(self, path: str) -> int:
        """Return how a page is answered, 0 where it is not."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=10) as page:
                return int(page.status)
        except urllib.error.HTTPError as refused:
            return refused.code
        except OSError:
            return 0

    def family(self) -> dict[int, str]:
        """Return the site's processes below the first, by id with their command lines."""
        children: dict[int, str] = {}
        waiting = [self.process.pid]
        while waiting:
            for child in _children(waiting.pop()):
                children[child] = _command(child)
                waiting.append(child)
        return children

    def companion(self) -> int:
        """Return the id of the `kb worker` beside the site, 0 while there is none."""
        return next((pid for pid, told in self.family().items() if " worker --parent" in told), 0)


def _children(parent: int) -> list[int]:
    found: list[int] = []
    for listing in Path(f"/proc/{parent}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, listing.read_text().split())
    return found


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def _alive(pid: int) -> bool:
    """Return whether the process runs; one that ended and was not yet collected does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def eventually(holds: Callable[[], bool], what: str, log: Path) -> None:
    """Return once it holds; fail after PATIENCE_S with the end of the site's log."""
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        if holds():
            return
        time.sleep(0.2)
    pytest.fail(f"not within {PATIENCE_S} s: {what}\n{log.read_text()[-3000:]}")


def pinned(published: Path) -> dict[str, str]:
    """Return the setting that keeps to the published commit, whatever is committed meanwhile."""
    live = open_current(published / "index")
    is_git = live is not None and not live.commit.startswith("folder-")
    return {"KB_ARTICLES_REF": live.commit} if live and is_git else {}


pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")


@pytest.fixture
def site(
    request: pytest.FixtureRequest, published: Path, tmp_path: Path, free_port: Callable[[], int]
) -> Iterator[Site]:
    """Run the site over published articles, by the program that a test gives or `kb serve`;
    whatever is left of it ends with the test.
    """
    data, port, log = tmp_path / "data", free_port(), tmp_path / "log"
    shutil.copytree(published / "index", data / "index")
    (data / "model").symlink_to(published / "model")
    environ = os.environ | {
        "KB_DATA": str(data),
        "KB_ARTICLES": str(ROOT / "articles"),
        "KB_TEMPLATES": str(ROOT / "templates"),
        "KB_PORT": str(port),
        "KB_WORKER_INTERVAL": "1s",
        "KB_WRITE_RATE": "60",
        "KB_NETWORK_RATE": "1",
        **pinned(published),
    }
    with log.open("wb") as out:
        program = ["-c", request.param] if hasattr(request, "param") else ["-m", "kb.cli", "serve"]
        process = subprocess.Popen(
            [sys.executable, *program],
            cwd=ROOT, env=environ, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    running = Site(process, f"http://127.0.0.1:{port}", log, data)
    try:
        eventually(lambda: running.answers() or process.poll() is not None, "an answer", log)
        eventually(lambda: bool(running.companion()), "a worker beside the site", log)
        yield running
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)


def test_the_site_answers_and_stops_cleanly(site: Site) -> None:
    assert site.answers("/healthz")
    assert site.answers("/readyz")
    assert site.answers("/search?q=vpn")
    assert "Live already" in site.log.read_text()
    family = site.family()
    assert len(family) >= 3  # two web processes and the worker
    site.process.send_signal(signal.SIGTERM)
    assert site.process.wait(PATIENCE_S) == 0
    eventually(lambda: not any(map(_alive, family)), "nothing is left", site.log)


def test_web_processes_settle_their_limits_after_the_fork(site: Site) -> None:
    """flask-limiter#190, slowapi#226: a count in memory is multiplied by the processes. How far
    they agree is held in tests/limits; here that those of gunicorn do settle.
    """
    place = f"{site.address}/articles/vpn/connect-to-the-vpn/vote"

    def status() -> int:
        ours = {"Sec-Fetch-Site": "same-origin"}
        vote = urllib.request.Request(place, data=b"helpful=maybe", headers=ours)
        try:
            with urllib.request.urlopen(vote, timeout=10) as page:
                return int(page.status)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code

    turned = True
    while turned:  # of the window, in which another 60 begin
        begun = time.time() // 600
        found = [status() for _ in range(240)]
        turned = time.time() // 600 != begun
    assert 60 <= found.count(200) < 120
    assert set(found) == {200, 429}
    assert set(found[-60:]) == {429}


def test_a_worker_that_dies_is_started_again_and_the_site_goes_on(site: Site) -> None:
    before = site.companion()
    os.kill(before, signal.SIGKILL)
    eventually(lambda: site.companion() not in {0, before}, "a new worker", site.log)
    assert site.answers()


def _token(site: Site) -> str:
    environ = os.environ | {"KB_DATA": str(site.log.with_name("data"))}
    ours = [sys.executable, "-m", "kb.cli", "user"]
    options: dict[str, Any] = {"cwd": ROOT, "env": environ, "capture_output": True, "text": True}
    address, password = "watch@example.org", "correct horse battery staple"
    made = [*ours, "add", address, "--role", "author"]
    subprocess.run(made, input=f"{password}\n{password}\n", check=True, **options)
    given = subprocess.run([*ours, "token", address, "--name", "x"], check=True, **options)
    return str(given.stdout.split()[-1])


def test_whichever_process_answers_tells_of_all_and_of_those_before(site: Site) -> None:
    """Each of several processes told of itself alone, and lost what a replaced one had counted
    (prometheus/client_python#127 and #275, freelawproject/courtlistener#7980,
    netbox-community/netbox#3779).
    """
    asked = urllib.request.Request(
        f"{site.address}/metrics", headers={"Authorization": f"Bearer {_token(site)}"}
    )

    def scraped() -> str:
        with urllib.request.urlopen(asked, timeout=20) as page:
            return str(page.read().decode())

    def counted() -> set[str]:
        found = (line for _ in range(8) for line in scraped().splitlines())
        return {
            line
            for line in found
            if line.startswith('tierzero_http_requests_total{route="reader.about')
        }

    def web() -> set[int]:
        return {pid for pid, told in site.family().items() if " worker " not in told}

    for _ in range(20):
        assert site.answers("/about")
    assert counted() == {'tierzero_http_requests_total{route="reader.about",status="2xx"} 20.0'}
    before = web()
    os.kill(min(before), signal.SIGKILL)
    eventually(lambda: len(web() - before) == 1 and site.answers(), "another process", site.log)
    for _ in range(20):
        assert site.answers("/about")
    assert counted() == {'tierzero_http_requests_total{route="reader.about",status="2xx"} 40.0'}
    names = ("web-0", "web-1", "main", "worker")
    shown = [f'tierzero_process_resident_memory_bytes{{process="{name}"}}' for name in names]
    told = lambda: all(each in text for text in [scraped()] for each in shown)  # noqa: E731
    eventually(told, "figures of every process", site.log)
    lines = [line for line in site.log.read_text().splitlines() if "GET /about 200" in line]
    assert len(lines) == len({line[-17:] for line in lines}) == 40


def test_nothing_is_left_of_a_site_that_is_killed(site: Site) -> None:
    eventually(lambda: len(site.family()) >= 3, "all processes begun", site.log)
    family = site.family()
    site.process.kill()
    eventually(lambda: not any(map(_alive, family)), "all processes ended", site.log)
    assert not site.answers()


# -- damage -------------------------------------------------------------------------------------

HELD = "from kb.cli import main; main(['serve'])"
MAPPED = (  # every file of the index is mapped, as large ones are
    "from search import mapping; mapping.HELD = 0\nfrom kb.cli import main; main(['serve'])"
)


def spoil(path: Path, way: str) -> None:
    """Damage a file, or all of a folder, in place."""
    files = [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
    for file in files:
        if way == "deleted":
            file.unlink()
        elif way == "flipped":
            with file.open("r+b") as out:
                out.write(bytes(byte ^ 0x41 for byte in out.read(20)[::-1]))
        else:
            os.truncate(file, 0 if way == "emptied" else file.stat().st_size // 2)


def is_whole(site: Site, commit: str) -> bool:
    """Return whether the site says that its files are whole, and they are, of that commit."""
    index = site.data / "index"
    try:
        with urllib.request.urlopen(f"{site.address}/readyz", timeout=10) as page:
            told = json.load(page)["checks"]["files"]
        return bool(told["ok"]) and verify(index / current(index)).commit == commit
    except (OSError, SearchError, KeyError):
        return False


@pytest.mark.parametrize(
    ("site", "damage"),
    [
        (HELD, [("LIVE/extra/library.jsonl", "flipped"), ("CURRENT", "deleted")]),
        (MAPPED, [("LIVE/articles.values.npy", "truncated")]),
    ],
    ids=["held", "mapped"],
    indirect=["site"],
)
def test_the_server_outlives_damage_and_mends_it_without_hands(
    site: Site, damage: list[tuple[str, str]]
) -> None:
    index = site.data / "index"
    commit = open_current(index).commit
    first = site.process.pid
    for name, way in damage:
        spoil(index / name.replace("LIVE", current(index)), way)
        for path in ("/search?q=vpn+keeps+dropping", "/articles/vpn/connect-to-the-vpn"):
            site.status(path)  # may be 503, or no answer where the process that was asked died
        assert site.answers("/healthz") or site.answers("/healthz")
        eventually(lambda: is_whole(site, commit), f"mended: {name} {way}", site.log)
        assert site.answers("/search?q=vpn")
        assert site.answers("/tickets/new")
    assert site.process.poll() is None
    assert site.process.pid == first
    assert "is damaged" in site.log.read_text()
    assert "the index is whole again" in site.log.read_text()
