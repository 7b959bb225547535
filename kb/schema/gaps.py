"""The tables of gaps: groups of failed searches, what became of them, replays, subscriptions."""

from __future__ import annotations

import sqlalchemy as sa

from kb.schema.columns import UtcTime, id_column, metadata, sequence_column

gaps = sa.Table(
    "gaps",
    metadata,
    id_column(),
    sa.Column("number", sa.Integer, nullable=False, unique=True),  # the number people see
    sa.Column("title", sa.String(200), nullable=False, server_default=""),  # given by hand
    sa.Column("label", sa.String(200), nullable=False, server_default=""),  # made from its searches
    sa.Column("language", sa.String(16), nullable=False, server_default=""),
    sa.Column("status", sa.String(12), nullable=False, index=True),  # new, assigned, answered, ...
    sa.Column("owner_id", sa.String(36)),
    sa.Column("became_id", sa.String(36)),  # the gap that it was merged into
    sa.Column("came_from_id", sa.String(36)),  # the gap that it was split from
    # As of the last grouping, over its window: see kb.gaps.
    sa.Column("people", sa.Integer, nullable=False, server_default="0"),
    sa.Column("searches", sa.Integer, nullable=False, server_default="0"),
    sa.Column("tickets", sa.Integer, nullable=False, server_default="0"),
    sa.Column("cause", sa.String(16), nullable=False, server_default=""),
    sa.Column("centre", sa.LargeBinary),  # mean vector of its searches, little-endian float32
    sa.Column("model", sa.String(64), nullable=False, server_default=""),  # what made the vectors
    sa.Column("first_at", UtcTime),
    sa.Column("last_at", UtcTime),
    sa.Column("answered_at", UtcTime),
    sa.Column("answered_commit", sa.String(64), nullable=False, server_default=""),
    sa.Column("answered_article", sa.String(255), nullable=False, server_default=""),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("definition", sa.Integer, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),  # trend, evidence of the diagnosis
)

gap_searches = sa.Table(
    "gap_searches",
    metadata,
    sa.Column("search_id", sa.String(36), primary_key=True),
    sa.Column("gap_id", sa.String(36), index=True),  # null: in no gap, by hand or for now
    sa.Column("at", UtcTime, nullable=False, index=True),
    sa.Column("by_hand", sa.Boolean, nullable=False, server_default=sa.false()),
    # Why it failed, the generation of articles in which that was diagnosed, and the evidence.
    sa.Column("cause", sa.String(16), nullable=False, server_default=""),
    sa.Column("diagnosed", sa.String(64), nullable=False, server_default=""),
    sa.Column("evidence", sa.JSON),
    # When it was last replayed (`replays.state`), and what answers it since which commit.
    sa.Column("replayed_commit", sa.String(64), nullable=False, server_default=""),
    sa.Column("answered_at", UtcTime),
    sa.Column("answered_commit", sa.String(64), nullable=False, server_default=""),
    sa.Column("answered_article", sa.String(255), nullable=False, server_default=""),
)

gap_events = sa.Table(
    "gap_events",
    metadata,
    sequence_column(),
    sa.Column("gap_id", sa.String(36), nullable=False, index=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("kind", sa.String(24), nullable=False),  # made, merged, split, renamed, answered, ...
    sa.Column("actor", sa.String(255), nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
)

gap_effects = sa.Table(
    "gap_effects",  # counts around an answer, kept when its searches are forgotten
    metadata,
    sa.Column("gap_id", sa.String(36), primary_key=True),
    sa.Column("answered_at", UtcTime, primary_key=True),
    sa.Column("first_at", UtcTime),  # the first failed search
    sa.Column("failed_before", sa.Integer, nullable=False),
    sa.Column("people_before", sa.Integer, nullable=False),
    sa.Column("failed_after", sa.Integer, nullable=False),
    sa.Column("people_after", sa.Integer, nullable=False),
)

question_vectors = sa.Table(
    "question_vectors",
    metadata,
    sa.Column("words_key", sa.String(64), primary_key=True),
    sa.Column("model", sa.String(64), primary_key=True),
    sa.Column("vector", sa.LargeBinary, nullable=False),  # little-endian float16, length 1
    sa.Column("at", UtcTime, nullable=False, index=True),  # forgotten with the words
)

subscriptions = sa.Table(
    "subscriptions",
    metadata,
    id_column(),
    sa.Column("search_id", sa.String(36), nullable=False, index=True),
    sa.Column("email", sa.String(255), nullable=False, index=True),  # lower case
    sa.Column("language", sa.String(16), nullable=False),
    sa.Column("audience", sa.String(16), nullable=False),  # what this person may read
    sa.Column("words", sa.Text, nullable=False),  # redacted; quoted in the email
    sa.Column("state", sa.String(12), nullable=False, index=True),  # asked, confirmed, told
    sa.Column("link_digest", sa.String(64), nullable=False, unique=True),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("confirmed_at", UtcTime),
    sa.Column("told_at", UtcTime),
    sa.Column("told_article", sa.String(255), nullable=False, server_default=""),
    sa.Column("replayed", sa.String(64), nullable=False, server_default=""),  # `replays.state`
)

replays = sa.Table(
    "replays",
    metadata,
    sequence_column(),
    sa.Column("state", sa.String(64), nullable=False, index=True),  # names what was live
    sa.Column("commit", sa.String(64), nullable=False),
    sa.Column("live_at", UtcTime, nullable=False),  # since when it was live
)

article_parts = sa.Table(
    "article_parts",
    metadata,
    sa.Column("slug", sa.String(255), primary_key=True),
    sa.Column("blob", sa.String(64), nullable=False),
    sa.Column("was", sa.String(64), nullable=False),  # the blob before its text last changed
    sa.Column("commit", sa.String(64), nullable=False),  # the commit live at that time
    sa.Column("parts", sa.JSON, nullable=False),  # digest of a text -> live since, Unix time
)
