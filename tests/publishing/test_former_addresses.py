"""Moved articles are found by their old address, removed ones say so: from Git, so it survives."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kb.app import create_app
from kb.config.settings import Settings
from kb.content.sources.source import FileChange, FormerFile, former_files
from kb.publishing.publisher import Published, publish
from kb.services import Services, build

Live = Callable[..., Published]
PATHS = st.sampled_from("abcdef")


def follow(client: FlaskClient, slug: str) -> tuple[int, str]:
    answer = client.get(f"/articles/{slug}")
    return answer.status_code, answer.headers.get("Location", "")


def test_a_renamed_article_is_found_by_its_old_address(
    repository: Any, go_live: Live, client: FlaskClient
) -> None:
    repository.git("mv", "vpn/connect.md", "vpn/get-connected.md")
    repository.commit()
    go_live()
    assert follow(client, "vpn/connect") == (301, "/articles/vpn/get-connected")
    assert follow(client, "VPN/Connect/") == (301, "/articles/vpn/get-connected")


def test_chains_are_collapsed_and_survive_a_lost_data_folder(
    repository: Any, go_live: Live, client: FlaskClient, settings: Settings, tmp_path: Path
) -> None:
    for before, after in [("connect", "second"), ("second", "third"), ("third", "last")]:
        repository.git("mv", f"vpn/{before}.md", f"vpn/{after}.md")
        repository.commit()
        go_live()
    repository.git("rm", "-q", "mail/quota.md")
    repository.commit()
    go_live()
    fresh = replace(settings, data=tmp_path / "fresh", publish_interval=None)
    publish(fresh, progress=lambda *_: None)
    other = build(fresh)
    again = create_app(services=other).test_client()
    for reader in (client, again):
        for name in ("connect", "second", "third"):
            assert follow(reader, f"vpn/{name}") == (301, "/articles/vpn/last")
        assert follow(reader, "mail/quota")[0] == 410
        assert follow(reader, "mail/never")[0] == 404
    other.db.close()


def test_a_name_that_is_used_again_wins(
    repository: Any, go_live: Live, client: FlaskClient
) -> None:
    repository.git("mv", "vpn/connect.md", "vpn/moved.md")
    repository.commit()
    go_live()
    repository.write("vpn/connect.md", "Quite another thing", body="zebra " * 50)
    repository.commit()
    go_live()
    assert follow(client, "vpn/connect") == (200, "")


def test_an_alias_goes_before_what_git_found(
    repository: Any, go_live: Live, client: FlaskClient
) -> None:
    repository.git("mv", "vpn/connect.md", "vpn/moved.md")
    repository.write("mail/other.md", aliases="[vpn/connect]")
    repository.commit()
    go_live()
    assert follow(client, "vpn/connect") == (301, "/articles/mail/other")


def test_a_moved_and_then_removed_article_is_gone_at_both_addresses(
    repository: Any, go_live: Live, client: FlaskClient
) -> None:
    repository.git("mv", "vpn/connect.md", "vpn/moved.md")
    repository.commit()
    repository.git("rm", "-q", "vpn/moved.md")
    repository.commit()
    go_live()
    assert [follow(client, f"vpn/{name}")[0] for name in ("connect", "moved")] == [410, 410]


def test_the_page_of_a_removed_article_helps_on(
    repository: Any, go_live: Live, client: FlaskClient, parts: Services
) -> None:
    repository.write("vpn/drops-often.md", "The VPN drops again and again")
    repository.commit()
    go_live()
    repository.git("rm", "-q", "vpn/drops-often.md")
    repository.commit()
    go_live()
    before = searches(parts)
    answer = client.get("/articles/vpn/drops-often")
    assert answer.status_code == 410
    assert answer.text.count("<h1") == 1
    assert "The VPN drops again and again" in answer.text
    assert 'href="/articles/vpn/drops"' in answer.text
    assert 'role="search"' in answer.text
    assert "noindex" in answer.text
    assert searches(parts) == before  # nobody searched
    robot = client.get("/articles/vpn/drops-often", headers={"User-Agent": "Googlebot/2.1"})
    assert robot.status_code == 410
    assert 'href="/articles/vpn/drops"' not in robot.text
    as_json = client.get("/articles/vpn/drops-often", headers={"Accept": "application/json"})
    assert as_json.status_code == 410
    assert as_json.get_json()["error"]["hint"]


def test_programs_learn_the_same_of_a_removed_article(
    repository: Any, go_live: Live, client: FlaskClient, parts: Services
) -> None:
    repository.write("vpn/drops-often.md", "The VPN drops again and again")
    repository.commit()
    go_live()
    repository.git("rm", "-q", "vpn/drops-often.md")
    repository.commit()
    go_live()
    before = searches(parts)
    answer = client.get("/api/v1/articles/vpn/drops-often")
    assert answer.status_code == 410
    error = answer.get_json()["error"]
    assert (error["status"], error["fields"]) == (410, {})
    assert error["title"] == "The VPN drops again and again"
    assert error["hint"]
    assert "vpn/drops" in {article["slug"] for article in error["nearest"]}
    assert searches(parts) == before
    spoken = client.get("/api/v1/openapi.json").get_json()
    described = spoken["components"]["schemas"]
    assert "410" in spoken["paths"]["/articles/{slug}"]["get"]["responses"]
    whole = {"$ref": "#/components/schemas/Removed", "components": {"schemas": described}}
    Draft202012Validator(whole).validate(answer.get_json())
    assert client.get("/api/v1/articles/mail/never").status_code == 404


def test_programs_are_led_to_the_present_address(
    repository: Any, go_live: Live, client: FlaskClient
) -> None:
    repository.git("mv", "vpn/connect.md", "vpn/get-connected.md")
    repository.commit()
    go_live()
    answer = client.get("/api/v1/articles/vpn/connect")
    assert answer.status_code == 301
    assert answer.headers["Location"] == "/api/v1/articles/vpn/get-connected"
    assert client.get(answer.headers["Location"]).get_json()["slug"] == "vpn/get-connected"


def searches(parts: Services) -> int:
    import sqlalchemy as sa

    from kb.schema import events

    with parts.db.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(events)).scalar_one()


@pytest.mark.parametrize(
    ("front", "anonymous", "staff"),
    [
        ({}, 410, 410),
        ({"audience": "staff"}, 404, 410),
        ({"audience": "signed-in"}, 404, 410),
        ({"audience": "nobody knows"}, 404, 410),
        ({"status": "draft"}, 404, 404),
        ({"status": "archived"}, 410, 410),
    ],
)
def test_what_was_not_open_to_a_reader_was_never_there(
    repository: Any,
    go_live: Live,
    signed_in: Any,
    front: dict[str, str],
    anonymous: int,
    staff: int,
) -> None:
    client = signed_in("agent")
    repository.write("vpn/secret-plan.md", "The secret plan", **front)
    repository.commit()
    go_live()
    repository.git("rm", "-q", "vpn/secret-plan.md")
    repository.commit()
    go_live()
    assert client.get("/articles/vpn/secret-plan").status_code == staff
    assert client.get("/api/v1/articles/vpn/secret-plan").status_code == staff
    client.post("/sign-out")
    told = client.get("/api/v1/articles/vpn/secret-plan")
    assert told.status_code == anonymous
    assert ("The secret plan" in told.text) is (anonymous == 410)
    answer = client.get("/articles/vpn/secret-plan")
    assert answer.status_code == anonymous
    assert ("The secret plan" in answer.text) is (anonymous == 410)


def test_files_that_are_no_articles_leave_nothing(
    repository: Any, go_live: Live, client: FlaskClient
) -> None:
    (repository.folder / "README.md").write_text("# About")
    (repository.folder / "vpn" / "notes.txt").write_text("notes")
    repository.commit()
    repository.git("rm", "-q", "README.md", "vpn/notes.txt")
    repository.commit()
    go_live()
    assert [follow(client, name)[0] for name in ("README", "vpn/notes")] == [404, 404]


def test_moves_on_a_merged_branch_count(
    repository: Any, go_live: Live, client: FlaskClient
) -> None:
    repository.git("switch", "-q", "-c", "side")
    repository.git("mv", "vpn/connect.md", "vpn/halfway.md")
    repository.commit()
    repository.git("mv", "vpn/halfway.md", "vpn/merged.md")
    repository.commit()
    repository.git("switch", "-q", "main")
    repository.write("mail/other.md")
    repository.commit()
    repository.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    go_live()
    assert follow(client, "vpn/connect") == (301, "/articles/vpn/merged")


def test_articles_in_a_folder_of_the_repository(
    repository: Any, settings: Settings, client: FlaskClient, parts: Services
) -> None:
    inside = replace(settings, articles=repository.folder / "vpn")
    publish(inside, progress=lambda *_: None, force=True)
    repository.git("mv", "vpn/connect.md", "vpn/new.md")
    repository.git("rm", "-q", "vpn/drops.md")
    repository.commit()
    publish(inside, progress=lambda *_: None, force=True)
    assert follow(client, "connect") == (301, "/articles/new")
    assert follow(client, "drops")[0] == 410


def test_a_plain_folder_remembers_what_was_published_before(
    repository: Any, settings: Settings, client: FlaskClient, tmp_path: Path
) -> None:
    folder = tmp_path / "plain"
    shutil.copytree(repository.folder, folder, ignore=shutil.ignore_patterns(".git"))
    plain = replace(settings, articles=folder)
    publish(plain, progress=lambda *_: None)
    (folder / "vpn" / "connect.md").rename(folder / "vpn" / "same-text.md")
    (folder / "mail" / "quota.md").unlink()
    for extra in ("one", "two"):  # and it is still known after the next change
        (folder / "mail" / f"{extra}.md").write_text(f"# {extra}\n\nnew\n")
        publish(plain, progress=lambda *_: None)
        assert follow(client, "vpn/connect") == (301, "/articles/vpn/same-text")
        assert follow(client, "mail/quota")[0] == 410


# -- the rule -----------------------------------------------------------------------------------


class Files:
    """A tree of files and the changes that a history of it would tell, oldest first."""

    def __init__(self) -> None:
        self.here: set[str] = set()
        self.changes: list[FileChange] = []

    def act(self, old: str, new: str) -> None:
        if old not in self.here:
            self.here.add(old)
        elif new in self.here or new == old:
            self.here.remove(old)
            self.changes.append(FileChange(old, "", f"blob of {old}"))
        else:
            self.here.remove(old)
            self.here.add(new)
            self.changes.append(FileChange(old, new, f"blob of {old}"))


ACTS = st.lists(st.tuples(PATHS, PATHS), max_size=30)


@given(ACTS, ACTS)
# What was moved to a path and removed there is not the file that came to that path later.
@example([("b", "a"), ("b", "a"), ("a", "a")], [("a", "a")])
def test_step_by_step_is_as_at_once(
    first: list[tuple[str, str]], second: list[tuple[str, str]]
) -> None:
    files = Files()
    for act in first:
        files.act(*act)
    early, told = dict(former_files(reversed(files.changes), files.here, {})), len(files.changes)
    for act in second:
        files.act(*act)
    at_once = former_files(reversed(files.changes), files.here, {})
    assert former_files(reversed(files.changes[told:]), files.here, early) == at_once


@given(ACTS)
def test_a_past_ends_at_what_is_there_or_at_a_removal(acts: list[tuple[str, str]]) -> None:
    files = Files()
    for act in acts:
        files.act(*act)
    found = former_files(reversed(files.changes), files.here, {})
    assert {change.old for change in files.changes} - files.here == set(found)
    for fate in found.values():
        assert fate.to in files.here if fate.to else fate.blob


def test_only_so_many_pasts_are_kept_the_newest_first() -> None:
    changes = [FileChange(f"{n}.md", "", "x") for n in range(6000)]
    found = former_files(changes, set(), {"older.md": FormerFile(title="Older", audience="public")})
    assert len(found) == 5000
    assert "0.md" in found
    assert "older.md" not in found
