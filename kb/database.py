"""The database: transactions that behave alike on SQLite and PostgreSQL.

A write transaction takes its lock at the start, because SQLite's deferred BEGIN fails under
concurrent writers. A committed row is on disk. An error of the driver becomes a StoreError in plain
words. The tables are in kb.schema; only the stores contain SQL.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection as Connection
from sqlalchemy.engine import Engine
from sqlalchemy.engine import Row as Row
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from kb.config.settings import Settings
from kb.errors import NotFound, StoreError

LOCK_WAIT_S = 30.0  # how long a worker or a command waits for another's lock
PAGE_WAIT_S = 2.0  # how long a page waits
CONNECT_S = 5  # timeout of a connection to PostgreSQL
# How long a page waits behind a crowd of others, renewed while anybody gets the lock.
CROWDED_S = 0.5
AGAIN_S = 5.0  # how long after a failed wait the next are cut to CROWDED_S, or to 0 in a crowd
SCRUB_TRIES, SCRUB_WAIT_MS = 10, 300  # to let readers end before deleted data is wiped
MIGRATION_LOCK = 0x7137_0000  # an arbitrary number of our own
# Every error of a database, for callers that must go on without it.
FAULTS: tuple[type[Exception], ...] = (StoreError, SQLAlchemyError)
NEWEST_REVISION = "0010"  # a test compares it with the folder of revisions
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
MIGRATIONS = Path(__file__).with_name("migrations")


class Database:
    """One database by URL. `begin()` writes, `read()` reads; both yield a Connection.

    A transaction waits up to `wait_s` seconds for a lock that another program holds. With `crowd`,
    at most so many threads of a process wait that long at a time; the others are refused almost at
    once, so that threads remain for those who only read.
    """

    def __init__(self, url: str, *, wait_s: float | None = None, crowd: int = 0) -> None:
        self.wait_s = LOCK_WAIT_S if wait_s is None else wait_s
        self.engine = _engine(url, self.wait_s)
        self._queue = _Queue(crowd)

    @property
    def dialect(self) -> str:
        """Return "sqlite" or "postgresql"."""
        return self.engine.dialect.name

    @contextmanager
    def begin(self, *, wait_s: float | None = None) -> Iterator[Connection]:
        """Yield a connection in one write transaction; commit on leaving, roll back on an error.

        Raise StoreError when another program's lock is not released within `wait_s` seconds (by
        default the database's own `wait_s`).
        """
        patience = self.wait_s if wait_s is None else wait_s
        with _plain_errors(), self.engine.connect() as connection:
            if self.dialect == "sqlite":
                take = partial(_begin_immediate, connection, usual=self.wait_s)
                self._queue.wait(take, patience)
                with _sqlite_end(connection):
                    yield connection
                return
            with connection.begin():
                if wait_s is not None:
                    limit = int(wait_s * 1000)
                    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {limit}")
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection for reading that sees one state throughout."""
        with _plain_errors(), self.engine.connect() as connection:
            if self.dialect == "sqlite":
                connection.exec_driver_sql("BEGIN")
            else:  # READ COMMITTED would show each statement another state
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection
            connection.rollback()

    def ping(self) -> None:
        """Raise StoreError unless the database answers."""
        with self.read() as connection:
            connection.execute(sa.select(1))

    def migrate(self) -> None:
        """Bring the schema to the newest revision; do nothing where it is already there. Raise
        StoreError when a later version of the product made it.
        """
        found = self._revision()
        if found == NEWEST_REVISION:
            return  # importing Alembic takes a quarter of a second
        if found and not list((MIGRATIONS / "versions").glob(f"{found}_*.py")):
            raise StoreError(
                f"The database is of another version of Tier Zero: its schema is {found}, and this "
                f"version knows those up to {NEWEST_REVISION}.",
                "Install the version that made it, or restore the backup from before the upgrade.",
            )
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self.begin() as connection:
            if self.dialect == "postgresql":  # two machines starting at once take turns
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def _revision(self) -> str:
        """Return the schema's revision, "" where there is none yet."""
        with self.read() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return ""
            return str(connection.scalar(sa.text("SELECT version_num FROM alembic_version")))

    def size(self) -> int:
        """Return the bytes of SQLite's file, 0 with PostgreSQL, whose VACUUM blocks nobody."""
        if self.dialect != "sqlite":
            return 0
        with self.read() as connection:
            pages = connection.scalar(sa.text("PRAGMA page_count"))
            return int(pages or 0) * int(connection.scalar(sa.text("PRAGMA page_size")) or 0)

    def scrub(self) -> bool:
        """Wipe deleted data from the database's own files too; return whether that is done.

        SQLite's file is rewritten, because pages that were split keep copies of cells; this fails
        while another process reads an older state, since the -wal file still holds the words.
        PostgreSQL is told to clear its tables of old rows.
        """
        with _plain_errors(), self.engine.connect() as connection:
            if self.dialect == "postgresql":
                alone = connection.execution_options(isolation_level="AUTOCOMMIT")
                alone.exec_driver_sql("VACUUM")
                return True
            try:
                connection.exec_driver_sql("VACUUM")
                connection.exec_driver_sql(f"PRAGMA busy_timeout={SCRUB_WAIT_MS}")
                return _truncated(connection)
            except sa.exc.OperationalError:  # locked by a writer, or the disk is full
                return False
            finally:
                _patience(connection, self.wait_s)

    def insert_once(
        self, connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]
    ) -> int:
        """Insert rows, leaving out those whose key is there already; return how many were new."""
        if not rows:
            return 0
        statement = _inserting_once(self.dialect, table)
        return sum(connection.execute(statement, dict(row)).rowcount for row in rows)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


class _Queue:
    """The threads of one process that wait for SQLite's lock."""

    def __init__(self, crowd: int) -> None:
        self._crowd = crowd
        self._lock = threading.Lock()
        self._waiting = 0
        self._got = 0  # how often the lock was taken
        self._in_vain = float("-inf")  # when a wait last failed; reset when one succeeds

    def wait(self, attempt: Callable[[float], None], patience: float) -> None:
        """Call `attempt` with the seconds that it may wait until it raises no OperationalError, for
        at most `patience` seconds; in a crowd, go on only while others get the lock.
        """
        until = time.monotonic() + patience
        with self._lock:
            ahead, self._waiting = self._waiting, self._waiting + 1
        try:
            while not self._tried(attempt, until, crowded=0 < self._crowd <= ahead):
                pass
        except sa.exc.OperationalError:
            self._in_vain = time.monotonic()
            raise
        finally:
            with self._lock:
                self._waiting -= 1

    def _tried(self, attempt: Callable[[float], None], until: float, *, crowded: bool) -> bool:
        """Return whether the lock was taken, False when it is to be tried again."""
        now, before = time.monotonic(), self._got
        stuck = bool(self._crowd) and now - self._in_vain < AGAIN_S
        seconds = max(0.0, until - now)
        if stuck or crowded:
            seconds = min(seconds, 0.0 if stuck and crowded else CROWDED_S)
        try:
            attempt(seconds)
        except sa.exc.OperationalError:
            if self._got == before or time.monotonic() >= until:
                raise
            return False
        self._got += 1
        self._in_vain = float("-inf")
        return True


def _begin_immediate(connection: Connection, seconds: float, *, usual: float) -> None:
    """Take SQLite's write lock, waiting at most `seconds`."""
    if seconds != usual:
        _patience(connection, seconds)
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        if seconds != usual:
            _patience(connection, usual)


def _patience(connection: Connection, seconds: float) -> None:
    connection.exec_driver_sql(f"PRAGMA busy_timeout={int(seconds * 1000)}")


@cache
def _inserting_once(dialect: str, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    insert = _insert(dialect, table)
    return insert.on_conflict_do_nothing().execution_options(preserve_rowcount=True)


def insert_into(connection: Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT of the connection's own kind, which can say what to do on a conflict."""
    return _insert(connection.dialect.name, table)


def _insert(dialect: str, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def _engine(url: str, wait_s: float) -> Engine:
    """Return an engine for the URL; raise StoreError when it cannot be used."""
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise _bad_url("it is not a URL") from None
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed, wait_s)
    if parsed.get_backend_name() != "postgresql":
        raise _bad_url(f"{parsed.drivername} is not supported")
    try:
        engine = sa.create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,  # a restarted server costs no failed request
            pool_size=8,
            max_overflow=8,
            isolation_level="READ COMMITTED",
            connect_args={"connect_timeout": CONNECT_S},
            hide_parameters=True,  # emails and queries stay out of logs
        )
    except (NoSuchModuleError, ModuleNotFoundError):
        raise StoreError(
            "PostgreSQL is set but its driver is not installed.",
            "In the checkout: .venv/bin/pip install -e '.[postgres]'.",
        ) from None

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        if wait_s < LOCK_WAIT_S:  # pages only: a migration may wait for another machine's
            connection.execute(f"SET lock_timeout = {int(wait_s * 1000)}")
            connection.commit()

    return engine


def _bad_url(why: str) -> StoreError:
    return StoreError(
        f"The setting database_url cannot be used: {why}.",
        "Write postgresql://user:password@host:5432/name, or leave it empty for SQLite.",
    )


def _sqlite(url: sa.URL, wait_s: float) -> Engine:
    """Return a SQLite engine: WAL, every commit on disk, transactions begun by hand."""
    file = Path(url.database or "")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise StoreError(
            f"The data folder {file.parent} cannot be made: {problem.strerror}.",
            "Give this user the right to write there, or set KB_DATA to another folder.",
        ) from None
    engine = sa.create_engine(
        url,
        connect_args={"timeout": wait_s, "check_same_thread": False},
        hide_parameters=True,
    )

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not open transactions of its own
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _truncated(connection: Connection) -> bool:
    """Move SQLite's log into the database and empty it; False when a reader prevents that."""
    for attempt in range(SCRUB_TRIES):
        if attempt:
            time.sleep(SCRUB_WAIT_MS / 1000)
        try:
            row = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        except sa.exc.OperationalError:  # locked: another process is moving it
            continue
        if row[0] == 0:
            return True
    return False


@contextmanager
def _sqlite_end(connection: Connection) -> Iterator[None]:
    """Commit what BEGIN IMMEDIATE opened, or roll it back."""
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn the driver's errors into a StoreError that says what to do; keep integrity errors."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise
    except SQLAlchemyError as problem:
        raise StoreError(
            f"The database did not do what was asked: {_first_line(problem)}.",
            "Check that it runs, that database_url is right, and that its folder can be written.",
        ) from problem


def _first_line(problem: SQLAlchemyError) -> str:
    """Return the first line of the driver's message, without the statement and its values."""
    return str(getattr(problem, "orig", None) or problem).strip().splitlines()[0].rstrip(".")


PATIENCE_S = 1  # writers of events wait no longer: the event then goes to the spool


@contextmanager
def hasty(db: Database) -> Iterator[Connection]:
    """Yield a connection in a write transaction that gives up on a lock after PATIENCE_S."""
    with db.begin(wait_s=PATIENCE_S) as connection:
        yield connection


def open_record(settings: Settings) -> Database:
    """Return the site's database, migrated; raise NotFound where there is none yet."""
    if not settings.database_url and not (settings.data / "tierzero.db").exists():
        raise NotFound(
            "There is no record of searches here.",
            "Run this where the site's data is: KB_DATA=path/to/data, or KB_DATABASE_URL.",
        )
    db = Database(settings.database)
    db.migrate()
    return db
