"""The tables of reports: daily counts, annotations, saved views and snapshots."""

from __future__ import annotations

import sqlalchemy as sa

from kb.schema.columns import UtcTime, id_column, metadata

# -- Daily counts, see kb.analytics.daily_counts --


report_days = sa.Table(
    "report_days",
    metadata,
    sa.Column("day", sa.String(10), primary_key=True),  # UTC, YYYY-MM-DD
    # Each change to an episode of the day adds a mark; counts are current while both are equal.
    sa.Column("marks", sa.Integer, nullable=False),
    sa.Column("counted", sa.Integer, nullable=False, server_default="0"),
    sa.Column("layout", sa.Integer, nullable=False, server_default="0"),  # of the columns below
    sa.Column("counted_at", UtcTime),
    sa.Column("counts", sa.JSON),
    # Little-endian numbers, see kb.analytics.daily_counts: people, those with a ticket,
    # people at the ticket form by arm, failed searches.
    sa.Column("people", sa.LargeBinary),
    sa.Column("ticketed", sa.LargeBinary),
    sa.Column("exposed", sa.LargeBinary),
    sa.Column("failed", sa.LargeBinary),
)

article_days = sa.Table(
    "article_days",
    metadata,
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("article", sa.String(255), primary_key=True),
    # Closed episodes by what happened to the article in them.
    *(
        sa.Column(name, sa.Integer, nullable=False)
        for name in ("opened", "read", "helpful", "unhelpful", "solved", "ticketed", "resolved")
    ),
    sqlite_with_rowid=False,
)


# -- Annotations, saved views, snapshots --


report_notes = sa.Table(
    "report_notes",
    metadata,
    id_column(),
    sa.Column("first_day", sa.Date, nullable=False, index=True),  # UTC days, both included
    sa.Column("last_day", sa.Date, nullable=False),
    sa.Column("text", sa.String(200), nullable=False),
    sa.Column("made_by", sa.String(36), nullable=False),  # an account's id, "" the command line
    sa.Column("made_at", UtcTime, nullable=False),
    sa.Column("changed_by", sa.String(36), nullable=False, server_default=""),
    sa.Column("changed_at", UtcTime),
)

report_views = sa.Table(
    "report_views",
    metadata,
    id_column(),
    sa.Column("owner_id", sa.String(36), nullable=False),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("shared", sa.Boolean, nullable=False),
    sa.Column("page", sa.String(40), nullable=False),  # a page's name, never an address
    sa.Column("query", sa.JSON, nullable=False),  # argument -> values
    sa.Column("made_at", UtcTime, nullable=False),
    sa.UniqueConstraint("owner_id", "name"),
)

kept_reports = sa.Table(
    "kept_reports",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),  # random: part of an address
    sa.Column("title", sa.String(120), nullable=False),
    sa.Column("first_day", sa.Date, nullable=False),
    sa.Column("last_day", sa.Date, nullable=False),
    sa.Column("made_at", UtcTime, nullable=False, index=True),
    sa.Column("made_by", sa.String(36), nullable=False),
    sa.Column("definition", sa.Integer, nullable=False),
    sa.Column("code", sa.String(40), nullable=False),  # the version of the product
    sa.Column("tables", sa.Text, nullable=False),  # JSON, as kb.reports.model writes it
)
