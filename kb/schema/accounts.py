"""The tables of accounts: people, API tokens, password links, rate limits, erasures."""

from __future__ import annotations

import sqlalchemy as sa

from kb.schema.columns import UtcTime, id_column, metadata

# -- Accounts, tokens, password links, wrong passwords, rate limits --


users = sa.Table(
    "users",
    metadata,
    id_column(),
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
    sa.Column("role", sa.String(16), nullable=False),  # the most that the token may do
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=True),  # empty: never
    sa.Column("last_used_at", UtcTime, nullable=True),  # to the hour
)

# Links that replace a forgotten password. An address without an account gets a row too, with an
# empty user_id, so that both take equally long.
password_resets = sa.Table(
    "password_resets",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=True, index=True),
    sa.Column("bound_to", sa.String(64), nullable=False),  # digest of the password hash to replace
    sa.Column("expires_at", UtcTime, nullable=False, index=True),
)

# Wrong passwords by account, device and network; the key holds a digest, no address.
sign_in_guesses = sa.Table(
    "sign_in_guesses",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("since", UtcTime, nullable=False),
    sa.Column("free_at", UtcTime, nullable=False),
)

rate_windows = sa.Table(
    "rate_windows",
    metadata,
    sa.Column("key", sa.String(128), primary_key=True),
    sa.Column("window", sa.BigInteger, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
)


# -- Erasures, without saying of whom --


erasures = sa.Table(
    "erasures",
    metadata,
    id_column(),
    sa.Column("at", UtcTime, nullable=False, index=True),
    sa.Column("actor", sa.String(64), nullable=False),  # how: the command line
    sa.Column("counts", sa.JSON, nullable=False),  # how many rows of each table
)
