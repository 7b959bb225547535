"""Links to a new password in the database: digests, each for one password hash of one account."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from kb.database import Connection
from kb.people.store import change
from kb.people.tokens import store as tokens
from kb.schema import password_resets, users


def add(connection: Connection, token: str, email: str, *, until: datetime) -> sa.Row[Any] | None:
    """Write a link down and return the active account of the address. Without one a row of nobody
    is written, so that both take as long.
    """
    mine = (users.c.email == email) & users.c.active
    account = connection.execute(sa.select(users).where(mine)).one_or_none()
    row = {
        "digest": digest(token),
        "user_id": account.id if account else None,
        "bound_to": digest(account.password_hash if account else ""),
        "expires_at": until,
    }
    connection.execute(sa.insert(password_resets).values(row))
    return account


def account_of(connection: Connection, token: str, now: datetime) -> sa.Row[Any] | None:
    """Return the account whose password the link may replace now."""
    joined = password_resets.join(users, users.c.id == password_resets.c.user_id)
    mine = (password_resets.c.digest == digest(token)) & users.c.active
    wanted = sa.select(users, password_resets.c.bound_to).select_from(joined).where(mine)
    row = connection.execute(wanted.where(password_resets.c.expires_at > now)).one_or_none()
    return row if row and row.bound_to == digest(row.password_hash) else None


def replace(connection: Connection, token: str, password_hash: str, now: datetime) -> Any:
    """Put the new hash in the place of the old one and return the account; None when the link was
    used meanwhile. Sessions, other links and API tokens end.
    """
    row = account_of(connection, token, now)
    used = sa.delete(password_resets).where(password_resets.c.digest == digest(token))
    if row is None or not connection.execute(used).rowcount:  # of two at once one gets it
        return None
    change(connection, row.id, password_hash=password_hash)
    tokens.end_all(connection, row.id)
    return row


def forget(connection: Connection, before: datetime) -> None:
    """Delete links whose time was over before then."""
    old = password_resets.c.expires_at < before
    connection.execute(sa.delete(password_resets).where(old))


def digest(text: str) -> str:
    """Return what is kept of a link or a hash."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
