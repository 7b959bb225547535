"""`kb check --questions`: what articles answer, before a change and after it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kb.analytics.jobs import close_episodes
from kb.cli.main import main
from kb.config.settings import load
from kb.database import Database
from kb.tracking.events import Event, EventKind
from kb.tracking.query_text import words_key
from kb.tracking.store import put_all
from search.index.generation import current

ROOT = Path(__file__).resolve().parents[2]
QUESTION = "where do I frobnicate the widget"
Run = Callable[..., dict[str, Any]]


def write(tmp_path: Path, path: str, title: str, body: str, **lists: list[str]) -> None:
    facts = "".join(
        f"{key}:\n" + "".join(f"  - {q}\n" for q in each) for key, each in lists.items()
    )
    file = tmp_path / "kb" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"---\ntitle: {title}\nsummary: About {title}.\n{facts}---\n{body}\n")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs `kb` by words only and gives the report of `check`."""
    environ = {
        "KB_ARTICLES": str(tmp_path / "kb"), "KB_DATA": str(tmp_path / "data"),
        "KB_SEMANTIC": "off",
    }  # fmt: skip

    def command(*words: str) -> dict[str, Any]:
        result = CliRunner().invoke(main, list(words), env=environ)
        assert result.exit_code in (0, 1), result.output
        return json.loads(result.stdout) if words[0] == "check" else {}

    return command


@pytest.fixture
def site(tmp_path: Path, run: Run) -> Run:
    """Return the same with articles published and committed."""
    write(tmp_path, "a/widget.md", "Widgets", "Open the lid and turn it.", answers=[QUESTION])
    for name in ("lamps", "chairs", "desks", "doors"):
        write(tmp_path, f"b/{name}.md", name.title(), f"How {name} are cleaned and kept.")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "First"]):
        name = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *name, *words], cwd=tmp_path / "kb", check=True)
    run("publish")
    return run


def rivals(tmp_path: Path) -> None:
    """Four articles whose title is the question: one article among them cannot be among three."""
    for number, name in enumerate(("lamps", "chairs", "desks", "doors")):
        write(tmp_path, f"b/{name}.md", QUESTION, f"Frobnicate the widget here, way {number}.")


def test_an_answer_in_place_is_no_finding(site: Run) -> None:
    told = site("check", "--questions", "--format", "json")
    assert told["findings"] == []
    assert told["questions"] == {"asked": 1, "mode": "keyword"}
    assert any("by words only" in remark for remark in told["remarks"])


def test_a_change_that_takes_the_place_of_another_article_is_told(
    site: Run, tmp_path: Path
) -> None:
    before = current(tmp_path / "data" / "index")
    rivals(tmp_path)
    for words in (["--since", "HEAD"], [str(tmp_path / "kb" / "b")]):
        told = site("check", *words, "--format", "json")
        (lost,) = (f for f in told["findings"] if f["code"] == "answer-lost")
        assert lost["path"].endswith("kb/a/widget.md")
        assert lost["line"] == 5
        assert "before rank 1" in lost["message"]
        assert QUESTION in lost["fix"]
    assert current(tmp_path / "data" / "index") == before, "what is live stays"


def test_a_question_that_must_not_find_the_article(site: Run, tmp_path: Path) -> None:
    write(
        tmp_path, "a/widget.md", "Widgets", "Open the lid.", not_answers=[QUESTION, "clean chairs"]
    )
    write(tmp_path, "b/lid.md", "Lids", "Frobnicate the widget.")
    told = site("check", "--questions", "--format", "json")
    wrong = [f for f in told["findings"] if f["code"] == "answer-false"]
    assert [QUESTION in f["message"] for f in wrong] == [True]
    assert ": rank " in wrong[0]["message"]
    assert "Lids" in wrong[0]["fix"]


def test_without_anything_published_there_is_no_before(run: Run, tmp_path: Path) -> None:
    write(tmp_path, "a/widget.md", "Widgets", "Open the lid.", answers=[QUESTION])
    rivals(tmp_path)
    (lost,) = (
        f for f in run("check", "--questions", "--format", "json")["findings"]
        if f["code"] == "answer-lost"
    )  # fmt: skip
    assert "before" not in lost["message"]


def failed_on(tmp_path: Path, words: str, people: int) -> None:
    """Record searches that found nothing, each by somebody else, two days ago."""
    settings = load({}, data=tmp_path / "data")
    database, now = Database(settings.database), datetime.now(UTC)
    database.migrate()
    put_all(database, [
        Event(f"s{n}{words}", now - timedelta(days=2), EventKind("search"), f"v{n}", words=words,
              words_key=words_key(words), search_id=f"s{n}{words}",
              data={"total": 0, "answerable": False, "language": "en", "surface": "page"})
        for n in range(people)
    ])  # fmt: skip
    close_episodes(database, settings, now)
    database.close()


def test_an_article_that_answers_failed_searches_says_so(site: Run, tmp_path: Path) -> None:
    failed_on(tmp_path, "sprocket alignment", 5)
    failed_on(tmp_path, "gasket torsion", 2)
    new = "Turn the sprocket until its alignment mark shows. Sprocket alignment takes a minute."
    write(tmp_path, "b/sprocket.md", "Sprocket alignment and gasket torsion", new)
    told = site("check", "--since", "HEAD", "--format", "json")
    (answered,) = told["answered_searches"]
    assert (answered["words"], answered["searches"]) == ("sprocket alignment", 5)
    assert answered["path"].endswith("kb/b/sprocket.md")


@pytest.mark.model
def test_with_the_model_questions_are_asked_by_meaning(published: Path, tmp_path: Path) -> None:
    shutil.copytree(published / "index", tmp_path / "data" / "index")
    (tmp_path / "data" / "model").symlink_to(published / "model")
    shutil.copytree(ROOT / "articles" / "vpn", tmp_path / "kb" / "vpn")
    copy = (tmp_path / "kb" / "vpn" / "connect-to-the-vpn.md").read_text()
    (tmp_path / "kb" / "vpn" / "vpn-again.md").write_text(
        copy.replace("title: Con", "title: To con")
    )
    environ = {"KB_ARTICLES": str(tmp_path / "kb"), "KB_DATA": str(tmp_path / "data")}
    words = ["check", str(tmp_path / "kb" / "vpn" / "vpn-again.md"), "--format", "json"]
    told = json.loads(CliRunner().invoke(main, words, env=environ).stdout)
    assert told["questions"]["mode"] == "hybrid"
    assert "same-meaning" in {finding["code"] for finding in told["findings"]}
