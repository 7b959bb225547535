"""reports read days, not episodes"""

import sqlalchemy as sa
from alembic import op

import kb.schema

revision = '0004'
down_revision = '0003'

COUNTS = ('opened', 'read', 'helpful', 'unhelpful', 'solved', 'ticketed', 'resolved')


def upgrade() -> None:
    op.create_table('report_days',
    sa.Column('day', sa.String(length=10), nullable=False),
    sa.Column('marks', sa.Integer(), nullable=False),
    sa.Column('counted', sa.Integer(), server_default='0', nullable=False),
    sa.Column('layout', sa.Integer(), server_default='0', nullable=False),
    sa.Column('counted_at', kb.schema.UtcTime(timezone=True), nullable=True),
    sa.Column('counts', sa.JSON(), nullable=True),
    sa.Column('people', sa.LargeBinary(), nullable=True),
    sa.Column('ticketed', sa.LargeBinary(), nullable=True),
    sa.Column('exposed', sa.LargeBinary(), nullable=True),
    sa.Column('failed', sa.LargeBinary(), nullable=True),
    sa.PrimaryKeyConstraint('day', name=op.f('pk_report_days'))
    )
    op.create_table('article_days',
    sa.Column('day', sa.String(length=10), nullable=False),
    sa.Column('article', sa.String(length=255), nullable=False),
    *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
    sa.PrimaryKeyConstraint('day', 'article', name=op.f('pk_article_days')),
    sqlite_with_rowid=False,
    )
    op.create_index('ix_events_tickets', 'events', ['at'],
                    sqlite_where=sa.text("kind = 'ticket_created'"),
                    postgresql_where=sa.text("kind = 'ticket_created'"))
    op.create_index('ix_episodes_ended_at', 'episodes', ['ended_at'])
    op.create_index('ix_episodes_open', 'episodes', ['ended_at'],
                    sqlite_where=sa.text('NOT closed'), postgresql_where=sa.text('NOT closed'))
    op.create_index('ix_failed_searches_visitor', 'failed_searches', ['visitor', 'at'])
    op.drop_index('ix_failed_searches_words_key', 'failed_searches')
    op.create_index('ix_failed_searches_words_key', 'failed_searches', ['words_key', 'at'])
    # Days that were judged before, and those of tickets from outside alone, are counted in the
    # worker's next rounds.
    postgresql = op.get_bind().dialect.name == 'postgresql'
    day = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD')" if postgresql else 'substr({}, 1, 10)'
    op.execute(
        'INSERT INTO report_days (day, marks) SELECT day, 1 FROM ('  # noqa: S608 - constants
        f"SELECT {day.format('started_at')} AS day FROM episodes UNION "
        f"SELECT {day.format('at')} FROM events WHERE kind = 'ticket_created') AS found"
    )
