"""The tables of reports: what each day held, counted; see kb.insight.days."""

from __future__ import annotations

import sqlalchemy as sa

from kb.schema.columns import UtcTime, metadata

report_days = sa.Table(
    "report_days",
    metadata,
    sa.Column("day", sa.String(10), primary_key=True),  # UTC, YYYY-MM-DD
    # Every change of an episode of that day adds a mark; a day is counted while both are equal.
    sa.Column("marks", sa.Integer, nullable=False),
    sa.Column("counted", sa.Integer, nullable=False, server_default="0"),
    sa.Column("layout", sa.Integer, nullable=False, server_default="0"),  # of the columns below
    sa.Column("counted_at", UtcTime),
    sa.Column("counts", sa.JSON),
    # Little-endian numbers, see kb.insight.days.tally: people, those with a ticket, people at the
    # ticket form by arm, failed searches.
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
