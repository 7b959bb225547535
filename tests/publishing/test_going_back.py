"""`kb publish --rollback`, `--forward`, `--list`, `--force`: what is live is what was asked for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from kb.config.settings import Settings
from kb.errors import PublishRefused
from kb.publishing.publisher import Published, publish
from search.errors import SearchError
from search.index import generation

Live = Callable[..., Published]


def titles(settings: Settings) -> set[str]:
    return set(generation.open_current(settings.generations).documents.ids)


@pytest.fixture
def three(repository: Any, go_live: Live) -> list[str]:
    """Publish three commits; return them, oldest first."""
    commits = [go_live().commit]
    for number in (2, 3):
        repository.write(f"vpn/added-{number}.md")
        repository.commit(f"added {number}")
        commits.append(go_live().commit)
    return commits


def test_a_rollback_goes_back_one_state_and_stays(kb: Any, go_live: Live, three: Any) -> None:
    done = kb("publish", "--rollback")
    assert done.exit_code == 0, done.output
    assert three[1][:12] in done.stderr
    for _ in range(2):
        again = go_live()
        assert (again.commit, again.pinned, again.changed) == (three[1], True, False)


def test_a_rollback_to_a_commit_and_further_back(kb: Any, go_live: Live, three: Any) -> None:
    kb("publish", "--rollback", three[1][:10])
    assert go_live().commit == three[1]
    kb("publish", "--rollback", "1")
    assert go_live().commit == three[0]


def test_something_newer_ends_a_rollback(
    kb: Any, go_live: Live, three: Any, repository: Any
) -> None:
    kb("publish", "--rollback", "2")
    repository.commit("touches no article")
    assert go_live().commit == three[0]  # the articles say nothing new
    repository.write("vpn/mended.md")
    newest = repository.commit("mended")
    live = go_live()
    assert (live.commit, live.pinned) == (newest, False)


def test_forward_ends_a_rollback_at_once_without_building(
    kb: Any, go_live: Live, three: Any, settings: Settings
) -> None:
    before = len(list(settings.generations.glob("gen-*")))
    kb("publish", "--rollback", "2")
    done = kb("publish", "--forward")
    assert done.exit_code == 0, done.output
    assert go_live().commit == three[2]
    assert len(list(settings.generations.glob("gen-*"))) == before
    assert "no rollback" in kb("publish", "--forward").stderr


def test_a_rollback_killed_before_it_points_is_finished_by_the_next_publish(
    kb: Any, go_live: Live, three: Any, settings: Settings
) -> None:
    newest = generation.current(settings.generations)
    kb("publish", "--rollback")
    generation.point(settings.generations, newest)  # as if only the pin had been written
    live = go_live()
    assert (live.commit, live.changed) == (three[1], True)


def test_a_rollback_whose_state_is_lost_is_built_again_from_git(
    kb: Any, go_live: Live, three: Any, settings: Settings
) -> None:
    kb("publish", "--rollback")
    shutil.rmtree(settings.generations / generation.current(settings.generations))
    live = go_live()
    assert (live.commit, live.pinned) == (three[1], True)


def test_the_states_kept_are_listed_and_as_many_as_set(
    kb: Any, go_live: Live, three: Any, repository: Any
) -> None:
    shown = kb("publish", "--list").stdout.splitlines()
    assert [line.split()[-1] == "live" for line in shown] == [True, False, False]
    assert [commit[:12] in line for commit, line in zip(reversed(three), shown, strict=True)]
    repository.write("vpn/fourth.md")
    repository.commit()
    go_live(keep_generations=2)
    assert len(kb("publish", "--list").stdout.splitlines()) == 2


@pytest.mark.parametrize("to", ["9", "0", "abcdef123456", "x"])
def test_a_state_that_is_not_kept_is_refused(kb: Any, three: Any, to: str) -> None:
    done = kb("publish", "--rollback", to)
    assert done.exit_code == 1
    assert "kb publish --list" in done.stderr


def test_a_damaged_state_is_not_gone_back_to(
    kb: Any, three: Any, settings: Settings, go_live: Live
) -> None:
    folder = sorted(settings.generations.glob("gen-*"))[1]
    (folder / "synonyms.json").write_text("{ }")
    done = kb("publish", "--rollback")
    assert done.exit_code == 1
    assert "damaged" in done.stderr
    assert go_live().commit == three[2]


def test_two_wishes_at_once_are_refused(kb: Any) -> None:
    assert kb("publish", "--rollback", "1", "--forward").exit_code == 2


# -- the gate -----------------------------------------------------------------------------------


def lose_most(repository: Any) -> str:
    for path in ("vpn/connect.md", "vpn/drops.md", "mail/quota.md"):
        (repository.folder / path).unlink()
    found: str = repository.commit("the wrong branch")
    return found


def test_losing_more_than_half_is_refused_until_it_is_meant(
    kb: Any, go_live: Live, repository: Any, settings: Settings
) -> None:
    first = go_live().commit
    bad = lose_most(repository)
    for _ in range(2):
        done = kb("publish")
        assert done.exit_code == 3
        assert "3 of 4" in done.stderr
        assert "kb publish --force" in done.stderr
        assert generation.open_current(settings.generations).commit == first
    assert kb("publish", "--force").exit_code == 0
    assert generation.open_current(settings.generations).commit == bad
    assert kb("publish").exit_code == 0


def test_a_refusal_is_remembered_and_not_built_again(
    go_live: Live, repository: Any, settings: Settings
) -> None:
    go_live()
    lose_most(repository)
    for reading in (True, False):
        seen: list[str] = []
        with pytest.raises(PublishRefused):
            publish(settings, progress=lambda stage, *_, seen=seen: seen.append(stage))
        assert ("read" in seen) is reading


def test_a_refusal_is_told_where_operators_and_authors_look(
    client: FlaskClient, signed_in: Any, go_live: Live, repository: Any
) -> None:
    assert client.get("/readyz").get_json()["checks"]["publishing"]["ok"] is True
    bad = lose_most(repository)
    with pytest.raises(PublishRefused):
        go_live()
    check = client.get("/readyz").get_json()["checks"]["publishing"]
    assert check["ok"] is False
    assert "3 of 4" in check["detail"]
    assert client.get("/readyz").status_code == 200
    page = signed_in("author").get("/authors/publishing")
    assert bad[:12] in page.text
    assert "3 of 4" in page.text
    told = client.get("/api/v1/publishing").get_json()
    assert told["live"] is False
    assert "3 of 4" in told["refused"]


def test_moving_articles_loses_none(go_live: Live, repository: Any) -> None:
    go_live()
    repository.git("mv", "vpn", "network")
    repository.git("mv", "mail", "post")
    moved = repository.commit("moved")
    assert go_live().commit == moved


def test_what_is_not_on_disk_as_it_was_written_is_never_pointed_to(
    go_live: Live, repository: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is the boundary: one that loses the end of a file when it is told to keep it."""
    first = go_live().commit
    repository.write("vpn/new.md")
    repository.commit()
    flush = os.fsync

    def lose(handle: int) -> None:
        flush(handle)
        name = os.readlink(f"/proc/self/fd/{handle}")
        if name.endswith("manifest.json"):
            words = Path(name).with_name("synonyms.json")
            words.write_text("")

    monkeypatch.setattr(os, "fsync", lose)
    with pytest.raises(SearchError, match="damaged"):
        go_live()
    monkeypatch.undo()
    assert generation.open_current(settings.generations).commit == first
    assert go_live().commit != first
