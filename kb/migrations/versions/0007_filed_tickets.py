"""who filed a ticket for somebody else, and what was taken in under its sender's name"""

import unicodedata

import sqlalchemy as sa
from alembic import op

import kb.schema

revision = '0007'
down_revision = '0006'


def upgrade() -> None:
    op.add_column('tickets', sa.Column('filed_by', sa.String(length=36), nullable=True))
    op.create_index('ix_tickets_filed_by', 'tickets', ['filed_by'], unique=False)
    op.create_table('submissions',
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('body', sa.String(length=64), nullable=False),
    sa.Column('ticket_id', sa.String(length=36), nullable=False),
    sa.Column('added', sa.Boolean(), nullable=False),
    sa.Column('at', kb.schema.UtcTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_submissions'))
    )
    op.create_index(op.f('ix_submissions_at'), 'submissions', ['at'], unique=False)
    # A ticket whose address is not its account's was opened for somebody else. Databases fold
    # capitals and accents each in their own way, so the addresses are compared here.
    connection = op.get_bind()
    both = connection.execute(sa.text(
        'SELECT tickets.id, tickets.requester_email, users.email FROM tickets '
        "JOIN users ON users.id = tickets.requester_id WHERE tickets.requester_email <> ''"
    )).all()
    for ticket, given, own in both:
        if _folded(given) != _folded(own):
            connection.execute(
                sa.text(
                    'UPDATE tickets SET filed_by = requester_id, requester_id = NULL, '
                    "visitor = '' WHERE id = :id"
                ),
                {'id': ticket},
            )
    # Without an account nothing proves that two tickets are one person's: each has its own need.
    apart = "need_key || ':' || substr(id, 1, 16)"
    alone = "requester_id IS NULL AND need_key LIKE 'person:%' AND need_key NOT LIKE 'person:%:%:%'"
    op.execute(
        f"UPDATE tickets SET open_need_key = CASE WHEN open_need_key IS NULL THEN NULL "  # noqa: S608
        f"ELSE {apart} END, need_key = {apart} WHERE {alone}"
    )


def _folded(address: str) -> str:
    return unicodedata.normalize('NFC', address.strip()).lower()
