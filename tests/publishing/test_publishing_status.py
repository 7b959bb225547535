"""What pipelines, staff and authors are told about a publish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from kb.app import create_app
from kb.config.settings import Settings
from kb.errors import BranchGone, ContentError
from kb.publishing.publisher import Published, publish
from kb.publishing.state import library_of
from kb.scheduler import Worker
from kb.schema import outbox
from kb.services import Services, build

Live = Callable[..., Published]
BROKEN = "---\n- not a mapping\n---\n"


def status(client: FlaskClient, commit: str = "") -> dict[str, Any]:
    answer = client.get(f"/api/v1/publishing?commit={commit}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def test_a_pipeline_sees_its_commit_go_live(
    client: FlaskClient, repository: Any, go_live: Live
) -> None:
    first = status(client)["commit"]
    repository.write("vpn/new.md")
    commit = repository.commit()
    assert status(client, commit)["live"] is False
    go_live()
    for asked in (commit, commit[:10], commit.upper(), first, ""):
        assert status(client, asked)["live"] is True
    assert status(client)["commit"] == commit
    assert status(client, "0" * 40)["live"] is False


def test_a_commit_counts_that_was_published_with_later_ones_or_changed_nothing(
    client: FlaskClient, repository: Any, go_live: Live
) -> None:
    repository.write("vpn/one.md")
    covered = repository.commit()
    repository.write("vpn/two.md")
    repository.commit()
    go_live()
    assert status(client, covered)["live"] is True
    generation = status(client)["generation"]
    empty = [repository.commit(f"nothing {n}") for n in range(3)]
    go_live()
    assert all(status(client, commit)["live"] for commit in empty)
    assert status(client)["commit"] == empty[-1]
    assert status(client)["generation"] == generation


def test_a_rollback_is_told(client: FlaskClient, repository: Any, go_live: Live, kb: Any) -> None:
    first = status(client)["commit"]
    repository.write("vpn/one.md")
    commit = repository.commit()
    go_live()
    kb("publish", "--rollback")
    for _ in range(2):
        told = status(client, commit)
        assert (told["live"], told["rolled_back"], told["commit"]) == (False, True, first)
        go_live()


def test_a_commit_whose_article_is_refused_is_not_live(
    client: FlaskClient, repository: Any, go_live: Live
) -> None:
    good = repository.commit("nothing")
    whole = (repository.folder / "vpn" / "connect.md").read_text("utf-8")
    (repository.folder / "vpn" / "connect.md").write_text(BROKEN)
    broken = repository.commit()
    repository.write("vpn/other.md")
    beside = repository.commit()
    (repository.folder / "vpn" / "connect.md").write_text(BROKEN + "\nagain\n")
    again = repository.commit()
    go_live()
    for commit, live in ((good, True), (broken, False), (beside, True), (again, False)):
        told = status(client, commit)
        assert (told["live"], told["withheld"]) == (live, not live)
    (repository.folder / "vpn" / "connect.md").write_text(whole + "\nMended.\n")
    mended = repository.commit()
    go_live()
    for commit in (good, broken, again, mended):  # superseded, as part of a later one
        assert status(client, commit)["live"] is True


def test_a_commit_whose_article_waits_for_its_time_is_live_when_that_comes(
    client: FlaskClient, repository: Any, go_live: Live
) -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    repository.write("vpn/later.md", publish_at=noon.isoformat())
    commit = repository.commit()
    repository.write("vpn/hidden.md", status="draft")
    draft = repository.commit()
    go_live(noon - timedelta(hours=1))
    assert (status(client, commit)["live"], status(client, commit)["withheld"]) == (False, True)
    assert client.get("/articles/vpn/later").status_code == 404
    assert status(client, draft)["live"] is True  # it asked for no more
    go_live(noon + timedelta(minutes=1))
    assert status(client, commit)["live"] is True
    assert client.get("/articles/vpn/later").status_code == 200


def test_a_process_that_still_shows_the_state_before_says_so(
    settings: Settings, client: FlaskClient, parts: Services, repository: Any, go_live: Live
) -> None:
    """What the last publish noted is of no use where its generation is not what is shown."""
    repository.write("vpn/new.md")
    commit = repository.commit()
    before = parts.engine.generation
    go_live()
    assert status(client, commit)["live"] is True
    still = replace(parts, engine=Stuck(before), library=parts.library)
    shown = create_app(services=replace(still, library=lambda: library_of(before)))
    told = status(shown.test_client(), commit)
    assert (told["live"], told["commit"]) == (False, before.commit)
    assert status(shown.test_client())["live"] is False
    torn = create_app(services=replace(parts, library=lambda: library_of(before)))
    assert status(torn.test_client(), commit)["live"] is False  # its articles are those of before


class Stuck:
    """An engine that could not open what is newer."""

    def __init__(self, generation: Any) -> None:
        self.generation = generation


def test_a_branch_that_is_gone_is_told_everywhere(
    client: FlaskClient, signed_in: Any, repository: Any, go_live: Live
) -> None:
    """swampratnz/community-agent#467: the checks were green while nothing was done any more."""
    repository.git("branch", "live")
    go_live(articles_ref="live")
    commit = status(client)["commit"]
    repository.git("branch", "-D", "live")
    with pytest.raises(BranchGone):
        go_live(articles_ref="live")
    check = client.get("/readyz").get_json()["checks"]["publishing"]
    assert check["ok"] is False
    assert "branch" in check["detail"]
    assert str(repository.folder) not in str(check)  # the way there is for staff
    assert client.get("/readyz").status_code == 200
    page = signed_in("author").get("/authors/publishing")
    assert "has no branch, tag or commit “live”" in page.text
    told = status(client, commit)
    assert told["live"] is True  # that commit is what readers get, and stays so
    assert status(client)["live"] is False  # what would be the newest nobody knows
    assert "branch" in told["trouble"]
    repository.git("branch", "live")
    go_live(articles_ref="live")
    assert client.get("/readyz").get_json()["checks"]["publishing"]["ok"] is True
    assert "has no branch" not in signed_in("author").get("/authors/publishing").text


def test_a_partial_clone_is_refused_in_a_sentence(
    repository: Any, tmp_path: Path, kb: Any, go_live: Live
) -> None:
    repository.git("config", "uploadpack.allowFilter", "true")
    source, clone = f"file://{repository.folder}", tmp_path / "partial"
    repository.git("clone", "-q", "--no-checkout", "--filter=blob:none", source, str(clone))
    with pytest.raises(ContentError, match="partial clone and lacks files") as caught:
        go_live(articles=clone)
    assert "--filter" in caught.value.hint
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("commit", ["main", "abc", "../x", "0" * 65, "é" * 8])
def test_what_is_no_commit_is_refused(client: FlaskClient, commit: str) -> None:
    answer = client.get("/api/v1/publishing", query_string={"commit": commit})
    assert answer.status_code == 422
    assert "commit" in answer.get_json()["error"]["fields"]


def test_problems_are_listed_for_staff_alone(
    client: FlaskClient, signed_in: Any, repository: Any, go_live: Live
) -> None:
    (repository.folder / "vpn" / "connect.md").write_text(BROKEN)
    repository.commit()
    go_live()
    told = status(client)
    assert told["problem_count"] >= 1
    assert told["problems"] == []
    [problem] = [p for p in status(signed_in("author"))["problems"] if p["refused"]]
    assert problem["path"] == "vpn/connect.md"
    page = signed_in("author").get("/authors/publishing")
    assert "vpn/connect.md" in page.text
    assert "this version is not live" in page.text
    assert client.get("/authors/publishing").status_code == 302
    assert signed_in("reader").get("/authors/publishing").status_code == 403
    assert client.get("/articles/vpn/connect").status_code == 200  # the last good version


# -- letters ------------------------------------------------------------------------------------


def letters(parts: Services) -> list[tuple[str, str]]:
    with parts.db.read() as connection:
        rows = connection.execute(sa.select(outbox.c.payload).order_by(outbox.c.created_at))
        return [(row.payload["to"], row.payload["subject"]) for row in rows]


@pytest.fixture
def desk(settings: Settings, database_url: str, go_live: Live) -> Any:
    """Return the parts over each kind of database."""
    go_live()
    made = build(replace(settings, database_url=database_url))
    yield made
    made.db.close()


def tell(parts: Services) -> None:
    Worker(parts)._tell_authors(datetime.now(UTC))


def test_the_author_of_a_bad_commit_is_told_once(
    desk: Services, repository: Any, go_live: Live
) -> None:
    (repository.folder / "vpn" / "connect.md").write_text(BROKEN)
    repository.commit(author="ben@example.org")
    go_live()
    repository.write("vpn/meanwhile.md")
    repository.commit(author="eve@example.org")
    go_live()  # before anybody was told
    for _ in range(3):
        tell(desk)
    assert letters(desk) == [("ben@example.org", "Tier Zero: vpn/connect.md needs another look")]
    (repository.folder / "vpn" / "connect.md").write_text(BROKEN + "\nagain\n")
    repository.commit(author="eve@example.org")
    go_live()
    tell(desk)
    assert [to for to, _ in letters(desk)] == ["ben@example.org", "eve@example.org"]


def test_what_was_wrong_before_is_told_to_nobody(
    settings: Settings, repository: Any, tmp_path: Path, desk: Services, go_live: Live
) -> None:
    (repository.folder / "vpn" / "connect.md").write_text(BROKEN)
    repository.commit()
    fresh = replace(settings, data=tmp_path / "fresh")
    publish(fresh, progress=lambda *_: None)
    other = replace(desk, engine=build(fresh).engine)
    tell(other)
    assert letters(desk) == []


def test_small_findings_are_not_worth_a_letter_and_hidden_articles_are(
    desk: Services, repository: Any, go_live: Live
) -> None:
    repository.write("vpn/link.md", body="[nowhere](nowhere.md)")
    repository.write("vpn/hidden.md", status="readdy")
    repository.commit()
    live = go_live()
    assert {p.path for p in live.problems} == {"vpn/link.md", "vpn/hidden.md"}
    tell(desk)
    assert [subject for _, subject in letters(desk)] == [
        "Tier Zero: vpn/hidden.md needs another look"
    ]


def test_letters_can_be_switched_off(desk: Services, repository: Any, go_live: Live) -> None:
    (repository.folder / "vpn" / "connect.md").write_text(BROKEN)
    repository.commit()
    go_live()
    tell(replace(desk, settings=replace(desk.settings, author_mail=False)))
    assert letters(desk) == []


def test_the_letter_says_what_and_where(desk: Services, repository: Any, go_live: Live) -> None:
    (repository.folder / "vpn" / "connect.md").write_text(BROKEN)
    commit = repository.commit()
    go_live()
    tell(desk)
    with desk.db.read() as connection:
        [payload] = connection.scalars(sa.select(outbox.c.payload))
    assert commit[:12] in payload["text"]
    assert "vpn/connect.md" in payload["text"]
    assert "http://localhost/authors/publishing" in payload["text"]
    assert create_app(services=desk).url_map.bind("localhost").match("/authors/publishing")
