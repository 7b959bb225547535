"""Several repositories as collections: one site, each team its own Git."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from kb.app import create_app
from kb.config.repositories import Repository as Further
from kb.config.settings import Settings, load, shown
from kb.content.library import Library
from kb.content.sources.combined import commits_of, state_name
from kb.errors import ConfigError, ContentError
from kb.publishing.publisher import keep_time, publish
from kb.publishing.rollback import kept_generations, roll_back
from kb.publishing.state import notices_of
from kb.services import build
from search.index import generation

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8"
    "cfc0f01f0005000201e2b5a0bd0000000049454e44ae426082"
)


@pytest.fixture
def hr(repository: Any, tmp_path: Path) -> Any:
    """Return the personnel department's own repository."""
    made = type(repository)(tmp_path / "hr-repository")
    made.write("leave/parental.md", title="Parental leave")
    made.write("leave/sick.md", title="Call in sick")
    spanish = made.folder / "es" / "leave" / "sick.md"
    spanish.parent.mkdir(parents=True)
    spanish.write_text("---\ntitle: Avisar de una baja\n---\n\nLlame antes de las nueve.\n")
    made.commit("the articles of personnel")
    return made


@pytest.fixture
def settings(settings: Settings, hr: Any) -> Settings:
    """Return settings that name it as a collection."""
    return replace(settings, repositories=(Further("hr", str(hr.folder)),))


@pytest.fixture
def live(settings: Settings) -> Callable[..., Library]:
    """Return a function that publishes and gives the library that is live."""

    def run(**values: Any) -> Library:
        publish(replace(settings, **values), progress=lambda *_: None)
        return Library.load(generation.open_current(settings.generations).read)

    return run


def test_the_articles_of_each_repository_are_a_collection(live: Any, client: FlaskClient) -> None:
    library = live()
    assert sorted(library.articles) == [
        "es/hr/leave/sick", "hr/leave/parental", "hr/leave/sick",
        "mail/quota", "print/jam", "vpn/connect", "vpn/drops",
    ]  # fmt: skip
    assert library.articles["hr/leave/sick"].collection == "hr"
    assert library.articles["es/hr/leave/sick"].language == "es"
    assert library.translations["hr/leave/sick"]["es"] == "es/hr/leave/sick"
    assert "Parental leave" in client.get("/articles/hr/leave/parental").text
    assert "Parental leave" in client.get("/collections/hr").text
    assert "Parental leave" in client.get("/search?q=parental+leave").text


def test_a_root_folder_of_one_names_nothing_in_the_other(
    repository: Any, hr: Any, live: Any
) -> None:
    (repository.folder / "docs").mkdir()
    repository.git("mv", "vpn", "mail", "print", "docs/")
    repository.commit()
    (hr.folder / "docs").mkdir()
    hr.git("mv", "leave", "es", "docs/")
    hr.commit()
    further = (Further("hr", str(hr.folder), path="docs"),)
    assert {"vpn/connect", "hr/leave/sick"} <= live(repositories=further).articles.keys()


def test_links_images_and_shared_texts_mean_those_of_their_own_repository(
    repository: Any, hr: Any, live: Any
) -> None:
    (repository.folder / "_variables.yml").write_text("phone: 1111\nsite: Head office\n")
    (repository.folder / "_snippets").mkdir()
    (repository.folder / "_snippets" / "closing.md").write_text("Ask the desk of {{ site }}.\n")
    repository.write("leave/sick.md", title="Sick servers")
    repository.commit()
    (hr.folder / "_variables.yml").write_text("phone: 2222\n")
    (hr.folder / "img").mkdir()
    (hr.folder / "img" / "form.png").write_bytes(PNG)
    hr.write(
        "leave/parental.md",
        body="Call {{ phone }}. [beside](sick.md) [absolute](/leave/sick.md) [other](/vpn/connect)"
        ' [[sick]] ![form](/img/form.png)\n\n--8<-- "closing"',
    )
    hr.commit()
    html = live().articles["hr/leave/parental"].html
    assert "Call 2222." in html
    assert "Ask the desk of Head office." in html
    assert html.count('href="/articles/hr/leave/sick"') == 2
    assert 'href="/articles/vpn/connect"' in html
    assert 'src="/media/' in html


def test_each_keeps_its_names_of_collections_and_its_synonyms(
    repository: Any, hr: Any, live: Any
) -> None:
    (repository.folder / "_collections.yml").write_text("vpn:\n  title: Networks\n")
    (repository.folder / "_synonyms.yml").write_text("en:\n  - [vpn, tunnel]\n")
    repository.commit()
    (hr.folder / "_collections.yml").write_text("hr:\n  title: Personnel\n")
    (hr.folder / "_synonyms.yml").write_text("en:\n  - [leave, absence]\n")
    hr.commit()
    library = live()
    assert library.collections["vpn"].titles == {"en": "Networks"}
    assert library.collections["hr"].titles == {"en": "Personnel"}
    assert library.synonyms["en"] == (("vpn", "tunnel"), ("leave", "absence"))


def test_a_commit_in_one_of_them_goes_live_and_is_told(
    hr: Any, repository: Any, live: Any, client: FlaskClient
) -> None:
    before = commits_of(live().commit)
    hr.write("leave/unpaid.md", title="Unpaid leave")
    commit = hr.commit()
    asked = f"/api/v1/publishing?commit={commit}"
    assert not client.get(asked).get_json()["live"]
    after = commits_of(live().commit)
    assert (after["hr"], after[""]) == (commit, before[""])
    assert client.get(asked).get_json()["live"]
    assert client.get(f"/api/v1/publishing?commit={before['']}").get_json()["live"]
    assert client.get("/articles/hr/leave/unpaid").status_code == 200
    assert f"hr@{commit[:12]}" in client.get("/readyz").text


def test_moved_and_removed_articles_are_known_at_their_former_addresses(
    hr: Any, repository: Any, live: Any, client: FlaskClient
) -> None:
    live()
    hr.git("mv", "leave/parental.md", "leave/parents.md")
    repository.git("mv", "vpn/drops.md", "vpn/breaks.md")
    hr.commit()
    repository.commit()
    live()
    hr.git("rm", "-q", "leave/sick.md", "es/leave/sick.md")
    hr.commit()
    live()
    moved = client.get("/articles/hr/leave/parental")
    assert (moved.status_code, moved.location) == (301, "/articles/hr/leave/parents")
    assert client.get("/articles/vpn/drops").location == "/articles/vpn/breaks"
    assert client.get("/articles/hr/leave/sick").status_code == 410


def test_the_history_of_an_article_is_that_of_its_repository(
    hr: Any, live: Any, client: FlaskClient, signed_in: Any
) -> None:
    hr.write("leave/sick.md", title="Call in sick", body="Tell us [how](parental.md).")
    commit = hr.commit("a shorter text")
    live()
    author = signed_in("author")
    page = author.get("/articles/hr/leave/sick/history").text
    assert "the articles of personnel" in page
    assert "a shorter text" in page
    changes = client.get(f"/articles/hr/leave/sick/changes?to={commit}")
    assert 'href="/articles/hr/leave/parental"' in changes.text
    assert "the first articles" in author.get("/articles/vpn/connect/history").text


def test_going_back_takes_all_of_them_back(hr: Any, live: Any, settings: Settings) -> None:
    first = live().commit
    hr.write("leave/unpaid.md", title="Unpaid leave")
    hr.commit()
    assert "hr/leave/unpaid" in live().articles
    roll_back(settings, commits_of(first)["hr"][:10])
    assert "hr/leave/unpaid" not in live().articles
    for state in kept_generations(settings):  # what is lost is built again from its name
        shutil.rmtree(next(settings.generations.glob(f"*{state.generation}*")))
    again = live()
    assert again.commit == first
    assert "hr/leave/unpaid" not in again.articles
    hr.write("leave/other.md", title="Other leave")
    hr.commit()
    assert {"hr/leave/unpaid", "hr/leave/other"} <= live().articles.keys()


def test_time_passes_without_a_newer_commit(hr: Any, live: Any, settings: Settings) -> None:
    hr.write("leave/party.md", title="The party", publish_at="2030-01-01")
    hr.commit()
    state = live()
    assert state.articles["hr/leave/party"].status == "draft"
    hr.write("leave/late.md", title="Too late")
    hr.commit()
    publish_now = datetime(2030, 2, 1, tzinfo=UTC)
    assert keep_time(settings, progress=lambda *_: None, now=publish_now).commit == state.commit
    library = Library.load(generation.open_current(settings.generations).read)
    assert library.articles["hr/leave/party"].status == "published"
    assert "hr/leave/late" not in library.articles


def test_one_that_does_not_answer_keeps_what_it_had(
    hr: Any, repository: Any, live: Any, settings: Settings, tmp_path: Path
) -> None:
    absent = Further("it", "https://127.0.0.1:9/none.git")
    both = (*settings.repositories, absent)
    assert "hr/leave/sick" in live(repositories=both).articles
    shutil.move(hr.folder, tmp_path / "away")
    repository.write("vpn/new.md")
    repository.commit()
    changed = replace(settings, repositories=both)
    published = publish(changed, progress=lambda *_: None)
    assert "hr: " in published.unfetched
    assert "it: " in published.unfetched
    assert {"hr/leave/sick", "vpn/new"} <= live(repositories=both).articles.keys()


def test_a_branch_that_is_gone_stops_publishing_and_says_whose(
    live: Any, settings: Settings, hr: Any
) -> None:
    live()
    gone = (Further("hr", str(hr.folder), ref="release"),)
    with pytest.raises(ContentError, match=r"The repository hr .*release"):
        live(repositories=gone)
    absent = (Further("hr", str(hr.folder), path="docs"),)
    with pytest.raises(ContentError, match=r"The repository hr .*docs"):
        live(repositories=absent)
    assert (
        "hr/leave/sick" in Library.load(generation.open_current(settings.generations).read).articles
    )


def test_a_folder_of_the_same_mark_is_reported(repository: Any, live: Any) -> None:
    repository.write("@hr/secret.md")
    repository.write("hr/leave/sick.md", title="Another")
    repository.commit()
    library = live()
    assert library.articles["hr/leave/sick"].title == "Call in sick"
    found = {problem.path: problem.code for problem in library.problems}
    assert found["@hr/secret.md"] == "not-a-file"
    assert found["hr/leave/sick.md"] == "slug"


def test_who_broke_an_article_is_told(
    hr: Any, live: Any, settings: Settings, repository: Any
) -> None:
    live()
    (hr.folder / "leave" / "bad.md").write_text("---\ntitle: [\n---\nx\n")
    hr.commit(author="berta@example.org")
    live()
    [notice] = notices_of(generation.open_current(settings.generations))
    assert (notice.path, notice.address) == ("@hr/leave/bad.md", "berta@example.org")


def test_a_hook_of_any_of_them_is_heard(settings: Settings, live: Any) -> None:
    further = (Further("hr", "/nowhere", ref="main"),)
    chosen = replace(settings, repositories=further, articles_ref="stable", webhook_secret="s" * 20)
    live()
    parts = build(chosen)
    client = create_app(services=parts).test_client()
    heard = {
        ref: client.post(
            "/hooks/push", json={"ref": f"refs/heads/{ref}"}, headers={"X-Gitlab-Token": "s" * 20}
        ).get_json()["publishing"]
        for ref in ("main", "stable", "other")
    }
    parts.db.close()
    assert heard == {"main": True, "stable": True, "other": False}


@pytest.mark.parametrize(
    "written",
    [
        '[{"name": "HR", "source": "x"}]', '[{"name": "hr"}]', '["hr"]', '{"name": "hr"}', "hr",
        '[{"name": "hr", "source": "x", "branch": "main"}]',
        '[{"name": "hr", "source": "x", "path": "../.."}]',
        '[{"name": "hr", "source": "x"}, {"name": "hr", "source": "y"}]',
    ],
)  # fmt: skip
def test_what_is_no_repository_is_refused(written: str) -> None:
    with pytest.raises(ConfigError, match="repositories") as caught:
        load({"KB_REPOSITORIES": written})
    assert "hr" not in caught.value.message


def test_passwords_in_sources_are_shown_nowhere() -> None:
    source = "https://reader:s3cret@git.example.org/hr.git"
    settings = load({}, repositories=[{"name": "hr", "source": source, "ref": "main"}])
    assert settings.repositories == (Further("hr", source, "main"),)
    assert "s3cret" not in " ".join(value for _, value in shown(settings)) + repr(settings)


def test_a_states_name_says_each_commit() -> None:
    commits = {"": "1" * 40, "hr": "2" * 40, "it": "3" * 40}
    assert commits_of(state_name(commits)) == commits
    assert commits_of("1" * 40) == {"": "1" * 40}
