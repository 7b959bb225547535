"""Fixtures for every test: a database of each kind, the real model, a built site.

PostgreSQL is a throwaway cluster of our own; where its server is not installed the tests that
need it are skipped by name, and in CI (CI=true) they fail instead.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import socket
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from benchmarks.cluster import cluster, programs
from kb import database as database_module
from kb.accounts.roles import Role
from kb.accounts.store import Accounts
from kb.app import create_app
from kb.cli.main import main
from kb.config.settings import Settings, load
from kb.database import Database
from kb.schema import metadata
from kb.services import Services, build
from kb.tracking.recorder import flush_all
from search import engine
from search.types import Mode
from tests import ready
from tests.clients import Client
from tests.order import in_order, needs_model
from tests.quick import make_quick
from tests.ready import once

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"
IN_CI = os.environ.get("CI", "").lower() == "true"

# A busy machine is waited for: a search that gives up on the model finds other articles, and many
# connections at once may take PostgreSQL long.
engine.EngineSettings.__init__.__defaults__ = (Mode.HYBRID, 60.0, 60.0)
database_module.CONNECT_S = 60
make_quick()

# The same examples each time, however slow the machine: a test is green or red, never by chance.
# `--hypothesis-profile=chance` looks for others; what it finds becomes an @example.
EXAMPLES = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "print_blob": True}
hypothesis_settings.register_profile("same", derandomize=True, **EXAMPLES)
hypothesis_settings.register_profile("chance", **EXAMPLES)
hypothesis_settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --fast: what needs neither a browser nor PostgreSQL nor a served site."""
    parser.addoption("--fast", action="store_true", help="leave out e2e, browsers, PostgreSQL")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --fast leave out what starts servers. Several processes take the files in an order in
    which none waits for another.
    """
    if config.getoption("--fast"):
        left = [item for item in items if _starts_servers(item)]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in set(left)]
    if hasattr(config, "workerinput"):
        items[:] = in_order(items)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Where several processes run, begin to make the models while tests that need none run."""
    cache = getattr(session.config, "cache", None)
    first = os.environ.get("PYTEST_XDIST_WORKER") == "gw0"
    if first and cache and any(needs_model(item) for item in session.items):
        making = ready.begin(Path(cache.mkdir(ready.MODEL)), Path(cache.mkdir(ready.PUBLISHED)))
        session.config.add_cleanup(making)


def _starts_servers(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    params = getattr(getattr(item, "callspec", None), "params", {})
    return (
        item.path.parent.name == "e2e"
        or bool(fixtures & {"serving", "chromium", "postgresql_server", "postgresql_url"})
        or "postgresql" in params.values()
    )


def missing(what: str) -> None:
    """Skip for want of `what`; in CI nothing may be skipped for that."""
    (pytest.fail if IN_CI else pytest.skip)(f"{what} is not installed on this machine")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Undo what a command that ran in this process did to it."""
    with process_as_before():
        yield


@contextmanager
def process_as_before() -> Iterator[None]:
    """Undo what a command does to its process: here the process goes on. It sets logging up and
    keeps temporary files with its data.
    """
    root, ours, place = logging.getLogger(), logging.getLogger("kb"), os.environ.get("TMPDIR")
    before = root.handlers[:], root.level, ours.level
    try:
        yield
    finally:
        root.handlers[:], root.level = before[0], before[1]
        ours.setLevel(before[2])
        if os.environ.get("TMPDIR") != place:
            os.environ.pop("TMPDIR")
            os.environ.update({"TMPDIR": place} if place else {})
            tempfile.tempdir = None


def kb(data: Path, *words: str, typed: str = "", **settings: str) -> Result:
    """Run `kb` over a data folder in this process, by words alone unless settings say otherwise."""
    given = {"data": str(data), "templates": str(ROOT / "templates"), "semantic": "off"} | settings
    environ = {f"KB_{name.upper()}": value for name, value in given.items()}
    with process_as_before():
        return CliRunner().invoke(main, list(words), input=typed, env=environ)


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Return a function that finds a port nobody listens on."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return find


@pytest.fixture(scope="session")
def serving() -> None:
    """Ask for this where a site, a preview or a worker is run by itself: --fast leaves it out."""


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Run a throwaway PostgreSQL cluster; give its URL without a database name."""
    if programs() is None:
        missing("PostgreSQL's server")
        return
    with cluster("-c", "fsync=off", "-c", "max_connections=200") as url:
        yield url.removesuffix("/postgres")


@pytest.fixture(scope="session")
def postgresql_url(postgresql_server: str) -> str:
    """Return the URL of a migrated PostgreSQL database that tests share, emptied before each."""
    url = f"{postgresql_server}/postgres"
    database = Database(url)
    database.migrate()
    database.close()
    return url


@pytest.fixture(scope="session")
def _empty_postgresql(postgresql_url: str) -> Iterator[Callable[[], None]]:
    """Return a function that empties that database: quicker than truncating every table is to ask
    first which of them hold anything or have counted.
    """
    names = [table.name for table in metadata.sorted_tables]
    used = [f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in names]
    used.append("SELECT replace(sequencename, '_seq_seq', '') FROM pg_sequences"
                " WHERE last_value IS NOT NULL")  # fmt: skip
    asked = sa.text(" UNION ".join(used))
    database = Database(postgresql_url)

    def empty() -> None:
        with database.begin() as connection:
            if found := connection.scalars(asked).all():
                every = f"TRUNCATE {', '.join(found)} RESTART IDENTITY CASCADE"
                connection.execute(sa.text(every))

    yield empty
    database.close()


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated, empty SQLite file to copy: migrating once is quicker."""
    file = tmp_path_factory.mktemp("template") / "empty.db"
    database = Database(f"sqlite:///{file}")
    database.migrate()
    database.close()
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty, migrated database: each test runs on both kinds."""
    if request.param == "sqlite":
        file = tmp_path / "record.db"
        shutil.copy(request.getfixturevalue("_sqlite_template"), file)
        return f"sqlite:///{file}"
    request.getfixturevalue("_empty_postgresql")()
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Return an empty, migrated database: each test runs on SQLite and on PostgreSQL."""
    opened = Database(database_url)
    yield opened
    flush_all()  # else a test's last events may reach the next one's record
    opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """Return a database without a table; PostgreSQL's sessions are in another time zone."""
    if request.param == "sqlite":
        return Database(f"sqlite:///{tmp_path / 'before.db'}")
    server, name = request.getfixturevalue("postgresql_server"), f"before{uuid.uuid4().hex[:8]}"
    engine = sa.create_engine(
        sa.make_url(f"{server}/postgres").set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
    )
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
        connection.execute(sa.text(f"ALTER DATABASE {name} SET timezone TO 'Asia/Tokyo'"))
    engine.dispose()
    return Database(f"{server}/{name}")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real corpora and judged queries, or skip saying that it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the judged corpora (../shared/data) are not beside this checkout")
    return SHARED_DATA


# -- the site -----------------------------------------------------------------------------------

Flask.test_client_class = Client


PASSWORD = "correct horse battery staple"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0 Safari/537.36"
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


def _of_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all processes of this run share."""
    ours = tmp_path_factory.getbasetemp()
    return ours.parent if "PYTEST_XDIST_WORKER" in os.environ else ours


def _kept(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory, name: str) -> Path:
    """Return a folder that the processes of a run share: in pytest's cache, if there is one."""
    cache = getattr(pytestconfig, "cache", None)  # absent with -p no:cacheprovider
    if cache:
        return Path(cache.mkdir(name))
    folder = _of_run(tmp_path_factory) / name
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """Return a folder with the model's light runtime, which nobody changes.

    Making it takes half a minute, so it is kept until what makes it changes.
    """
    return ready.model_in(_kept(pytestconfig, tmp_path_factory, ready.MODEL))


@pytest.fixture(scope="session")
def published(
    model: Path, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Path:
    """Return a data folder in which the shipped articles are published with the real model.

    One process of a run publishes for all, and not again on the same day for the same commit and
    files.
    """
    place = _kept(pytestconfig, tmp_path_factory, ready.PUBLISHED)
    data = tmp_path_factory.mktemp("published-copy") / "data"
    shutil.copytree(ready.published_in(place, model), data, symlinks=True)
    return data


DEMO_DAYS = 16


@pytest.fixture(scope="module")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a site's data, `var`, what they were before, and a demonstration of
    DEMO_DAYS beside them, `var-demo`: a copy for this file of what a run makes once.
    """

    def fill(fresh: Path) -> None:
        assert kb(fresh / "var", "migrate").exit_code == 0
        (fresh / "before.txt").write_text(digest(fresh / "var"))
        done = kb(fresh / "var", "demo", "--days", str(DEMO_DAYS))
        assert done.exit_code == 0, done.output

    home = tmp_path_factory.mktemp("demo-home") / "home"
    return Path(shutil.copytree(once(_of_run(tmp_path_factory), "demonstration", fill), home))


def digest(folder: Path) -> str:
    """Return a digest of every file in the folder."""
    found = hashlib.sha256()
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        found.update(file.relative_to(folder).as_posix().encode() + file.read_bytes())
    return found.hexdigest()


@pytest.fixture(scope="session")
def _peopled_template(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> Path:
    """Return a SQLite file with one account of each role; hashing passwords once is quicker."""
    file = tmp_path_factory.mktemp("template") / "peopled.db"
    shutil.copy(_sqlite_template, file)
    database, now = Database(f"sqlite:///{file}"), datetime.now(UTC)
    for role in Role:
        if role is not Role.ANONYMOUS:
            address = f"{role.value}@example.org"
            Accounts(database).add(address, PASSWORD, name=role.title(), role=role, now=now)
    database.close()
    return file


@pytest.fixture
def settings(published: Path, tmp_path: Path, _peopled_template: Path) -> Settings:
    """Return settings of a site of this test's own: published articles, an empty record."""
    data = tmp_path / "data"
    shutil.copytree(published / "index", data / "index")
    (data / "model").symlink_to(published / "model")
    shutil.copy(_peopled_template, data / "tierzero.db")
    return load(
        {},
        articles=ROOT / "articles",
        data=data,
        templates=ROOT / "templates",
        trusted_hosts="localhost,127.0.0.1",
        site_url="http://localhost",
        holdout_share=0,  # no page of a test depends on a draw unless the test asks for it
        survey_share=0,
    )


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    """Return the parts of that site, with one account of each role (see `sign_in`)."""
    parts = build(settings)
    yield parts
    parts.recorder.flush()
    parts.db.close()


@pytest.fixture
def app(services: Services) -> Flask:
    """Return the site."""
    made = create_app(services=services)
    made.testing = False  # errors are answered as readers meet them
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Return an anonymous browser of the site: it says where its requests come from."""
    return browser(app)


def browser(app: Flask, **environ: Any) -> FlaskClient:
    """Return a client that behaves as a browser on the site's own pages does."""
    made = app.test_client()
    made.environ_base["HTTP_USER_AGENT"] = BROWSER
    made.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    made.environ_base.update(environ)
    return made


@pytest.fixture
def sign_in(app: Flask) -> Callable[[str], FlaskClient]:
    """Return a function from a role to a browser signed in with that role's account."""

    def signed(role: str) -> FlaskClient:
        made = browser(app)
        form = {"email": f"{role}@example.org", "password": PASSWORD}
        assert made.post("/sign-in", data=form).status_code == 303
        return made

    return signed


@pytest.fixture
def change(services: Services) -> Callable[..., Services]:
    """Return a function that gives the services other settings."""

    def changed(**values: Any) -> Services:
        return replace(services, settings=replace(services.settings, **values))

    return changed
