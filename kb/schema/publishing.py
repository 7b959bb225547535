"""The table of previews: branches that are shown before they are published."""

from __future__ import annotations

import sqlalchemy as sa

from kb.schema.columns import UtcTime, id_column, metadata

previews = sa.Table(
    "previews",
    metadata,
    id_column(),
    sa.Column("branch", sa.String(255), nullable=False, unique=True),  # "hr:draft": draft of hr
    sa.Column("made_by", sa.String(255), nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
)
