"""A site for a measurement: `kb serve` on a free port over the shipped articles."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 300.0  # the first start prepares the model


@dataclass(frozen=True)
class Site:
    """A served site; its process leads its own process group, so that all of it can be killed."""

    url: str
    process: subprocess.Popen[bytes]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(data: Path, **settings: str) -> tuple[Site, float]:
    """Return a site over the folder `data` and the seconds to its first answered search."""
    port = free_port()
    given = {
        "KB_DATA": str(data),
        "KB_ARTICLES": str(ROOT / "articles"),
        "KB_TEMPLATES": str(ROOT / "templates"),
        "KB_PORT": str(port),
        "KB_PUBLISH_INTERVAL": "off",
        "KB_SEARCH_RATE": "100000",
        "KB_SUGGEST_RATE": "100000",
        "KB_WRITE_RATE": "100000",
        "KB_TICKET_RATE": "100000",
    }
    environment = {k: v for k, v in os.environ.items() if not k.startswith("KB_")}
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "kb.cli", "serve"],
        env=environment | given | settings,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    _wait(f"{url}/search?q=password", process)
    return Site(url, process), time.monotonic() - began


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return once the page is answered; RuntimeError when the site ends or PATIENCE_S is over."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=10):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError("the site did not start; run `kb serve` to see why")
