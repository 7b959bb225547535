"""The database: tables, and transactions that hold on SQLite and on PostgreSQL alike.

Promises that a write transaction takes its lock at the start (SQLite's deferred BEGIN fails under
concurrent writers), that a committed row is on disk, and that times go in and come out as aware
UTC. Knows no rule of the product; stores speak SQL, nobody else does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection as Connection  # callers hold one and pass it on
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.engine import Row as Row
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from kb.errors import StoreError

LOCK_WAIT_S = 30  # a writer waits this long for SQLite's lock before it gives up
MIGRATION_LOCK = 0x7137_0000  # any number of our own
# Whatever a database can answer with, for callers that must go on without it.
FAULTS: tuple[type[Exception], ...] = (StoreError, SQLAlchemyError)
NEWEST_REVISION = "0001"  # a test holds it to the folder of revisions
MIGRATIONS = Path(__file__).with_name("migrations")


class UtcTime(sa.TypeDecorator[datetime]):
    """An aware UTC time; SQLite keeps it as sortable text of fixed width."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.String(32))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times must be aware")
        value = value.astimezone(UTC)
        return value.isoformat(timespec="microseconds") if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        del dialect  # the value's own type says enough
        if value is None:
            return None
        return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(36), primary_key=True)


# -- the record ---------------------------------------------------------------------------------

events = sa.Table(
    "events",
    metadata,
    # seq orders what was recorded; id makes a replayed event land once.
    sa.Column(
        "seq",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("id", sa.String(36), nullable=False, unique=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("visitor", sa.String(64), nullable=False),
    sa.Column("user_id", sa.String(36)),
    sa.Column("search_id", sa.String(36)),
    sa.Column("article", sa.String(255)),
    sa.Column("words", sa.Text),  # redacted before it came here; emptied after the retention
    sa.Column("words_key", sa.String(64)),  # folded words: what "the same words" means
    sa.Column("left_out", sa.String(16), nullable=False, server_default=""),  # staff, robot
    sa.Column("data", sa.JSON, nullable=False),
    sa.Index("ix_events_visitor_at", "visitor", "at"),
    sa.Index("ix_events_at", "at"),
    sa.Index("ix_events_search_id", "search_id"),
)

episodes = sa.Table(
    "episodes",
    metadata,
    _id(),
    sa.Column("visitor", sa.String(64), nullable=False),
    sa.Column("user_id", sa.String(36)),
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("ended_at", UtcTime, nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("ended", sa.Boolean, nullable=False),  # the gap has passed
    sa.Column("closed", sa.Boolean, nullable=False),  # the outcome window has passed too
    sa.Column("unresolved", sa.Boolean, nullable=False),
    sa.Column("policy", sa.String(16), nullable=False, server_default=""),  # what a policy did
    sa.Column("definition", sa.Integer, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Index("ix_episodes_started_at", "started_at"),
    sa.Index("ix_episodes_visitor", "visitor", "started_at"),
)

failed_searches = sa.Table(
    "failed_searches",
    metadata,
    sa.Column("search_id", sa.String(36), primary_key=True),
    sa.Column("episode_id", sa.String(36), nullable=False, index=True),
    sa.Column("at", UtcTime, nullable=False, index=True),
    sa.Column("visitor", sa.String(64), nullable=False),
    sa.Column("failure", sa.String(16), nullable=False),
    sa.Column("words", sa.Text),
    sa.Column("words_key", sa.String(64), nullable=False, index=True),
    sa.Column("language", sa.String(16), nullable=False),
    sa.Column("definition", sa.Integer, nullable=False),
)

salts = sa.Table(
    "salts",
    metadata,
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("salt", sa.LargeBinary, nullable=False),
)

# -- people -------------------------------------------------------------------------------------

users = sa.Table(
    "users",
    metadata,
    _id(),
    sa.Column("email", sa.String(255), nullable=False, unique=True),  # lower case
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("password_hash", sa.String(255), nullable=False),
    sa.Column("session_version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("created_at", UtcTime, nullable=False),
)

api_tokens = sa.Table(
    "api_tokens",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("label", sa.String(100), nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
)

rate_windows = sa.Table(
    "rate_windows",
    metadata,
    sa.Column("key", sa.String(128), primary_key=True),
    sa.Column("window", sa.BigInteger, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
)

# -- the desk -----------------------------------------------------------------------------------

tickets = sa.Table(
    "tickets",
    metadata,
    _id(),
    sa.Column("number", sa.Integer, nullable=False, unique=True),
    sa.Column("origin", sa.String(16), nullable=False),  # asked, policy, demand
    # What the ticket is about, so that one need never has two open tickets; see kb.desk.needs.
    sa.Column("need_key", sa.String(128), nullable=False),
    sa.Column("open_need_key", sa.String(128), unique=True),  # need_key while open, then null
    sa.Column("words_key", sa.String(64), nullable=False, index=True),
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("status", sa.String(16), nullable=False, index=True),
    sa.Column("tier", sa.Integer, nullable=False),
    sa.Column("tier_since", UtcTime, nullable=False),
    sa.Column("waiting_since", UtcTime),  # the tier's clock stands still from here
    sa.Column("assignee_id", sa.String(36)),
    sa.Column("requester_name", sa.String(255), nullable=False, server_default=""),
    sa.Column("requester_email", sa.String(255), nullable=False, server_default=""),
    sa.Column("requester_id", sa.String(36), index=True),
    sa.Column("visitor", sa.String(64), nullable=False, server_default=""),
    sa.Column("search_id", sa.String(36)),
    sa.Column("link_digest", sa.String(64), nullable=False, unique=True),
    sa.Column("language", sa.String(16), nullable=False),
    sa.Column("trail", sa.JSON, nullable=False),
    sa.Column("resolution", sa.String(24), nullable=False, server_default=""),
    sa.Column("resolution_article", sa.String(255), nullable=False, server_default=""),
    sa.Column("created_at", UtcTime, nullable=False, index=True),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("resolved_at", UtcTime),
    sa.Column("version", sa.Integer, nullable=False),
)

ticket_events = sa.Table(
    "ticket_events",
    metadata,
    sa.Column(
        "seq",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("ticket_id", sa.ForeignKey("tickets.id"), nullable=False, index=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("kind", sa.String(24), nullable=False),
    sa.Column("actor", sa.String(255), nullable=False),
    sa.Column("public", sa.Boolean, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
)

ticket_numbers = sa.Table(
    "ticket_numbers",
    metadata,
    sa.Column("name", sa.String(16), primary_key=True),
    sa.Column("last", sa.Integer, nullable=False),
)

outbox = sa.Table(
    "outbox",
    metadata,
    _id(),  # also the idempotency key of the delivery
    sa.Column("ticket_id", sa.String(36)),
    sa.Column("channel", sa.String(24), nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("due_at", UtcTime, nullable=False, index=True),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("state", sa.String(12), nullable=False, index=True),  # waiting, delivered, dead
    sa.Column("error", sa.Text, nullable=False, server_default=""),
)

offers = sa.Table(
    "offers",
    metadata,
    _id(),
    sa.Column("user_id", sa.String(36), nullable=False, index=True),
    sa.Column("episode_id", sa.String(36), nullable=False, unique=True),
    sa.Column("need_key", sa.String(128), nullable=False),
    sa.Column("search_id", sa.String(36), nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("state", sa.String(12), nullable=False),  # open, taken, declined
    sa.Column("created_at", UtcTime, nullable=False),
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("until", UtcTime, nullable=False),
)


class Database:
    """One database by URL. `begin()` writes, `read()` reads; both hand out a Connection."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)

    @property
    def dialect(self) -> str:
        """Return "sqlite" or "postgresql"."""
        return self.engine.dialect.name

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Hand out a connection in one write transaction; commit on leaving, undo on an error."""
        with _plain_errors(), self.engine.connect() as connection:
            if self.dialect == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            with connection.begin() if self.dialect != "sqlite" else _sqlite_end(connection):
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Hand out a connection for reading; on SQLite it sees one state throughout."""
        with _plain_errors(), self.engine.connect() as connection:
            if self.dialect == "sqlite":
                connection.exec_driver_sql("BEGIN")
            yield connection
            connection.rollback()

    def ping(self) -> None:
        """Raise StoreError unless the database answers."""
        with self.read() as connection:
            connection.execute(sa.select(1))

    def migrate(self) -> None:
        """Bring the schema to the newest revision; at the newest already, do nothing."""
        if self._revision() == NEWEST_REVISION:
            return  # saves a start the quarter second that importing Alembic takes
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

    def insert_once(
        self, connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]
    ) -> int:
        """Insert rows, leaving out those whose key is there already; return how many were new."""
        if not rows:
            return 0
        insert = (postgresql if self.dialect == "postgresql" else sqlite).insert(table)
        statement = insert.on_conflict_do_nothing().execution_options(preserve_rowcount=True)
        return sum(connection.execute(statement, dict(row)).rowcount for row in rows)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    """Return an engine for the URL; StoreError when it names nothing that can be used."""
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise _bad_url("it is not a URL") from None
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    if parsed.get_backend_name() != "postgresql":
        raise _bad_url(f"{parsed.drivername} is not supported")
    try:
        return sa.create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,  # a restarted server costs no failed request
            pool_size=8,
            max_overflow=8,
            isolation_level="READ COMMITTED",
            connect_args={"connect_timeout": 5},
        )
    except (NoSuchModuleError, ModuleNotFoundError):
        raise StoreError(
            "PostgreSQL is set but its driver is not installed.",
            "Install it with: pip install 'tier-zero[postgres]'.",
        ) from None


def _bad_url(why: str) -> StoreError:
    return StoreError(
        f"The setting database_url cannot be used: {why}.",
        "Write postgresql://user:password@host:5432/name, or leave it empty for SQLite.",
    )


def _sqlite(url: sa.URL) -> Engine:
    """Return a SQLite engine: WAL, every commit on disk, transactions begun by hand."""
    file = Path(url.database or "")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise StoreError(
            f"The data folder {file.parent} cannot be made: {problem.strerror}.",
            "Give this user the right to write there, or set KB_DATA to another folder.",
        ) from None
    engine = sa.create_engine(
        url, connect_args={"timeout": LOCK_WAIT_S, "check_same_thread": False}
    )

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not open transactions of its own
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


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
    """Return the driver's own words, without the statement and its values."""
    return str(getattr(problem, "orig", None) or problem).strip().splitlines()[0].rstrip(".")
