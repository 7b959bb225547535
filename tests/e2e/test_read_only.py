"""A container as strict ones are: nothing writable but the data folder, no home, another user.

What others met: benoitc/gunicorn#2859, benoitc/gunicorn#1215,
meeb/tubesync#458, CTFd/CTFd#1003.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import missing

ROOT = Path(__file__).resolve().parents[2]
NO_NAME = 61234  # an account that is in no list
PATIENCE_S = 120  # for machines that are busy; nothing here measures time
ARTICLE = """---
title: Open the {0} door
summary: The {0} door opens with the badge.
language: en
collection: doors
---

## Resolution

Hold the badge to the reader.
"""


@pytest.fixture(scope="module")
def articles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository that belongs to somebody else, where the tests may give it away."""
    folder = tmp_path_factory.mktemp("articles")
    (folder / "doors").mkdir()
    for name in ("front", "back"):
        (folder / "doors" / f"{name}.md").write_text(ARTICLE.format(name))
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for words in (("init", "-q"), ("add", "."), (*who, "commit", "-qm", "Doors")):
        subprocess.run(["git", "-C", folder, *words], check=True)
    for place in (folder, *folder.rglob("*")):
        place.chmod(0o755 if place.is_dir() else 0o644)
        if os.geteuid() == 0:
            os.chown(place, 4321, 4321)
    return folder


def _inside(data: Path, articles: Path, *, writable: bool = True) -> list[str]:
    """Return what runs a command where only the data folder may be written, as somebody without a
    name or a home.
    """
    if shutil.which("bwrap") is None:
        missing("bwrap")
    if subprocess.run(["bwrap", "--unshare-user", "--ro-bind", "/", "/", "true"]).returncode:
        pytest.skip("this machine lets nobody make a user namespace")
    bound = ["--bind" if writable else "--ro-bind", str(data), "/srv"]
    return ["bwrap", "--unshare-user", "--uid", str(NO_NAME), "--gid", str(NO_NAME),
            "--ro-bind", "/", "/", *bound, "--ro-bind", str(articles), "/opt",
            "--ro-bind", str(ROOT), "/mnt", "--dev", "/dev", "--remount-ro", "/dev",
            "--proc", "/proc", "--die-with-parent", "--chdir", "/", "--"]  # fmt: skip


def _environ(port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"], "PYTHONPATH": "/mnt", "PYTHONDONTWRITEBYTECODE": "1",
        "KB_DATA": "/srv", "KB_ARTICLES": "/opt", "KB_TEMPLATES": "/mnt/templates",
        "KB_SEMANTIC": "off", "KB_PORT": str(port), "KB_WORKER_INTERVAL": "1s",
    }  # fmt: skip


def _get(address: str) -> str:
    try:
        with urllib.request.urlopen(address, timeout=10) as page:
            return str(page.read().decode())
    except (urllib.error.URLError, OSError):
        return ""


def test_the_site_runs_where_only_its_data_folder_can_be_written(
    tmp_path: Path, articles: Path, free_port: Callable[[], int]
) -> None:
    data, log, port = tmp_path / "data", tmp_path / "log", free_port()
    data.mkdir()
    command = [*_inside(data, articles), sys.executable, "-m", "kb.cli", "serve"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env=_environ(port), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        ends = time.monotonic() + PATIENCE_S
        while not _get(f"{address}/readyz") and process.poll() is None:
            assert time.monotonic() < ends, log.read_text()
            time.sleep(0.2)
        assert "Open the front door" in _get(f"{address}/search?q=front+door"), log.read_text()
        assert "Open the back door" in _get(f"{address}/articles/doors/back"), log.read_text()
        while '"publishing"' not in _get(f"{address}/readyz"):
            assert time.monotonic() < ends, log.read_text()
        time.sleep(3)  # a few rounds of the worker
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(PATIENCE_S)
    told = log.read_text()
    assert "Traceback" not in told
    assert "ERROR" not in told
    assert "ermission denied" not in told


def test_a_data_folder_that_cannot_be_written_is_one_plain_message(
    tmp_path: Path, articles: Path, free_port: Callable[[], int]
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    command = [*_inside(data, articles, writable=False), sys.executable, "-m", "kb.cli"]
    for words in (["serve"], ["worker", "--once"], ["migrate"]):
        done = subprocess.run(
            [*command, *words], env=_environ(free_port()), capture_output=True, text=True,
            timeout=PATIENCE_S,
        )  # fmt: skip
        assert done.returncode in {2, 4}, done.stderr
        assert "Traceback" not in done.stderr
        said, hint = done.stderr.strip().splitlines()[-2:]
        assert said.startswith("Error: The ")
        assert "KB_DATA" in hint or "written" in hint
