"""The table of privacy: that somebody was erased, and nothing of whom."""

from __future__ import annotations

import sqlalchemy as sa

from kb.schema.columns import UtcTime, id_column, metadata

erasures = sa.Table(
    "erasures",
    metadata,
    id_column(),
    sa.Column("at", UtcTime, nullable=False, index=True),
    sa.Column("actor", sa.String(64), nullable=False),  # by which way: the command line
    sa.Column("counts", sa.JSON, nullable=False),  # how many rows of each table
)
