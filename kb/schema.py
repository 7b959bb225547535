"""The tables, as the newest revision of kb.migrations makes them.

Promises names and types that SQLite and PostgreSQL share; a test holds the revisions to this page.
Knows no query and no rule of the product.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect


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
