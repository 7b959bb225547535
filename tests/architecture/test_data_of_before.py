"""A data folder and a database of an earlier version open without loss.

data_of_0010.tar.xz holds four articles and a data folder that revision 0010 of the schema filled:
six visits, two tickets, a day's counts, an annotation, a saved view and a snapshot, and the
generation that was live.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from kb.app import create_app
from kb.config.settings import Settings, load
from kb.database import Database
from kb.schema import metadata
from kb.services import build
from search.index.generation import open_current
from tests.conftest import OWN_PAGE, PASSWORD

ROOT = Path(__file__).resolve().parents[2]
KEPT = Path(__file__).with_name("data_of_0010.tar.xz")


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Return the settings of a site over a copy of the folder, on SQLite and on PostgreSQL."""
    with tarfile.open(KEPT) as archive:
        archive.extractall(tmp_path, filter="data")
    given = {"data": tmp_path / "data", "articles": tmp_path / "articles", "semantic": False}
    found = load({}, **given, templates=ROOT / "templates", k_anonymity=2)
    if database_url.startswith("postgresql"):
        found = load({}, **given, templates=ROOT / "templates", k_anonymity=2,
                     database_url=database_url)  # fmt: skip
        _carry_over(f"sqlite:///{tmp_path / 'data' / 'tierzero.db'}", found.database)
    return found


def _carry_over(of: str, to: str) -> None:
    """Copy every row of the SQLite database into the other."""
    database = Database(to)
    database.migrate()
    database.close()
    source = sa.create_engine(of)
    target = sa.create_engine(sa.make_url(to).set(drivername="postgresql+psycopg"))
    with source.connect() as rows, target.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(sa.delete(table))
            found = [dict(row._mapping) for row in rows.execute(sa.select(table))]
            if found:
                connection.execute(sa.insert(table), found)
    source.dispose()
    target.dispose()


@pytest.fixture
def lead(settings: Settings) -> Iterator[FlaskClient]:
    """Return a browser in which the lead of that time is signed in."""
    parts = build(settings)
    client = create_app(settings, parts).test_client()
    account = {"email": "lead@example.org", "password": PASSWORD}
    assert client.post("/sign-in", data=account, headers=OWN_PAGE).status_code == 303
    yield client
    parts.db.close()


def test_the_generation_serves_as_it_is(settings: Settings, lead: FlaskClient) -> None:
    before = (settings.generations / "CURRENT").read_text()
    assert "print team" in lead.get("/articles/print/offline").text
    assert "The printer is offline" in lead.get("/search?q=printer offline").text
    asked_for_a_field = lead.get("/search?q=title:printer").text
    assert "The printer is offline" in asked_for_a_field
    assert "Printer codes for staff" in asked_for_a_field
    assert lead.get("/articles/print/draft").status_code == 404
    assert (settings.generations / "CURRENT").read_text() == before
    assert open_current(settings.generations).commit.startswith("folder-")


def test_what_people_did_is_counted_as_before(lead: FlaskClient) -> None:
    table = lead.get("/reports/days.csv?range=last-full-year")
    assert table.status_code == 200
    days = lead.get("/api/v1/reports/failing-words?from=2026-11-01&until=2026-11-30").get_json()
    assert "coffee machine leaks" in str(days)
    tickets = lead.get(
        "/api/v1/reports/tickets-by-tier?from=2026-11-01&until=2026-11-30"
    ).get_json()
    assert sum(row["tickets"] for row in tickets["rows"]) == 2
    queue = lead.get("/desk/?state=all").text
    assert "Coffee machine leaks" in queue


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("/reports/kept", "First week"),
        ("/reports/notes", "Coffee day"),
        ("/reports/views", "Mine"),
        ("/reports/gaps?status=any", "coffee machine leaks"),
    ],
)
def test_what_leads_added_is_there(lead: FlaskClient, page: str, said: str) -> None:
    assert said in lead.get(page).text


def test_a_snapshot_shows_its_cells(lead: FlaskClient) -> None:
    address = lead.get("/reports/kept").text.split('href="/reports/kept/')[1].split('"')[0]
    page = lead.get(f"/reports/kept/{address}")
    assert page.status_code == 200
    assert "First week" in page.text
    assert lead.get(f"/reports/kept/{address}/days.csv").status_code == 200
