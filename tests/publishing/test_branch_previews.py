"""Branches shown by a private link, drafts included, before they are published."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from kb.app import create_app
from kb.config.repositories import Repository as Further
from kb.config.settings import Settings
from kb.publishing.branch_previews import folder
from kb.publishing.publisher import publish
from kb.publishing.store import LIFE
from kb.scheduler import Worker
from kb.services import Services, build
from tests.publishing.conftest import browser

NOW = datetime.now(UTC)


@pytest.fixture
def drafts(repository: Any) -> Any:
    """Return the repository with a branch: one article new, one changed, one removed, one draft."""
    repository.git("switch", "-qc", "vpn-drafts")
    repository.write("vpn/split.md", title="Split tunnelling", body="See [drafts](guide.md).")
    repository.write("vpn/guide.md", title="The whole guide", status="draft")
    repository.write("vpn/secret.md", title="Keys of the gateway", audience="staff")
    repository.write("vpn/drops.md", title="The line drops", body="An entirely other text.")
    repository.git("rm", "-q", "print/jam.md")
    repository.commit("drafts")
    repository.git("switch", "-q", "main")
    return repository


@pytest.fixture
def link(signed_in: Callable[[str], FlaskClient], parts: Services) -> Callable[..., str]:
    """Return a function that makes a branch's link on the page, follows it once with the worker,
    and returns its path.
    """

    def make(branch: str = "vpn-drafts") -> str:
        author = signed_in("author")
        assert author.post("/previews/", data={"branch": branch}).status_code == 303
        rounds(parts)
        page = author.get("/previews/").text
        found = re.search(r'href="http://localhost(/previews/open/[\w.-]+)"', page)
        assert found, page
        return found[1]

    return make


def rounds(parts: Services, now: datetime | None = None) -> None:
    """Let the worker do its periodic work once, publishing apart."""
    Worker(parts).round(now or datetime.now(UTC), without="publish")


@pytest.fixture
def reviewer(parts: Services, drafts: Any, link: Callable[..., str]) -> FlaskClient:
    """Return an anonymous browser that followed the link."""
    del drafts
    made = browser(create_app(services=parts))
    assert made.get(link()).status_code == 303
    return made


def test_who_has_the_link_sees_the_branch_everywhere(
    reviewer: FlaskClient, client: FlaskClient
) -> None:
    page = reviewer.get("/articles/vpn/split")
    assert page.status_code == 200
    assert 'href="/articles/vpn/guide"' in page.text
    assert "not the live site" in page.text
    assert "draft: not for readers yet" not in page.text
    guide = reviewer.get("/articles/vpn/guide")
    assert "draft: not for readers yet" in guide.text
    assert "The whole guide" in reviewer.get("/search?q=the+whole+guide").text
    assert "The whole guide" in reviewer.get("/collections/vpn").text
    assert reviewer.get("/articles/print/jam").status_code == 410
    for path in ("/articles/vpn/split", "/articles/vpn/guide"):
        assert client.get(path).status_code == 404
    assert "not the live site" not in client.get("/").text
    assert "The whole guide" not in client.get("/search?q=the+whole+guide").text


def test_a_link_shows_what_its_branch_changes_and_not_all_that_is_unfinished(
    repository: Any, link: Callable[..., str], parts: Services
) -> None:
    """Outline#6285 and the like: a link to one thing is no key to everything beside it."""
    repository.write("hr/raise.md", title="Raises of next year", status="draft")
    repository.write("hr/move.md", title="The office moves", publish_at="2099-01-01")
    repository.write("hr/plan.md", title="The plan as it was", status="draft")
    repository.commit("unfinished on the published branch")
    repository.git("switch", "-qc", "reviewed")
    repository.write("vpn/guide.md", title="The whole guide", status="draft")
    repository.git("mv", "hr/move.md", "hr/moved.md")
    repository.write("vpn/drops.md", title="The line drops", body="See [it](../hr/raise.md).")
    repository.commit("to be reviewed")
    repository.git("switch", "-q", "main")
    repository.write("hr/plan.md", title="The plan as it is", status="draft")
    repository.commit("the published branch moves on")
    made = browser(create_app(services=parts))
    assert made.get(link("reviewed")).status_code == 303
    assert made.get("/articles/vpn/guide").status_code == 200
    hidden = {"raise": "Raises", "moved": "The office moves", "plan": "The plan as it"}
    for name, words in hidden.items():
        assert made.get(f"/articles/hr/{name}").status_code == 404
        assert made.get(f"/previews/changes/hr/{name}").status_code == 404
        for page in ("/previews/changes", "/search?q=the+plan+of+raises", "/", "/suggest?q=the"):
            assert words not in made.get(page).text, page
    assert 'href="/articles/hr/raise"' not in made.get("/articles/vpn/drops").text


def test_a_branch_that_takes_up_the_published_one_shows_none_of_its_drafts(
    repository: Any, link: Callable[..., str], parts: Services
) -> None:
    repository.git("switch", "-qc", "reviewed")
    repository.write("vpn/guide.md", title="The whole guide", status="draft")
    repository.commit("to be reviewed")
    repository.git("switch", "-q", "main")
    repository.write("hr/raise.md", title="Raises of next year", status="draft")
    repository.commit("unfinished")
    repository.git("switch", "-q", "reviewed")
    repository.git("merge", "-q", "--no-edit", "main")
    repository.git("switch", "-q", "main")
    made = browser(create_app(services=parts))
    assert made.get(link("reviewed")).status_code == 303
    assert made.get("/articles/vpn/guide").status_code == 200
    assert made.get("/articles/hr/raise").status_code == 404
    repository.git("merge", "-q", "--no-edit", "reviewed")
    rounds(parts)
    assert made.get("/articles/vpn/guide").status_code == 404, "merged, it is a draft like others"


def test_a_branch_without_a_common_past_shows_no_drafts(
    repository: Any, link: Callable[..., str], parts: Services
) -> None:
    repository.write("hr/raise.md", title="Raises of next year", status="draft")
    repository.commit("unfinished")
    repository.git("switch", "-q", "--orphan", "reviewed")
    repository.write("hr/raise.md", title="Raises of next year", status="draft")
    repository.write("vpn/split.md", title="Split tunnelling")
    repository.commit("begun anew")
    repository.git("switch", "-q", "main")
    made = browser(create_app(services=parts))
    assert made.get(link("reviewed")).status_code == 303
    assert made.get("/articles/vpn/split").status_code == 200
    assert made.get("/articles/hr/raise").status_code == 404


def test_a_link_opens_no_article_for_other_eyes(
    reviewer: FlaskClient, signed_in: Callable[[str], FlaskClient], link: Callable[..., str]
) -> None:
    assert reviewer.get("/articles/vpn/secret").status_code == 404
    assert "Keys of the gateway" not in reviewer.get("/search?q=keys+of+the+gateway").text
    assert "Keys of the gateway" not in reviewer.get("/previews/changes").text
    assert reviewer.get("/previews/changes/vpn/secret").status_code == 404
    agent = signed_in("agent")
    agent.get(link())
    assert agent.get("/articles/vpn/secret").status_code == 200
    assert "Keys of the gateway" in agent.get("/previews/changes").text


def test_what_the_branch_changes_is_listed_and_compared(reviewer: FlaskClient) -> None:
    page = reviewer.get("/previews/changes").text
    rows = {
        re.sub(r"<[^>]+>", "", title): re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", what)).strip()
        for title, what in re.findall(r'<th scope="row">(.*?)</th>\s*<td>(.*?)</td>', page, re.S)
    }
    assert rows == {
        "Split tunnelling": "new",
        "The whole guide": "new, draft",
        "The line drops": "changed",
        "print jam": "removed",
    }
    compared = reviewer.get("/previews/changes/vpn/drops").text
    assert "<ins>An entirely other text.</ins>" in compared.replace("\n", "")


def test_the_preview_follows_the_branch_and_never_the_live_site(
    reviewer: FlaskClient, drafts: Any, parts: Services, go_live: Any, client: FlaskClient
) -> None:
    drafts.git("switch", "-q", "vpn-drafts")
    drafts.write("vpn/later.md", title="A later thought")
    drafts.commit()
    drafts.git("switch", "-q", "main")
    rounds(parts)
    assert reviewer.get("/articles/vpn/later").status_code == 200
    drafts.write("mail/news.md", title="News by mail")
    drafts.commit()
    go_live()
    rounds(parts)
    assert client.get("/articles/mail/news").status_code == 200
    assert reviewer.get("/articles/mail/news").status_code == 404


def test_nothing_is_recorded_kept_by_caches_or_found_by_robots(
    reviewer: FlaskClient, parts: Services
) -> None:
    import sqlalchemy as sa

    from kb.schema import events

    for response in (
        reviewer.get("/search?q=split+tunnelling"),
        reviewer.get("/articles/vpn/split"),
        reviewer.get("/previews/changes"),
    ):
        assert response.headers["Cache-Control"] == "no-store"
        assert "noindex" in response.headers["X-Robots-Tag"]
    voted = reviewer.post("/articles/vpn/split/vote", data={"helpful": "yes"})
    assert voted.status_code == 409  # nothing is recorded, so nobody is thanked
    with parts.db.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(events)) == 0


def test_leaving_shows_the_live_site_again(reviewer: FlaskClient) -> None:
    assert reviewer.post("/previews/leave").status_code == 303
    assert reviewer.get("/articles/vpn/split").status_code == 404
    assert reviewer.get("/articles/print/jam").status_code == 200
    assert reviewer.get("/previews/changes").status_code == 404


def test_a_link_ends_with_its_time_or_when_it_is_taken_back(
    reviewer: FlaskClient, parts: Services, signed_in: Callable[[str], FlaskClient], settings: Any
) -> None:
    [preview] = parts.previews.all(NOW)
    path = f"/previews/open/{parts.previews.token(preview.id)}"
    assert parts.previews.by_token(path.rpartition("/")[2], NOW + LIFE + timedelta(days=1)) is None
    assert list(folder(settings).glob("*")) != []
    signed_in("author").post(f"/previews/{preview.id}/end")
    assert reviewer.get("/articles/vpn/split").status_code == 404
    assert reviewer.get(path).status_code == 404
    rounds(parts)
    assert list(folder(settings).glob("*")) == []


@pytest.mark.parametrize("change", ["", "x", "0" * 64])
def test_links_cannot_be_guessed(parts: Services, client: FlaskClient, change: str) -> None:
    preview = parts.previews.make("main", "ana", NOW)
    identity, _, digest = parts.previews.token(preview.id).partition(".")
    for token in (identity, f"{identity}.{change}", f"{identity}.{digest[:-1]}", f"x.{digest}"):
        client.set_cookie("preview", token)
        assert client.get(f"/previews/open/{token}").status_code == 404
        assert "not the live site" not in client.get("/").text


def test_readers_make_no_links(signed_in: Callable[[str], FlaskClient], parts: Services) -> None:
    assert signed_in("reader").post("/previews/", data={"branch": "main"}).status_code == 403
    assert parts.previews.all(NOW) == ()


@pytest.mark.parametrize("branch", ["", "absent", "--upload-pack=x", "x" * 300, "hr:main", "a\nb"])
def test_what_is_no_branch_is_refused_with_its_reason(
    signed_in: Callable[[str], FlaskClient], parts: Services, branch: str
) -> None:
    answer = signed_in("author").post("/previews/", data={"branch": branch})
    assert answer.status_code == 422
    assert "There is a problem" in answer.text
    assert parts.previews.all(NOW) == ()


def test_a_branch_that_is_deleted_stays_as_it_was_and_says_so(
    reviewer: FlaskClient, drafts: Any, parts: Services, signed_in: Callable[[str], FlaskClient]
) -> None:
    drafts.git("branch", "-qD", "vpn-drafts")
    rounds(parts)
    assert reviewer.get("/articles/vpn/split").status_code == 200
    assert "has no branch" in signed_in("author").get("/previews/").text


def test_before_the_first_build_the_link_says_to_wait(
    parts: Services, client: FlaskClient, drafts: Any
) -> None:
    preview = parts.previews.make("vpn-drafts", "ana", NOW)
    answer = client.get(f"/previews/open/{parts.previews.token(preview.id)}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "15")
    assert "is being prepared" in answer.text


def test_the_command_line_prints_a_link_that_works_at_once(
    kb: Any, drafts: Any, settings: Settings, go_live: Any
) -> None:
    go_live()
    made = kb("previews", "make", "vpn-drafts", site_url="http://localhost")
    assert made.exit_code == 0, made.output
    path = made.stdout.strip().removeprefix("http://localhost")
    assert path in kb("previews", "list", site_url="http://localhost").stdout
    parts = build(settings)
    made_browser = browser(create_app(services=parts))
    assert made_browser.get(path).status_code == 303
    assert made_browser.get("/articles/vpn/split").status_code == 200
    assert kb("previews", "end", "vpn-drafts").exit_code == 0
    assert kb("previews", "end", "vpn-drafts").exit_code == 1
    assert made_browser.get("/articles/vpn/split").status_code == 404
    parts.db.close()
    assert kb("previews", "make", "absent").exit_code == 3


def test_a_branch_of_a_further_repository(
    repository: Any, settings: Settings, tmp_path: Any
) -> None:
    hr = type(repository)(tmp_path / "hr")
    hr.write("leave.md", title="Leave")
    hr.commit()
    hr.git("switch", "-qc", "draft")
    hr.write("sick.md", title="Call in sick")
    hr.commit()
    hr.git("switch", "-q", "main")
    changed = replace(settings, repositories=(Further("hr", str(hr.folder), ref="main"),))
    publish(changed, progress=lambda *_: None)
    parts = build(changed)
    preview = parts.previews.make("hr:draft", "ana", NOW)
    rounds(parts)
    made = browser(create_app(services=parts))
    assert made.get("/articles/hr/sick").status_code == 404
    made.get(f"/previews/open/{parts.previews.token(preview.id)}")
    assert made.get("/articles/hr/sick").status_code == 200
    assert made.get("/articles/vpn/connect").status_code == 200
    parts.db.close()


def test_a_hook_for_a_branch_that_is_shown_is_heard(parts: Services, settings: Settings) -> None:
    chosen = replace(
        parts, settings=replace(settings, webhook_secret="s" * 20, articles_ref="main")
    )
    client = create_app(services=chosen).test_client()

    def heard() -> Any:
        given = {"json": {"ref": "refs/heads/vpn-drafts"}, "headers": {"X-Gitlab-Token": "s" * 20}}
        return client.post("/hooks/push", **given).get_json()["publishing"]

    assert not heard()
    parts.previews.make("vpn-drafts", "ana", NOW)
    assert heard()
