"""API tokens in the database: only a digest is kept, and what is ended is deleted."""

from __future__ import annotations

import hashlib
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from kb.database import FAULTS, Connection, Database, hasty
from kb.errors import NotFound
from kb.people.roles import Role, lesser
from kb.schema import api_tokens

log = logging.getLogger(__name__)

A_YEAR = timedelta(days=365)
LONGEST_NAME = 100
ID_LENGTH = 12  # of the digest: tells one's own tokens apart, and nothing of the token
USE_NOTED = timedelta(hours=1)  # a program that asks every second writes once an hour


@dataclass(frozen=True, slots=True)
class Token:
    """One API token, without the token. `role` is the most that it may do."""

    id: str
    user_id: str
    name: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None

    def within(self, role: Role) -> Role:
        """Return what the token may do while its account has that role."""
        return lesser(self.role, role)

    def expired(self, now: datetime) -> bool:
        """Return whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now


def add(
    db: Database, user_id: str, name: str, role: Role, *, now: datetime, life: timedelta | None
) -> str:
    """Make a token and return it."""
    token = "tz_" + secrets.token_urlsafe(32)
    row = {
        "digest": _digest(token),
        "user_id": user_id,
        "label": " ".join(name.split())[:LONGEST_NAME] or "without a name",
        "role": role.value,
        "created_at": now,
        "expires_at": None if life is None else now + life,
    }
    with db.begin() as connection:
        connection.execute(sa.insert(api_tokens).values(row))
    return token


def of(db: Database, user_id: str) -> tuple[Token, ...]:
    """Return an account's tokens, newest first."""
    mine = sa.select(api_tokens).where(api_tokens.c.user_id == user_id)
    newest = mine.order_by(api_tokens.c.created_at.desc(), api_tokens.c.digest)
    with db.read() as connection:
        return tuple(_token(row) for row in connection.execute(newest))


def use(db: Database, token: str, now: datetime) -> Token | None:
    """Return the token that somebody presents, None when there is none or its time is over."""
    mine = api_tokens.c.digest == _digest(token)
    with db.read() as connection:
        row = connection.execute(sa.select(api_tokens).where(mine)).one_or_none()
    found = _token(row) if row else None
    if found is None or found.expired(now):
        return None
    if found.last_used_at is None or now - found.last_used_at >= USE_NOTED:
        try:
            with hasty(db) as connection:
                connection.execute(sa.update(api_tokens).where(mine).values(last_used_at=now))
        except FAULTS:
            log.warning("the use of an API token is not noted: the database is busy")
    return found


def end(db: Database, user_id: str, token_id: str) -> None:
    """Delete one token of an account; NotFound when it has none of that id."""
    for_sure = len(token_id) == ID_LENGTH and token_id.isascii() and token_id.isalnum()
    mine = (api_tokens.c.user_id == user_id) & api_tokens.c.digest.startswith(token_id)
    with db.begin() as connection:
        if not (for_sure and connection.execute(sa.delete(api_tokens).where(mine)).rowcount):
            raise NotFound(
                "There is no such API token.", "It may have been revoked already; see the list."
            )


def end_all(connection: Connection, user_id: str) -> None:
    """Delete every token of an account."""
    connection.execute(sa.delete(api_tokens).where(api_tokens.c.user_id == user_id))


def narrow(connection: Connection, user_id: str, role: Role) -> None:
    """Let an account's tokens do no more than that role from now on."""
    mine = sa.select(api_tokens.c.digest, api_tokens.c.role).where(api_tokens.c.user_id == user_id)
    for row in connection.execute(mine).all():
        new = {"role": lesser(Role(row.role), role).value}
        this = api_tokens.c.digest == row.digest
        connection.execute(sa.update(api_tokens).where(this).values(new))


def _token(row: sa.Row[tuple[object, ...]]) -> Token:
    return Token(
        id=row.digest[:ID_LENGTH],
        user_id=row.user_id,
        name=row.label,
        role=Role(row.role),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
