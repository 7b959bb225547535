"""`kb new` and `kb gaps`: what an author gets to begin with."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kb.authoring.new_article import ArticleKind, NewArticle, begin, slug_of
from kb.content.article import ArticleStatus
from kb.content.draft import read_draft
from kb.content.paths import is_article
from kb.content.sources.folder import in_memory
from kb.database import Database
from kb.schema import episodes, failed_searches

Kb = Callable[..., Result]
TODAY = datetime(2026, 9, 14, tzinfo=UTC).date()
SECTIONS = {"how-to": "Resolution", "fix": "Cause", "known-error": "Workaround",
            "reference": "Details", "policy": "Exceptions"}  # fmt: skip


def draft_in(file: Path):
    """Return the article in the file, as a publish reads it."""
    draft = read_draft(file.name, in_memory(file.read_bytes()))
    assert draft is not None
    return draft


@pytest.mark.parametrize("kind", SECTIONS)
def test_each_kind_has_sections_of_its_own_and_is_read_without_a_finding(
    run: Kb, articles: Path, kind: str
) -> None:
    done = run("new", "The printer: 'jams'?", "--kind", kind, "--collection", "printing")
    assert done.exit_code == 0, done.output
    file = articles / "printing" / "the-printer-jams.md"
    assert done.stdout.strip() == str(file)
    draft = draft_in(file)
    assert draft.problems == ()
    assert draft.title == "The printer: 'jams'?"
    assert draft.facts.status is ArticleStatus.DRAFT
    assert f"## {SECTIONS[kind]}\n" in draft.body
    assert "kb preview" in done.stderr


def test_a_spanish_article_has_spanish_sections(run: Kb, articles: Path) -> None:
    run("new", "¿Cómo cambio mi contraseña?", "--language", "es", "--collection", "accounts")
    draft = draft_in(articles / "accounts" / "como-cambio-mi-contrasena.md")
    assert draft.facts.language == "es"
    assert "## Resolución\n" in draft.body


def test_a_slug_names_the_file_and_makes_the_title(run: Kb, articles: Path) -> None:
    assert run("new", "vpn/reset-a-token").exit_code == 0
    draft = draft_in(articles / "vpn" / "reset-a-token.md")
    assert (draft.title, draft.facts.collection) == ("Reset a token", "vpn")
    assert draft.facts.owner == "network team"  # who keeps the others of the folder


def test_nothing_is_written_over(run: Kb, articles: Path) -> None:
    before = (articles / "vpn" / "connect.md").read_text()
    done = run("new", "vpn/connect")
    assert done.exit_code == 1
    assert "already" in done.stderr
    assert run("new", "Connect", "--collection", "vpn").exit_code == 0
    assert (articles / "vpn" / "connect.md").read_text() == before
    assert draft_in(articles / "vpn" / "connect-2.md").title == "Connect"


def test_a_teams_own_template_goes_first(run: Kb, articles: Path) -> None:
    (articles / "_templates").mkdir()
    own = "---\ntitle: $title\nstatus: draft\n---\n\n## Our own section, $5\n"
    (articles / "_templates" / "fix.md").write_text(own)
    assert run("new", "vpn/own", "--kind", "fix").exit_code == 0
    assert "Our own section, $5" in (articles / "vpn" / "own.md").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no name"),
        (["Only a title"], "--collection"),
        (["A title", "--collection", "../elsewhere"], "cannot be a collection"),
        (["A title", "--collection", ".git"], "cannot be a collection"),
        (["../../etc/x", "--collection", "_drafts"], "cannot be a collection"),
        (["x", "--gap", "1", "--from-search", "y"], "not both"),
        (["x", "--gap", "1", "--collection", "vpn"], "no record"),
    ],
)
def test_what_cannot_be_begun_is_refused_with_a_hint(
    run: Kb, articles: Path, words: list[str], said: str
) -> None:
    before = sorted(articles.rglob("*"))
    done = run("new", *words)
    assert done.exit_code == 1
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2
    assert sorted(articles.rglob("*")) == before


def test_edit_opens_the_file(run: Kb, articles: Path, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "Written in an editor." >> "$1"\n')
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    assert run("new", "vpn/edited", "--edit", EDITOR=str(editor), VISUAL="").exit_code == 0
    assert "Written in an editor." in (articles / "vpn" / "edited.md").read_text()


def test_a_failed_search_becomes_title_and_answers(run: Kb, articles: Path) -> None:
    done = run("new", "--collection", "vpn", "--from-search", "vpn: drops  on the train?")
    assert done.exit_code == 0, done.output
    draft = draft_in(articles / "vpn" / "vpn-drops-on-the-train.md")
    assert draft.title == "Vpn: drops on the train"
    assert draft.facts.answers == ("vpn: drops on the train?",)
    assert draft.problems == ()


# -- gaps ---------------------------------------------------------------------------------------


@pytest.fixture
def failed(run: Kb, tmp_path: Path) -> None:
    """Put failed searches on record: two wordings by five people, one by four."""
    (tmp_path / "data").mkdir()
    database = Database(f"sqlite:///{tmp_path / 'data' / 'tierzero.db'}")
    database.migrate()
    now = datetime.now(UTC) - timedelta(days=2)
    rows = [("label printer offline", 5), ("label printer is offline", 6), ("secret project", 4)]
    with database.begin() as connection:
        for words, people in rows:
            for person in range(people):
                _fail(connection, words, f"{words} {person}", now)
    database.close()


def _fail(connection: sa.Connection, words: str, visitor: str, at: datetime) -> None:
    name = visitor.replace(" ", "-")
    episode = {
        "id": name, "visitor": visitor, "started_at": at, "ended_at": at, "outcome": "abandoned",
        "ended": True, "closed": True, "unresolved": True, "definition": 1, "data": {"searches": 1},
    }  # fmt: skip
    search = {
        "search_id": name, "episode_id": name, "at": at, "visitor": visitor, "failure": "zero",
        "words": words, "words_key": words, "language": "en", "definition": 1,
    }  # fmt: skip
    connection.execute(sa.insert(episodes).values(episode))
    connection.execute(sa.insert(failed_searches).values(search))


def test_gaps_are_listed_when_enough_people_failed(run: Kb, failed: None) -> None:
    assert "--rebuild" in run("gaps").stderr
    told = run("gaps", "--rebuild", semantic="false")
    assert told.exit_code == 0, told.output
    assert told.stdout.splitlines() == [
        "  1. label printer is offline  (11 people, 11 searches)",
    ]
    assert "And 1 with fewer than 5 people (4 searches)." in told.stderr
    assert "by words alone" in told.stderr
    assert run("gaps").stdout == told.stdout
    assert run("gaps", "--cause", "typo").stdout == ""
    [gap] = json.loads(run("gaps", "--format", "json").stdout)["gaps"]
    assert (gap["number"], gap["people"]) == (1, 11)
    assert run("gaps", "--format", "csv").stdout.splitlines()[1].startswith("1,label printer")
    assert "secret" not in told.output


def test_an_article_is_begun_on_a_gap_with_what_people_asked(
    run: Kb, articles: Path, failed: None
) -> None:
    run("gaps", "--rebuild", semantic="false")
    done = run("new", "--gap", "1", "--collection", "printing", "--kind", "fix")
    assert done.exit_code == 0, done.output
    draft = draft_in(articles / "printing" / "label-printer-is-offline.md")
    assert draft.title == "Label printer is offline"
    assert draft.facts.answers == ("label printer is offline", "label printer offline")
    assert run("new", "--gap", "3", "--collection", "printing").exit_code == 1


# -- rules --------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(title=st.text(min_size=1, max_size=80), answer=st.text(max_size=60))
def test_whatever_the_title_the_file_is_an_article_that_has_it(
    tmp_path_factory: pytest.TempPathFactory, title: str, answer: str
) -> None:
    words = " ".join(title.split())
    if not slug_of(words) or not words.isprintable() or not answer.isprintable():
        return
    folder = tmp_path_factory.mktemp("any")
    asked = tuple(filter(None, [" ".join(answer.split())]))
    wanted = NewArticle(title=words, collection="any", kind=ArticleKind.FIX, answers=asked)
    file = begin(folder, wanted, TODAY)
    assert is_article(file.relative_to(folder).as_posix())
    draft = draft_in(file)
    assert draft.problems == ()
    assert draft.title == words
    assert draft.facts.answers == asked
