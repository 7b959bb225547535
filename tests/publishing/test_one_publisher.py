"""One publisher at a time, whoever else tries and whoever is killed."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from kb.config.settings import Settings
from kb.publishing.state import LOCK, publish_lock
from search.index import generation

PUBLISH = """
from datetime import UTC, datetime
from kb.config.settings import load
from kb.publishing.publisher import publish
live = publish(load(), progress=lambda *_: None, now=datetime.now(UTC))
print(live.commit, live.changed)
"""


def publisher(settings: Settings, **more: str) -> subprocess.Popen[str]:
    """Start a publish in a process of its own."""
    told = {"KB_ARTICLES": str(settings.articles), "KB_DATA": str(settings.data)}
    return subprocess.Popen(
        [sys.executable, "-c", PUBLISH],
        env=os.environ | told | {"KB_SEMANTIC": "off"} | more,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_publishers_at_the_same_time_wait_for_each_other(
    settings: Settings, repository: Any
) -> None:
    head = repository.git("rev-parse", "HEAD")
    told = [each.communicate(timeout=120)[0].split() for each in
            [publisher(settings) for _ in range(3)]]  # fmt: skip
    assert [commit for commit, _ in told] == [head] * 3
    assert sorted(changed for _, changed in told) == ["False", "False", "True"]
    assert len(generation.newest_first(settings.generations)) == 1


def test_a_git_that_outlives_its_killed_publisher_is_waited_for(
    settings: Settings, repository: Any, tmp_path: Path
) -> None:
    """A wrapper stands in for git on the path: its fetch ends when the test says so."""
    started, go, ended = (tmp_path / name for name in ("started", "go", "ended"))
    os.mkfifo(go)
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f"#!/bin/sh\ntouch {started}\nread _ < {go}\ntouch {ended}\n")
    wrapper.chmod(0o755)
    path = f"{wrapper.parent}:{os.environ['PATH']}"
    one = publisher(settings, KB_ARTICLES_REMOTE=str(repository.folder), PATH=path)
    while not started.exists():
        assert one.poll() is None
        time.sleep(0.02)
    one.send_signal(signal.SIGKILL)
    one.wait()
    with (settings.data / LOCK).open("w") as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    go.write_text("\n")
    with publish_lock(settings.data):
        assert ended.exists()
    one.communicate()
