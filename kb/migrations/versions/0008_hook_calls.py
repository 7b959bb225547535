"""calls of ticket hooks, so that a repeated one does nothing"""

import sqlalchemy as sa
from alembic import op

import kb.schema

revision = '0008'
down_revision = '0007'


def upgrade() -> None:
    op.create_table('hook_calls',
    sa.Column('hook', sa.String(length=64), nullable=False),
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('at', kb.schema.UtcTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('hook', 'id', name=op.f('pk_hook_calls'))
    )
    op.create_index(op.f('ix_hook_calls_at'), 'hook_calls', ['at'], unique=False)
