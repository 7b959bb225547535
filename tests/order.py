"""The order in which several processes take the files of tests, whole files at a time.

Long ones that need no model come first, while the models are made, then those that need it, and at
the end what is short, so that no process is left alone with a long one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# The files that take longest, the longest first (`pytest --durations=100`); after them those with
# the most tests. Charts of the reports come some files after the demonstration that they look at.
SLOW = [
    "e2e/test_looks",
    "e2e/test_serve",
    "e2e/test_report_looks",
    "gaps/test_replay",
    "e2e/test_killed",
    "publishing/test_canary_matrix",
    "demo/test_demonstration",
    "e2e/test_answered",
    "gaps/test_diagnosis",
    "e2e/test_report_charts",
    "web/test_addresses",
    "e2e/test_preview_screen",
    "e2e/test_story",
    "analytics/test_report_pages",
    "web/test_secrets_never_kept",
    "e2e/test_owned_files",
    "content/test_hostile_repository",
    "tracking/test_recording",
    "accounts/test_settling",
    "search/test_search_scripts",
    "search/test_search_benchmarks",
    "content/test_killable_rendering",
    "search/test_search_generation",
    "e2e/test_read_only",
    "e2e/test_reload",
    "gaps/test_subscriptions",
    "scheduler/test_clocks",
    "architecture/test_commands",
    "tickets/test_desk_workers",
    "architecture/test_data_of_before",
    "analytics/test_any_order",
    "publishing/test_branch_previews",
    "scheduler/test_rounds",
    "tickets/test_desk_queue",
    "authoring/test_preview_site",
    "content/test_importing",
    "analytics/test_rates",
    "e2e/test_silence",
    "architecture/test_style",
    "architecture/test_imports",
    "e2e/test_body_looks",
    "e2e/test_behind_nginx",
    "e2e/test_digest_looks",
]


def in_order(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return the tests in that order; those of a file stay as they were."""
    files: dict[Path, list[pytest.Item]] = defaultdict(list)
    for item in items:
        files[item.path].append(item)
    first = sorted(files, key=lambda file: _place(file, files[file]))
    return [item for file in first for item in files[file]]


def needs_model(item: pytest.Item) -> bool:
    """Return whether a test waits for the models."""
    return "model" in getattr(item, "fixturenames", ())


def _place(file: Path, items: Sequence[pytest.Item]) -> tuple[int, int, int]:
    name = file.relative_to(ROOT / "tests").with_suffix("").as_posix()
    place = SLOW.index(name) if name in SLOW else len(SLOW)
    waits = 2 * sum(map(needs_model, items)) > len(items)
    return 1 if waits else 0 if name in SLOW else 2, place, -len(items)
