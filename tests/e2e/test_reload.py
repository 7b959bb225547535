"""SIGHUP to `kb serve`: the settings as they are now, or those of before; no request is lost."""

from __future__ import annotations

import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kb import health
from tests.e2e.test_serve import PATIENCE_S, ROOT, Site, eventually, running

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
SETTINGS = 'site_name = "{name}"\nport = {port}\ndata = "data"\narticles = "articles"\n'


@pytest.fixture
def site(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Site]:
    """Run a site of one article from a settings file."""
    port, log = free_port(), tmp_path / "log"
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "door.md").write_text("---\ntitle: Doors\nsummary: D.\n---\n\nText.\n")
    (tmp_path / "kb.toml").write_text(SETTINGS.format(name="First", port=port))
    (tmp_path / "secret").write_text("s" * 40)
    environ = os.environ | {
        "KB_SEMANTIC": "off", "KB_TEMPLATES": str(ROOT / "templates"), "KB_WORKER_INTERVAL": "1s",
        "KB_SECRET_KEY_FILE": str(tmp_path / "secret"), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    with running(tmp_path, environ, port, log, tmp_path) as served:
        yield served


def _page(site: Site) -> str:
    with urllib.request.urlopen(f"{site.address}/about", timeout=30) as page:
        return str(page.read().decode())


def _change(site: Site, text: str) -> None:
    (site.log.parent / "kb.toml").write_text(text)
    site.process.send_signal(signal.SIGHUP)


def _beat(site: Site) -> float:
    """Return when a worker last said that it lives, in epoch seconds; 0 for never."""
    return max((file.stat().st_mtime for file in site.data.rglob(health.FILE)), default=0.0)


# benoitc/gunicorn#2449, benoitc/gunicorn#2524, benoitc/gunicorn#3353
def test_settings_are_read_again_and_bad_ones_leave_those_of_before(site: Site) -> None:
    port = site.address.rpartition(":")[2]
    before, failed, ended = site.companion(), [], threading.Event()

    def ask() -> None:
        while not ended.is_set():
            try:
                _page(site)
            except (urllib.error.URLError, OSError) as problem:
                failed.append(problem)

    assert "First" in _page(site)
    reader = threading.Thread(target=ask)
    reader.start()
    try:
        _change(site, SETTINGS.format(name="Second", port=port))
        eventually(lambda: "Second" in _page(site) and "First" not in _page(site), "new", site.log)
        eventually(lambda: site.companion() not in {0, before}, "a new worker", site.log)
        begun = time.time()  # it reads its settings a moment later, and then it beats
        eventually(lambda: _beat(site) > begun, "a round of the new worker", site.log)
    finally:
        ended.set()
        reader.join()
    assert failed == []
    worker = site.companion()
    for text, said in (
        ('site_nam = "Third"\n', "site_nam in kb.toml is unknown"),
        (SETTINGS.format(name="Third", port=1), "port cannot change while the site runs"),
        ("not toml", "not valid TOML"),
    ):
        _change(site, text)
        eventually(lambda said=said: said in site.log.read_text(), said, site.log)
        eventually(site.answers, "an answer", site.log)
    assert "Second" in _page(site)
    assert site.companion() == worker
    assert "Traceback" not in site.log.read_text()
    site.process.send_signal(signal.SIGTERM)
    assert site.process.wait(PATIENCE_S) == 0
