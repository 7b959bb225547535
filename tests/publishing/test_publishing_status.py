"""What pipelines, staff and authors are told about a publish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from kb.app import create_app
from kb.config import Settings
from kb.lookup.publish import Published, publish
from kb.schema import outbox
from kb.wiring import Services, build
from kb.worker import Worker

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
