"""A served site that is killed while it records loses nothing that it thanked for."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.killing import kill, lost
from tests.e2e.test_serve import pinned

TIMES = 3  # on each kind of database; `python -m benchmarks.killing` kills a hundred times


def test_a_killed_site_keeps_what_people_said(
    published: Path, tmp_path: Path, database_url: str
) -> None:
    data = tmp_path / "data"
    shutil.copytree(published / "index", data / "index")
    (data / "model").symlink_to(published / "model")
    kept, _ = kill(data, database_url, TIMES, after=(15, 30), **pinned(published))
    assert kept.votes
    assert kept.solved
    missing = lost(data, database_url, kept)
    assert missing.said == 0
    assert missing.sound
