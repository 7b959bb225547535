"""An article's history: real commits, read by real roles."""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from kb.accounts.roles import Role
from kb.accounts.store import Accounts
from kb.app import create_app
from kb.config.settings import load
from kb.publishing.publisher import publish
from kb.services import Services, build
from tests.conftest import PASSWORD, browser
from tests.web.pages import Page, complaints

ROOT = Path(__file__).resolve().parents[2]
TEXT = """---
title: Connect to the VPN
language: en
owner: network team
reviewed: 2026-03-04
audience: {audience}
status: {status}
---

## Issue

{body}
"""
SECRET = "zyqformersecret"
H = "/articles/vpn/connect/history"


class Repository:
    """A Git repository of articles."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._day = 0
        self.git("init", "-q")

    def git(self, *words: str) -> str:
        """Run git, each commit a day after the last."""
        when = f"2026-01-{self._day + 1:02}T12:00:00+00:00"
        environ = {**os.environ, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
        options = ["-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        done = subprocess.run(
            ["git", "-C", str(self.folder), *options, *words],
            env=environ, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def commit(self, path: str, text: str | None, *, subject: str, author: str = "Ana") -> str:
        """Save the file (None: as it is) and return the commit's id."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if text is not None:
            file.write_text(text, encoding="utf-8")
        self.git("add", "-A")
        self._day += 1
        self.git("-c", f"user.name={author}", "commit", "-q", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")


def text_of(body: str, *, audience: str = "public", status: str = "published") -> str:
    """Return an article."""
    return TEXT.format(body=body, audience=audience, status=status)


@pytest.fixture(scope="module")
def commits() -> dict[str, str]:
    """Return the ids of the repository's commits by what they did."""
    return {}


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, commits: dict[str, str]) -> Iterator[Services]:
    """Return the parts of a site with a history of its own."""
    place = tmp_path_factory.mktemp("history")
    (place / "articles").mkdir()
    made = Repository(place / "articles")
    old = "vpn/old-name.md"
    commits["secret"] = made.commit(
        old, text_of(f"Only staff know {SECRET}.", audience="staff"), subject="First, for staff"
    )
    commits["draft"] = made.commit(
        old, text_of(f"Drafted {SECRET}.", status="draft"), subject="Not shown yet"
    )
    commits["first"] = made.commit(old, text_of("Press the red button."), subject="Open to all")
    made.git("mv", old, "vpn/connect.md")
    commits["moved"] = made.commit("vpn/connect.md", None, subject="A better name", author="Ben")
    commits["last"] = made.commit(
        "vpn/connect.md", text_of("Press the green button."), subject="<b>Green</b>", author="Ben"
    )
    embargoed = text_of(f"Embargoed {SECRET}.").replace("---", "---\npublish_at: 2026-01-20", 1)
    made.commit("vpn/news.md", embargoed, subject="Waits for its day")
    made.commit("vpn/news.md", text_of("For all."), subject="Open before that day")
    made.commit("vpn/other.md", text_of("Another."), subject="Another article")
    made.commit("vpn/other/history.md", text_of("Its own page."), subject="An awkward name")
    made.commit("vpn/staff.md", text_of("Staff.", audience="staff"), subject="For staff alone")
    settings = load(
        {}, articles=made.folder, data=place / "data", templates=ROOT / "templates",
        semantic="off", site_url="http://localhost", trusted_hosts="localhost",
    )  # fmt: skip
    publish(settings, progress=lambda _stage, _done, _total: None)
    parts = build(settings)
    parts.db.migrate()
    accounts = Accounts(parts.db)
    for role in (Role.READER, Role.AUTHOR):
        address = f"{role.value}@example.org"
        accounts.add(address, PASSWORD, name=role.title(), role=role, now=datetime.now(UTC))
    yield parts
    parts.db.close()


@pytest.fixture(scope="module")
def reader_of(parts: Services) -> Callable[..., FlaskClient]:
    """Return a function from a role and settings to a browser of that site with them."""

    def client(role: str, **values: Any) -> FlaskClient:
        changed = replace(parts, settings=replace(parts.settings, **values))
        made = browser(create_app(services=changed))
        if role != "anonymous":
            form = {"email": f"{role}@example.org", "password": PASSWORD}
            assert made.post("/sign-in", data=form).status_code == 303
        return made

    return client


@pytest.fixture(scope="module")
def reader(reader_of: Callable[..., FlaskClient]) -> Callable[[str], FlaskClient]:
    """Return a function from a role to a browser of that site as it is by default."""
    return functools.cache(reader_of)


def test_the_history_follows_the_file_through_its_former_name(
    reader: Callable[[str], FlaskClient], commits: dict[str, str]
) -> None:
    answer = reader("author").get("/articles/vpn/connect/history")
    assert answer.status_code == 200
    assert answer.headers["X-Robots-Tag"] == "noindex"
    text = Page(answer.text).one("main").text
    for subject in ("First, for staff", "Not shown yet", "Open to all", "A better name"):
        assert subject in text
    assert "Another article" not in text
    assert "&lt;b&gt;Green&lt;/b&gt;" in answer.text
    assert complaints(answer.text) == []


def test_verified_edited_owner_and_contributors_are_told_apart(
    reader: Callable[[str], FlaskClient],
) -> None:
    facts = [e.text for e in Page(reader("author").get(H).text).all("dt", "dd")]
    told = dict(zip(facts[::2], facts[1::2], strict=True))
    assert told["Kept by"] == "network team"
    assert told["Last verified"] != told["Last edited"]
    assert "March" in told["Last verified"] or "2026-03-04" in told["Last verified"]
    assert told["Contributors"] == "Ana (3), Ben (2)"


@pytest.mark.parametrize("role", ["anonymous", "reader"])
def test_readers_see_neither_names_nor_versions_that_were_kept_back(
    reader: Callable[[str], FlaskClient], commits: dict[str, str], role: str
) -> None:
    client = reader(role)
    page = client.get(H).text
    assert len(Page(page).all("time")) == 3, "the three versions that readers could read"
    subjects = ("First, for staff", "Not shown yet", "Open to all", "A better name", "Green")
    for hidden in ("Ana", "Ben", SECRET, *subjects):
        assert hidden not in page
    for commit in commits.values():
        assert commit[:7] not in page, "by default readers are told days, not commits"
    for name in ("secret", "draft"):
        assert commits[name] not in page
        for address in (
            f"/articles/vpn/connect/changes?to={commits[name]}",
            f"/articles/vpn/connect/changes?from={commits[name]}&to={commits['last']}",
        ):
            answer = client.get(address)
            assert answer.status_code == 404
            assert SECRET not in answer.text


@pytest.mark.parametrize("role", ["anonymous", "reader"])
def test_the_links_that_readers_get_lead_to_differences_that_name_no_commit(
    reader: Callable[[str], FlaskClient], commits: dict[str, str], role: str
) -> None:
    """BookStack#3036 and the like: who reads an article need not read its team's remarks."""
    client = reader(role)
    links = [a.attributes["href"] for a in Page(client.get(H).text).all("a")]
    found = [link for link in links if link and "/changes?" in link]
    assert len(found) == 3
    for link in found:
        page = client.get(link)
        assert page.status_code == 200
        for told in (*commits.values(), "Open to all", "A better name", "Green", "Ana", "Ben"):
            assert told[:7] not in page.text, link
        assert complaints(page.text) == []


@pytest.mark.parametrize(("setting", "for_readers"), [("off", 404), ("dates", 200), ("full", 200)])
def test_what_readers_see_of_the_past_is_a_setting(
    reader_of: Callable[..., FlaskClient], setting: str, for_readers: int
) -> None:
    client = reader_of("anonymous", article_history=setting)
    page = client.get(H)
    assert page.status_code == for_readers
    assert ("Open to all" in page.text) == (setting == "full")
    linked = H in client.get("/articles/vpn/connect").text
    assert linked == (for_readers == 200), "no link leads to a page that is not shown"
    assert "Ana" not in page.text
    assert "Open to all" in reader_of("author", article_history=setting).get(H).text


def test_a_version_that_waited_for_its_day_when_it_was_replaced_was_never_public(
    reader: Callable[[str], FlaskClient],
) -> None:
    """An embargoed text does not come to light because the one that followed it did; and an article
    that was begun as a copy of another has a past of its own.
    """
    readers, staff = (
        Page(reader(role).get("/articles/vpn/news/history").text).all("time")
        for role in ("anonymous", "author")
    )
    assert (len(readers), len(staff)) == (1, 2)


def test_the_difference_of_two_versions_marks_the_words(
    reader: Callable[[str], FlaskClient], commits: dict[str, str]
) -> None:
    address = f"/articles/vpn/connect/changes?from={commits['first']}&to={commits['last']}"
    answer = reader("anonymous").get(address)
    assert answer.status_code == 200
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert "Press the <del>red</del><ins>green</ins> button." in answer.text
    assert complaints(answer.text) == []
    assert (
        SECRET
        in reader("author")
        .get(f"/articles/vpn/connect/changes?from={commits['secret']}&to={commits['last']}")
        .text
    )


def test_a_change_of_name_alone_says_that_no_word_differs(
    reader: Callable[[str], FlaskClient], commits: dict[str, str]
) -> None:
    address = f"/articles/vpn/connect/changes?from={commits['first']}&to={commits['moved']}"
    assert "No word of the text differs" in reader("anonymous").get(address).text


@pytest.mark.parametrize("words", ["", "to=HEAD", "to=--all", "to=" + "0" * 40, "to=../x"])
def test_versions_that_are_none_of_the_article_are_not_found(
    reader: Callable[[str], FlaskClient], words: str
) -> None:
    assert reader("author").get(f"/articles/vpn/connect/changes?{words}").status_code == 404


def test_an_article_that_may_not_be_read_has_no_history(
    reader: Callable[[str], FlaskClient],
) -> None:
    for page in ("history", "changes?to=HEAD"):
        assert reader("anonymous").get(f"/articles/vpn/staff/{page}").status_code == 404
        assert reader("anonymous").get(f"/articles/no/such/{page}").status_code == 404
    assert reader("author").get("/articles/vpn/staff/history").status_code == 200


def test_an_article_whose_own_name_is_history_is_still_read(
    reader: Callable[[str], FlaskClient],
) -> None:
    assert "Its own page." in reader("anonymous").get("/articles/vpn/other/history").text


def test_articles_that_come_from_no_commit_have_no_versions(site: Any) -> None:
    answer = site.client("reader").get("/articles/print/public/history")
    assert answer.status_code == 200
    assert "No earlier versions are kept" in answer.text
    assert complaints(answer.text) == []
