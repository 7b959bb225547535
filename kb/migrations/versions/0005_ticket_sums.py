"""what a ticket's events add up to, and what answers to gaps changed, for reports"""

from typing import TypeVar

import sqlalchemy as sa
from alembic import op

import kb.schema

T = TypeVar('T')

revision = '0005'
down_revision = '0004'

SUMS = ('answers', 'raised_by_clock', 'raised_by_hand', 'returned', 'resolutions')

tickets = sa.table(
    'tickets', sa.column('id'), sa.column('answered_at'), *(sa.column(name) for name in SUMS)
)
events = sa.table(
    'ticket_events',
    sa.column('ticket_id'), sa.column('at'), sa.column('kind'), sa.column('data', sa.JSON),
)


def upgrade() -> None:
    op.create_table('gap_effects',
    sa.Column('gap_id', sa.String(length=36), nullable=False),
    sa.Column('answered_at', kb.schema.UtcTime(timezone=True), nullable=False),
    sa.Column('first_at', kb.schema.UtcTime(timezone=True), nullable=True),
    sa.Column('failed_before', sa.Integer(), nullable=False),
    sa.Column('people_before', sa.Integer(), nullable=False),
    sa.Column('failed_after', sa.Integer(), nullable=False),
    sa.Column('people_after', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('gap_id', 'answered_at', name=op.f('pk_gap_effects'))
    )
    with op.batch_alter_table('tickets', schema=None) as batch_op:
        batch_op.add_column(sa.Column('answered_at', kb.schema.UtcTime(timezone=True)))
        for name in SUMS:
            batch_op.add_column(sa.Column(name, sa.Integer(), server_default='0', nullable=False))
    kind, data = events.c.kind, events.c.data
    by_hand = sa.func.coalesce(data['by'].as_string(), '') == 'agent'
    spoken = (kind == 'resolved') & (sa.func.coalesce(data['text'].as_string(), '') != '')
    values = {
        'answers': _count((kind == 'answered') | spoken),
        'raised_by_clock': _count((kind == 'escalated') & ~by_hand),
        'raised_by_hand': _count((kind == 'escalated') & by_hand),
        'returned': _count(kind == 'returned'),
        'resolutions': _count(kind == 'resolved'),
        'answered_at': _of(sa.func.min(events.c.at), kind.in_(['answered', 'resolved'])),
    }
    op.execute(sa.update(tickets).values(**values))


def _count(condition: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    return _of(sa.func.count(), condition)


def _of(value: sa.ColumnElement[T], condition: sa.ColumnElement[bool]) -> sa.ScalarSelect[T]:
    inside = (events.c.ticket_id == tickets.c.id) & condition
    return sa.select(value).select_from(events).where(inside).scalar_subquery()

