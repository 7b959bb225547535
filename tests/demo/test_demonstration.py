"""`kb demo` as people meet it: what it refuses, what it fills, and how a site over it looks.

Filled by words alone and for few days: what is found by meaning is no matter here.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask.testing import FlaskClient

from kb.app import create_app
from kb.config import demo_marker
from kb.config.settings import load
from kb.connectors.files import FileConnector
from kb.services import build
from tests.conftest import DEMO_DAYS as DAYS
from tests.conftest import digest
from tests.conftest import kb as run

ROOT = Path(__file__).resolve().parents[2]
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0 Safari/537.36"


@pytest.fixture(scope="module")
def filled(demo_home: Path) -> Path:
    """Return the folder of the demonstration."""
    return demo_home / "var-demo"


def rows(filled: Path, query: str, *values: object) -> list[tuple]:
    """Return what a query finds in the demonstration's database."""
    with sqlite3.connect(filled / "tierzero.db") as database:
        return database.execute(query, values).fetchall()


def refused(result: Result) -> str:
    """Return what a refusal says, with its hint."""
    assert result.exit_code == 1, result.output
    said, hint = result.stderr.strip().splitlines()
    assert said.startswith("Error: ")
    assert hint
    return f"{said} {hint}"


# -- what it refuses ----------------------------------------------------------------------------


@pytest.mark.parametrize("folder", [".", "inside", ".."], ids=["itself", "inside it", "around it"])
def test_the_sites_own_data_is_refused(tmp_path: Path, folder: str) -> None:
    data = tmp_path / "site" / "var"
    assert run(data, "migrate").exit_code == 0
    before = digest(data)
    said = refused(run(data, "demo", "--folder", str(data / folder), "--again"))
    assert "own data folder" in said
    assert digest(data) == before


def test_the_sites_own_data_is_known_behind_a_link(tmp_path: Path) -> None:
    assert run(tmp_path / "var", "migrate").exit_code == 0
    (tmp_path / "other").symlink_to(tmp_path / "var")
    assert "own data" in refused(run(tmp_path / "var", "demo", "--folder", str(tmp_path / "other")))


def test_a_folder_with_anything_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    said = refused(run(tmp_path / "var", "demo", "--folder", str(tmp_path / "full"), "--again"))
    assert "--folder" in said
    assert [each.name for each in (tmp_path / "full").iterdir()] == ["letter.txt"]


def test_another_sites_record_is_refused(tmp_path: Path) -> None:
    assert run(tmp_path / "other", "migrate").exit_code == 0
    said = refused(run(tmp_path / "var", "demo", "--folder", str(tmp_path / "other"), "--again"))
    assert "not a demonstration" in said


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    said = refused(run(tmp_path / "var", "demo", "--folder", str(tmp_path / "file")))
    assert "is a file" in said


def test_a_database_server_is_refused(tmp_path: Path) -> None:
    url = "postgresql://tier:hunter2@127.0.0.1:1/none"
    said = refused(run(tmp_path / "var", "demo", database_url=url))
    assert "KB_DATABASE_URL=" in said
    assert "hunter2" not in said
    assert not (tmp_path / "var-demo").exists()


def test_a_whole_demonstration_is_replaced_only_when_asked(demo_home: Path, filled: Path) -> None:
    before = digest(filled)
    assert "--again" in refused(run(demo_home / "var", "demo"))
    assert digest(filled) == before


# -- what it fills ------------------------------------------------------------------------------


def test_the_sites_own_data_is_untouched(demo_home: Path, filled: Path) -> None:
    assert digest(demo_home / "var") == (demo_home / "before.txt").read_text()
    assert (filled / demo_marker.FILE).is_file()


def test_every_kind_of_event_is_there_with_the_facts_of_a_search(filled: Path) -> None:
    kinds = {kind for (kind,) in rows(filled, "SELECT DISTINCT kind FROM events")}
    assert kinds == {
        "search", "click", "view", "dwell", "vote", "solved", "form_opened", "form_withdrawn",
        "suggestion_shown", "suggestion_opened", "ticket_created", "holdout", "survey_shown",
        "survey_answered",
    }  # fmt: skip
    facts = [
        json.loads(data)
        for (data,) in rows(filled, "SELECT data FROM events WHERE kind = ?", "search")
    ]
    assert {fact["device"] for fact in facts} == {"computer", "phone", "tablet", ""}
    assert {"vpn", "accounts"} <= {fact["collection"] for fact in facts}
    assert all(fact["total"] >= len(fact["hits"]) for fact in facts)
    assert {fact["answerable"] for fact in facts} == {True, False}
    ranks = [
        json.loads(data)["rank"]
        for (data,) in rows(filled, "SELECT data FROM events WHERE kind = ?", "click")
    ]
    assert min(ranks) == 1


def test_nothing_lies_in_the_future_or_before_the_first_day(filled: Path) -> None:
    [(first, last)] = rows(filled, "SELECT min(at), max(at) FROM events")
    now = datetime.now(UTC)
    assert str(last)[:19] <= f"{now:%Y-%m-%dT%H:%M:%S}"
    assert str(first)[:10] == f"{now - timedelta(days=DAYS - 1):%Y-%m-%d}"


def test_staff_and_robots_are_left_out_of_every_episode(filled: Path) -> None:
    left_out = dict(rows(filled, "SELECT left_out, count(*) FROM events GROUP BY 1"))
    assert left_out["staff"]
    assert left_out["robot"]
    theirs = "SELECT visitor FROM events WHERE left_out <> ''"
    query = f"SELECT count(*) FROM episodes WHERE visitor IN ({theirs})"
    assert rows(filled, query) == [(0,)]


def test_nobody_is_written_to_and_nobody_could_be(filled: Path) -> None:
    assert rows(filled, "SELECT count(*) FROM outbox") == [(0,)]
    addresses = rows(filled, "SELECT email FROM users UNION SELECT requester_email FROM tickets")
    assert {str(email).partition("@")[2] for (email,) in addresses if email} == {"example.org"}
    environ = {
        "KB_DATA": str(filled),
        "KB_MAIL_URL": "smtp://mail.example.org",
        "KB_DATABASE_URL": "postgresql://tier@127.0.0.1:1/real",
        "KB_ARTICLES_REMOTE": "https://example.org/articles.git",
    }
    parts = build(load(environ))
    assert isinstance(parts.channels["mail"], FileConnector)
    assert parts.settings.demonstration
    assert parts.settings.database == f"sqlite:///{filled / 'tierzero.db'}"
    assert parts.settings.articles_remote == ""
    parts.db.close()


def test_the_rows_are_those_of_the_raw_events(filled: Path) -> None:
    assert rows(filled, "SELECT count(*) FROM episodes")[0][0] > 100
    assert run(filled, "report", "rebuild").stdout.strip().endswith("0 differ from what was kept.")


def test_articles_come_in_the_course_of_it_and_their_commits_say_when(filled: Path) -> None:
    from kb.content.sources.git import Git

    told = Git(filled / "articles", bare=False).run("log", "--format=%aI %ae")
    assert told is not None
    lines = told.decode().splitlines()
    assert len(lines) == 4
    assert {line.split()[1] for line in lines} == {"author@example.org"}
    first = datetime.fromisoformat(lines[-1].split()[0])
    assert first < datetime.now(UTC) - timedelta(days=DAYS)
    states = rows(
        filled, "SELECT DISTINCT json_extract(data, '$.commit') FROM events WHERE kind = 'search'"
    )
    assert len(states) == 4


def test_the_same_seed_makes_the_same_quarter(demo_home: Path, filled: Path) -> None:
    other = demo_home / "twin"
    done = run(demo_home / "var", "demo", "--days", str(DAYS), "--folder", str(other))
    assert done.exit_code == 0, done.output
    today = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    events = (
        "SELECT at, kind, article, words, left_out FROM events WHERE at < ? ORDER BY 1, 2, 3, 4"
    )
    outcomes = "SELECT outcome, count(*) FROM episodes WHERE started_at < ? GROUP BY 1"
    moves = (
        "SELECT e.at, e.kind, t.words_key FROM ticket_events e JOIN tickets t ON t.id = e.ticket_id"
        " WHERE e.at < ? ORDER BY 1, 2, 3"
    )
    for query in (events, outcomes, moves):
        assert rows(filled, query, today) == rows(other, query, today)
        assert rows(filled, query, today)
    shutil.rmtree(other)


def test_what_was_interrupted_is_filled_anew(tmp_path: Path) -> None:
    place = tmp_path / "var-demo"
    demo_marker.write(place, demo_marker.DemoMark("2026-01-01T00:00:00+00:00", 1, 90))
    (place / "tierzero.db").write_bytes(b"torn")
    (place / "notes.txt").write_text("mine")
    done = run(tmp_path / "var", "demo", "--days", "2")
    assert done.exit_code == 0, done.output
    made = demo_marker.read(place)
    assert made is not None
    assert made.whole
    assert rows(place, "SELECT count(*) FROM events")[0][0] > 0
    articles = {each.name for each in (place / "articles").rglob("*.md")}
    assert articles == {each.name for each in (ROOT / "articles").rglob("*.md")}
    assert (place / "notes.txt").read_text() == "mine"


# -- how a site over it looks -------------------------------------------------------------------


@pytest.fixture
def visitor(filled: Path) -> Iterator[FlaskClient]:
    """Return a browser of the site over the demonstration."""
    environ = {
        "KB_DATA": str(filled),
        "KB_TEMPLATES": str(ROOT / "templates"),
        "KB_SEMANTIC": "off",
    }
    parts = build(load(environ))
    made = create_app(services=parts).test_client()
    made.environ_base["HTTP_USER_AGENT"] = BROWSER
    made.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    yield made
    parts.db.close()


@pytest.mark.parametrize(
    "path", ["/", "/search?q=vpn", "/articles/vpn/connect-to-the-vpn", "/nowhere", "/sign-in"]
)
def test_every_page_says_that_it_is_made_up(visitor: FlaskClient, path: str) -> None:
    assert demo_marker.SAYS in visitor.get(path).text


def test_the_lead_signs_in_and_finds_the_reports_full(visitor: FlaskClient, filled: Path) -> None:
    email, password = (filled / "sign-in.txt").read_text().split()
    assert (filled / "sign-in.txt").stat().st_mode & 0o077 == 0
    signed = visitor.post("/sign-in", data={"email": email, "password": password})
    assert signed.status_code == 303
    for path in ("/reports/", "/reports/gaps", "/reports/privacy", "/desk/"):
        page = visitor.get(path, follow_redirects=True)
        assert page.status_code == 200, path
        assert demo_marker.SAYS in page.text


def test_a_real_site_says_nothing_of_it(client: FlaskClient) -> None:
    assert 'class="demonstration"' not in client.get("/").text
