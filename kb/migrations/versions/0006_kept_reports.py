"""notes on days, saved views and kept reports"""

import sqlalchemy as sa
from alembic import op

import kb.schema

revision = '0006'
down_revision = '0005'


def upgrade() -> None:
    op.create_table('report_notes',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('first_day', sa.Date(), nullable=False),
    sa.Column('last_day', sa.Date(), nullable=False),
    sa.Column('text', sa.String(length=200), nullable=False),
    sa.Column('made_by', sa.String(length=36), nullable=False),
    sa.Column('made_at', kb.schema.UtcTime(timezone=True), nullable=False),
    sa.Column('changed_by', sa.String(length=36), server_default='', nullable=False),
    sa.Column('changed_at', kb.schema.UtcTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_report_notes'))
    )
    op.create_index(op.f('ix_report_notes_first_day'), 'report_notes', ['first_day'], unique=False)
    op.create_table('report_views',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('owner_id', sa.String(length=36), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('shared', sa.Boolean(), nullable=False),
    sa.Column('page', sa.String(length=40), nullable=False),
    sa.Column('query', sa.JSON(), nullable=False),
    sa.Column('made_at', kb.schema.UtcTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_report_views')),
    sa.UniqueConstraint('owner_id', 'name', name=op.f('uq_report_views_owner_id_name'))
    )
    op.create_table('kept_reports',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('title', sa.String(length=120), nullable=False),
    sa.Column('first_day', sa.Date(), nullable=False),
    sa.Column('last_day', sa.Date(), nullable=False),
    sa.Column('made_at', kb.schema.UtcTime(timezone=True), nullable=False),
    sa.Column('made_by', sa.String(length=36), nullable=False),
    sa.Column('definition', sa.Integer(), nullable=False),
    sa.Column('code', sa.String(length=40), nullable=False),
    sa.Column('tables', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_kept_reports'))
    )
    op.create_index(op.f('ix_kept_reports_made_at'), 'kept_reports', ['made_at'], unique=False)
