"""wrong passwords, links to a new password, and API tokens that expire"""

import unicodedata

import sqlalchemy as sa
from alembic import op

import kb.schema

revision = '0009'
down_revision = '0008'

users = sa.table('users', sa.column('id'), sa.column('role'), sa.column('email'))
tokens = sa.table('api_tokens', *(sa.column(name) for name in ('user_id', 'label', 'role')))


def upgrade() -> None:
    op.create_table('sign_in_guesses',
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('since', kb.schema.UtcTime(timezone=True), nullable=False),
    sa.Column('free_at', kb.schema.UtcTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_sign_in_guesses'))
    )
    op.create_table('password_resets',
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=36), nullable=True),
    sa.Column('bound_to', sa.String(length=64), nullable=False),
    sa.Column('expires_at', kb.schema.UtcTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_password_resets_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_password_resets'))
    )
    for name in ('user_id', 'expires_at'):
        op.create_index(op.f(f'ix_password_resets_{name}'), 'password_resets', [name], unique=False)
    with op.batch_alter_table('api_tokens', schema=None) as batch_op:
        batch_op.add_column(sa.Column('role', sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column('expires_at', kb.schema.UtcTime(timezone=True)))
        batch_op.add_column(sa.Column('last_used_at', kb.schema.UtcTime(timezone=True)))
    # Tokens made before go on as they are: without an end, with what their account may do.
    theirs = sa.select(users.c.role).where(users.c.id == tokens.c.user_id).scalar_subquery()
    op.execute(sa.update(tokens).values(role=theirs))
    op.execute(sa.update(tokens).where(tokens.c.label == '').values(label='without a name'))
    with op.batch_alter_table('api_tokens', schema=None) as batch_op:
        batch_op.alter_column('role', existing_type=sa.String(length=16), nullable=False)
    _compose(op.get_bind())


def _compose(connection: sa.Connection) -> None:
    """Write each address in composed form, as it is looked up from now on."""
    known = {row.email: row.id for row in connection.execute(sa.select(users.c.id, users.c.email))}
    for email, account in known.items():
        composed = unicodedata.normalize('NFC', email)
        if composed not in known:
            here = users.c.id == account
            connection.execute(sa.update(users).where(here).values(email=composed))
