"""The tables of the event log: events, episodes, failed searches, salts, calls of ticket hooks."""

from __future__ import annotations

import sqlalchemy as sa

from kb.schema.columns import UtcTime, id_column, metadata, sequence_column

events = sa.Table(
    "events",
    metadata,
    # seq orders events; id makes a replayed event count once.
    sequence_column(),
    sa.Column("id", sa.String(36), nullable=False, unique=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("visitor", sa.String(64), nullable=False),
    sa.Column("user_id", sa.String(36)),
    sa.Column("search_id", sa.String(36)),
    sa.Column("article", sa.String(255)),
    sa.Column("words", sa.Text),  # redacted before it is stored; emptied after the retention
    sa.Column("words_key", sa.String(64)),  # folded words: what "the same words" means
    sa.Column("left_out", sa.String(16), nullable=False, server_default=""),  # staff, robot
    sa.Column("data", sa.JSON, nullable=False),
    sa.Index("ix_events_visitor_at", "visitor", "at"),
    sa.Index("ix_events_at", "at"),
    sa.Index("ix_events_search_id", "search_id"),
    sa.Index(
        "ix_events_tickets",
        "at",
        sqlite_where=sa.text("kind = 'ticket_created'"),
        postgresql_where=sa.text("kind = 'ticket_created'"),
    ),
)

episodes = sa.Table(
    "episodes",
    metadata,
    id_column(),
    sa.Column("visitor", sa.String(64), nullable=False),
    sa.Column("user_id", sa.String(36)),
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("ended_at", UtcTime, nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("ended", sa.Boolean, nullable=False),  # the episode gap has passed
    sa.Column("closed", sa.Boolean, nullable=False),  # the outcome window has passed too
    sa.Column("unresolved", sa.Boolean, nullable=False),
    sa.Column("policy", sa.String(16), nullable=False, server_default=""),  # what a policy did
    sa.Column("definition", sa.Integer, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Index("ix_episodes_started_at", "started_at"),
    sa.Index("ix_episodes_visitor", "visitor", "started_at"),
    sa.Index("ix_episodes_ended_at", "ended_at"),
    sa.Index(
        "ix_episodes_open",
        "ended_at",
        sqlite_where=sa.text("NOT closed"),
        postgresql_where=sa.text("NOT closed"),
    ),
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
    sa.Column("words_key", sa.String(64), nullable=False),
    sa.Column("language", sa.String(16), nullable=False),
    sa.Column("definition", sa.Integer, nullable=False),
    sa.Index("ix_failed_searches_visitor", "visitor", "at"),
    sa.Index("ix_failed_searches_words_key", "words_key", "at"),
)

salts = sa.Table(
    "salts",
    metadata,
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("salt", sa.LargeBinary, nullable=False),
)

hook_calls = sa.Table(
    "hook_calls",
    metadata,
    sa.Column("hook", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(64), primary_key=True),  # SHA-256 of the call's id
    sa.Column("digest", sa.String(64), nullable=False),  # SHA-256 of its body
    sa.Column("at", UtcTime, nullable=False, index=True),
)
