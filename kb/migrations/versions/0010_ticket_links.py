"""each letter about a ticket has a private link of its own"""

import sqlalchemy as sa
from alembic import op

import kb.schema

revision = '0010'
down_revision = '0009'


def upgrade() -> None:
    op.create_table('ticket_links',
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('ticket_id', sa.String(length=36), nullable=False),
    sa.Column('made_at', kb.schema.UtcTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['ticket_id'], ['tickets.id'],
                            name=op.f('fk_ticket_links_ticket_id_tickets')),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_ticket_links'))
    )
    op.create_index(op.f('ix_ticket_links_ticket_id'), 'ticket_links', ['ticket_id'], unique=False)
