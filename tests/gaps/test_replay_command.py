"""`kb replay`: what it prints, what it leaves alone, how it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kb.accounts.roles import Viewer
from kb.analytics import jobs as analytics_jobs
from kb.cli.main import main
from kb.config.settings import load
from kb.leases import hold
from kb.publishing.publisher import publish
from kb.services import Services, build
from search.types import Query
from tests.publishing.conftest import Repository

ROOT = Path(__file__).resolve().parents[2]
VPN = "The tunnel drops every few minutes. Set the adapter's power saving to off, then reconnect."


@pytest.fixture
def answered(tmp_path: Path) -> Iterator[tuple[Services, str]]:
    """A site on which two people failed in the same words, one in others, and the commit since."""
    repository = Repository(tmp_path / "repository")
    for path in ("mail/quota.md", "print/jam.md", "wifi/guest.md"):
        repository.write(path)
    repository.commit()
    settings = load(
        {}, articles=repository.folder, data=tmp_path / "data", templates=ROOT / "templates",
        semantic="off", k_anonymity=2,
    )  # fmt: skip
    publish(settings, progress=lambda *_: None)
    parts = build(settings)
    parts.db.migrate()
    now = datetime.now(UTC)
    parts.replaying.run(now)
    for words, who in (("tunnel drops", "a"), ("Tunnel drops", "b"), ("tunnel reconnect", "c")):
        parts.asker.ask(Viewer(visitor=who), Query(words), surface="page", now=now)
    parts.recorder.flush()
    analytics_jobs.close_episodes(parts.db, settings, now + timedelta(days=2))
    repository.write("vpn/drops.md", "Tunnel drops", VPN)
    commit = repository.commit()
    publish(settings, progress=lambda *_: None, force=True)
    yield parts, commit
    parts.db.close()


@pytest.fixture
def kb(
    answered: tuple[Services, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Result]:
    """Return a function that runs `kb` for that site."""
    monkeypatch.chdir(tmp_path)
    settings = answered[0].settings
    environment: dict[str, Any] = {
        "KB_ARTICLES": str(settings.articles), "KB_DATA": str(settings.data),
        "KB_TEMPLATES": str(settings.templates), "KB_SEMANTIC": "off", "KB_K_ANONYMITY": "2",
    }  # fmt: skip
    return lambda *words: CliRunner().invoke(main, ["replay", *words], env=environment)


def test_it_tells_what_a_commit_answers_and_hides_what_few_asked(
    kb: Callable[..., Result], answered: tuple[Services, str]
) -> None:
    commit = answered[1][:12]
    trial = kb("--dry-run")
    assert trial.exit_code == 0, trial.output
    assert f"{commit}  vpn/drops  (3 people)" in trial.stdout
    done = kb()
    assert done.stdout == trial.stdout  # nothing was written the first time
    assert "    Tunnel drops  (2 people)\n" in done.stdout
    assert "and 1 asked by fewer than 2 people each" in done.stdout
    assert "reconnect" not in done.output
    assert "3 failed searches asked again" in done.stderr
    assert kb().stdout == ""
    patch = kb("--patch").stdout
    assert "+++ b/vpn/drops.md" in patch
    assert "+  - Tunnel drops\n" in patch


def test_for_programs_it_speaks_json(kb: Callable[..., Result]) -> None:
    found = json.loads(kb("--dry-run", "--format", "json").stdout)
    assert (found["asked"], found["left"]) == (3, 0)
    [one] = found["answered"]
    assert one["questions"] == [{"words": "Tunnel drops", "people": 2}]


def test_only_later_searches_are_asked_when_that_is_wanted(kb: Callable[..., Result]) -> None:
    assert "0 failed searches" in kb("--dry-run", "--since", "2999-01-01").stderr
    assert "3 failed searches" in kb("--dry-run", "--since", "2020-01-01").stderr
    wrong = kb("--since", "yesterday")
    assert wrong.exit_code == 1
    assert "Error: --since cannot be 'yesterday'." in wrong.stderr


def test_it_waits_for_the_worker(kb: Callable[..., Result], answered: tuple[Services, str]) -> None:
    now = datetime.now(UTC)
    hold(answered[0].db, "answers", owner="a worker", now=now, ttl=timedelta(minutes=1))
    refused = kb()
    assert refused.exit_code == 1
    assert "A worker asks them at this moment." in refused.stderr
