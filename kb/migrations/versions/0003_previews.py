"""branches that are shown before they are published"""

import sqlalchemy as sa
from alembic import op

import kb.schema

revision = '0003'
down_revision = '0002'


def upgrade() -> None:
    op.create_table('previews',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('branch', sa.String(length=255), nullable=False),
    sa.Column('made_by', sa.String(length=255), nullable=False),
    sa.Column('created_at', kb.schema.UtcTime(timezone=True), nullable=False),
    sa.Column('expires_at', kb.schema.UtcTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_previews')),
    sa.UniqueConstraint('branch', name=op.f('uq_previews_branch'))
    )
