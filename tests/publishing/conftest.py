"""A Git repository of articles and a site over it; searching by words, so that it is quick."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient

from kb.app import create_app
from kb.cli.main import main
from kb.config.settings import Settings, load
from kb.publishing.publisher import Published, publish
from kb.services import Services, build

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery staple"


class Repository:
    """A work tree in which an author writes and commits: new, or a copy of another."""

    def __init__(self, folder: Path, source: Repository | None = None) -> None:
        self.folder = folder
        if source is not None:
            shutil.copytree(source.folder, folder)
            return
        folder.mkdir(parents=True)
        self.git("init", "-q", "--template=", "-b", "main")

    def git(self, *words: str, author: str = "ana@example.org") -> str:
        """Run Git as that author; return what it prints."""
        names = {"GIT_AUTHOR_NAME": "Ana", "GIT_AUTHOR_EMAIL": author}
        names |= {"GIT_COMMITTER_NAME": "Ana", "GIT_COMMITTER_EMAIL": author}
        done = subprocess.run(
            ["git", "-C", str(self.folder), *words],
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder)} | names,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def write(self, path: str, title: str = "", body: str = "", **front: str) -> None:
        """Write an article; its text is unlike that of any other."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        title = title or path.removesuffix(".md").replace("/", " ")
        lines = [f"{name}: {value}" for name, value in front.items()]
        words = body or " ".join(f"{title} {number}" for number in range(30))
        head = "\n".join([f"title: {title}", "language: en", *lines])
        file.write_text(f"---\n{head}\n---\n\n## Issue\n\n{words}\n", encoding="utf-8")

    def commit(self, message: str = "a change", author: str = "ana@example.org") -> str:
        """Commit everything; return the commit."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message, author=author)
        return self.git("rev-parse", "HEAD")


@dataclass(frozen=True)
class First:
    """A repository of four articles at its first commit, and settings of a site that shows them.

    Nobody changes them: tests take copies.
    """

    repository: Repository
    commit: str
    settings: Settings


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory, _peopled_template: Path) -> First:
    """Return a published repository of four articles."""
    folder = tmp_path_factory.mktemp("first")
    made = Repository(folder / "repository")
    for path in ("vpn/connect.md", "vpn/drops.md", "mail/quota.md", "print/jam.md"):
        made.write(path)
    commit = made.commit("the first articles")
    settings = settings_over(made, folder / "data", _peopled_template)
    publish(settings, progress=lambda *_: None)
    return First(made, commit, settings)


@pytest.fixture
def repository(first: First, tmp_path: Path) -> Repository:
    """Return a repository of four articles."""
    return Repository(tmp_path / "repository", first.repository)


@pytest.fixture
def settings(repository: Repository, tmp_path: Path, _peopled_template: Path) -> Settings:
    """Return settings of a site over the repository, with an account of each role."""
    return settings_over(repository, tmp_path / "data", _peopled_template)


def settings_over(repository: Repository, data: Path, peopled: Path) -> Settings:
    """Return settings of a site over the repository whose new data folder has those accounts."""
    data.mkdir()
    shutil.copy(peopled, data / "tierzero.db")
    return load(
        {},
        survey_share=0,
        holdout_share=0,
        articles=repository.folder,
        data=data,
        templates=ROOT / "templates",
        semantic="off",
        trusted_hosts="localhost",
        site_url="http://localhost",
        search_rate=100_000,
        suggest_rate=100_000,
    )


@pytest.fixture
def go_live(settings: Settings) -> Callable[..., Published]:
    """Return a function that publishes now, or at the moment that is given."""

    def run(now: datetime | None = None, **values: Any) -> Published:
        force = bool(values.pop("force", False))
        changed = replace(settings, **values)
        when = now or datetime.now(UTC)
        return publish(changed, progress=lambda *_: None, force=force, now=when)

    return run


@pytest.fixture
def parts(
    settings: Settings,
    repository: Repository,
    first: First,
    go_live: Callable[..., Published],
) -> Iterator[Services]:
    """Return the parts of the site, the repository published."""
    if repository.git("rev-parse", "HEAD") == first.commit and not settings.generations.exists():
        shutil.copytree(first.settings.generations, settings.generations)
    go_live()
    made = build(settings)
    yield made
    made.db.close()


@pytest.fixture
def client(parts: Services) -> FlaskClient:
    """Return an anonymous browser of the site."""
    return browser(create_app(services=parts))


@pytest.fixture
def signed_in(parts: Services) -> Callable[[str], FlaskClient]:
    """Return a function from a role to a browser signed in with it."""

    def sign(role: str) -> FlaskClient:
        made = browser(create_app(services=parts))
        form = {"email": f"{role}@example.org", "password": PASSWORD}
        assert made.post("/sign-in", data=form).status_code == 303
        return made

    return sign


def browser(app: Flask) -> FlaskClient:
    """Return a client that behaves as a browser on the site's own pages does."""
    app.testing = False
    made = app.test_client()
    made.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 Chrome/150"
    made.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    return made


@pytest.fixture
def kb(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """Return a function that runs `kb` for that site."""
    monkeypatch.chdir(tmp_path)
    root, ours = logging.getLogger(), logging.getLogger("kb")
    before = root.handlers[:], root.level, ours.level
    usual = {
        "KB_ARTICLES": str(settings.articles),
        "KB_DATA": str(settings.data),
        "KB_TEMPLATES": str(settings.templates),
        "KB_SEMANTIC": "off",
    }

    def run(*words: str, **values: str) -> Result:
        given = {f"KB_{name.upper()}": value for name, value in values.items()}
        return CliRunner().invoke(main, list(words), env=usual | given)

    yield run
    root.handlers[:], root.level = before[0], before[1]
    ours.setLevel(before[2])
