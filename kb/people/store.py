"""Accounts and API tokens in the database.

Promises that a password or token is kept only as a hash, that changing a password or role ends the
sessions opened before, and that an e-mail address is one account whatever its case.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from kb.db import Connection, Database
from kb.errors import InvalidInput, NotFound
from kb.people import passwords
from kb.people.roles import Role
from kb.schema import api_tokens, users

# One @, no spaces, a dot in the domain or none at all (intranet hosts): the mail server decides.
EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]{1,190}")


# What else a change of an account causes, in its transaction; it returns how many things changed.
Then = Callable[[Database, Connection, str], int]


@dataclass(frozen=True, slots=True)
class Account:
    """One person's account. `session_version` rises when sessions opened before must end."""

    id: str
    email: str
    name: str
    role: Role
    session_version: int
    active: bool


def normal_email(address: str) -> str:
    """Return the address in the form it is kept; InvalidInput when it cannot be one."""
    address = address.strip().lower()
    if not EMAIL.fullmatch(address):
        raise InvalidInput(
            f"{address!r} is not an e-mail address.",
            "Write it as name@example.org.",
            fields={"email": "Enter an e-mail address such as name@example.org."},
        )
    return address


class Accounts:
    """The accounts of one database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, email: str, password: str, *, name: str, role: Role, now: datetime) -> Account:
        """Add an account and return it; InvalidInput when the address has one already."""
        row = {
            "id": uuid.uuid4().hex,
            "email": normal_email(email),
            "name": name.strip() or email.partition("@")[0],
            "role": role.value,
            "password_hash": passwords.hashed(password),
            "created_at": now,
        }
        with self._db.begin() as connection:
            if not self._db.insert_once(connection, users, [row]):
                raise InvalidInput(
                    f"{row['email']} has an account already.",
                    "`kb user role` changes its role, `kb user password` its password.",
                )
        return self.by_id(str(row["id"]))

    def authenticate(self, email: str, password: str) -> Account | None:
        """Return the active account with that address and password, or None."""
        known = email.strip().lower().replace("\0", "")  # PostgreSQL takes no NUL, nobody has one
        row = self._row(users.c.email == known)
        good = passwords.matches(password, row.password_hash if row else None)
        return _account(row) if row and good and row.active else None

    def by_id(self, account_id: str) -> Account:
        """Return the account; NotFound when there is none."""
        return _found(self._row(users.c.id == account_id), account_id)

    def by_email(self, email: str) -> Account:
        """Return the account; NotFound when there is none."""
        return _found(self._row(users.c.email == email.strip().lower()), email)

    def all(self) -> tuple[Account, ...]:
        """Return every account, by address."""
        with self._db.read() as connection:
            rows = connection.execute(sa.select(users).order_by(users.c.email)).all()
        return tuple(_account(row) for row in rows)

    def set_role(self, email: str, role: Role, *, then: Then | None = None) -> int:
        """Change the role and end the account's sessions; return what `then` does."""
        return self._change(email, then, role=role.value)

    def set_password(self, email: str, password: str) -> None:
        """Change the password, end the account's sessions and revoke its API tokens."""
        self._change(email, password_hash=passwords.hashed(password))
        owner = self.by_email(email).id
        with self._db.begin() as connection:
            connection.execute(sa.delete(api_tokens).where(api_tokens.c.user_id == owner))

    def set_active(self, email: str, active: bool, *, then: Then | None = None) -> int:
        """Let the account sign in, or not; its sessions end. Return what `then` does."""
        return self._change(email, then, active=active)

    def new_token(self, email: str, label: str, now: datetime) -> str:
        """Return a new API token that acts as the account; it is shown this once."""
        token = "tz_" + secrets.token_urlsafe(32)
        row = {
            "digest": _digest(token),
            "user_id": self.by_email(email).id,
            "label": label[:100],
            "created_at": now,
        }
        with self._db.begin() as connection:
            connection.execute(sa.insert(api_tokens).values(row))
        return token

    def by_token(self, token: str) -> Account | None:
        """Return the active account that the API token acts as, or None."""
        owner = sa.select(api_tokens.c.user_id).where(api_tokens.c.digest == _digest(token))
        row = self._row(users.c.id.in_(owner))
        return _account(row) if row and row.active else None

    def _change(self, email: str, then: Then | None = None, **values: Any) -> int:
        account = self.by_email(email)
        values["session_version"] = users.c.session_version + 1
        with self._db.begin() as connection:
            connection.execute(sa.update(users).where(users.c.id == account.id).values(values))
            return then(self._db, connection, account.id) if then else 0

    def _row(self, condition: sa.ColumnElement[bool]) -> sa.Row[Any] | None:
        with self._db.read() as connection:
            return connection.execute(sa.select(users).where(condition)).one_or_none()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _found(row: sa.Row[Any] | None, what: str) -> Account:
    if row is None:
        raise NotFound(f"There is no account {what}.", "`kb user list` shows the accounts.")
    return _account(row)


def _account(row: sa.Row[Any]) -> Account:
    return Account(
        id=row.id,
        email=row.email,
        name=row.name,
        role=Role(row.role),
        session_version=row.session_version,
        active=row.active,
    )
