"""`kb serve` as a process: it answers, ends whole, and keeps its worker alive."""

from __future__ import annotations

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

from search.generation import open_current

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 90  # for machines that are busy; nothing here measures time


@dataclass
class Site:
    """A running site and where it is."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path

    def answers(self, path: str = "/healthz") -> bool:
        """Return whether the page is there."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=10) as page:
                return bool(page.status == 200)
        except (urllib.error.URLError, OSError):
            return False

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
def site(published: Path, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Site]:
    """Run the site over published articles; whatever is left of it ends with the test."""
    data, port, log = tmp_path / "data", free_port(), tmp_path / "log"
    shutil.copytree(published / "index", data / "index")
    (data / "model").symlink_to(published / "model")
    environ = os.environ | {
        "KB_DATA": str(data),
        "KB_ARTICLES": str(ROOT / "articles"),
        "KB_TEMPLATES": str(ROOT / "templates"),
        "KB_PORT": str(port),
        "KB_WORKER_INTERVAL": "1s",
        **pinned(published),
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "kb.cli", "serve"],
            cwd=ROOT, env=environ, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    running = Site(process, f"http://127.0.0.1:{port}", log)
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
