"""Accounts in the database.

A password is kept only as a hash, an e-mail address is one account whatever its case, and changing
a password or role ends the sessions opened before; what becomes of API tokens is in `tokens`.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from kb.database import Connection, Database
from kb.errors import InvalidInput, NotFound
from kb.people import passwords
from kb.people.roles import Role
from kb.people.tokens import store as tokens
from kb.people.tokens.recent import RecentTokens
from kb.people.tokens.store import A_YEAR, Token
from kb.schema import password_resets, users

# One @, no spaces, a dot in the domain or none at all (intranet hosts): the mail server decides.
EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]{1,190}")


EMAIL_SHOWN = 255
MOST_READ = 1000  # characters of an address: beyond it no account has one

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


def looked_up(address: str) -> str:
    """Return an address as typed in the form in which it is looked up."""
    plain = address.strip()[:MOST_READ].replace("\0", "")  # PostgreSQL takes no NUL, nobody has one
    return unicodedata.normalize("NFC", plain).lower()


def normal_email(address: str) -> str:
    """Return the address in the form it is kept; InvalidInput when it cannot be one."""
    address = unicodedata.normalize("NFC", address.strip()[:MOST_READ]).lower()
    if not EMAIL.fullmatch(address):
        raise InvalidInput(
            f"{address[:EMAIL_SHOWN]!r} is not an e-mail address.",
            "Write it as name@example.org.",
            fields={"email": "Enter an e-mail address such as name@example.org."},
        )
    return address


class Accounts:
    """The accounts of one database."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._recent = RecentTokens[Account]()

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
        row = self._row(users.c.email == looked_up(email))
        good = passwords.matches(password, row.password_hash if row else None)
        if not (row and good and row.active):
            return None
        if passwords.outdated(row.password_hash):
            self._rehash(row, password)
        return _account(row)

    def by_id(self, account_id: str) -> Account:
        """Return the account; NotFound when there is none."""
        return _found(self._row(users.c.id == account_id), account_id)

    def by_email(self, email: str) -> Account:
        """Return the account; NotFound when there is none."""
        return _found(self._row(users.c.email == looked_up(email)), email)

    def all(self) -> tuple[Account, ...]:
        """Return every account, by address."""
        with self._db.read() as connection:
            rows = connection.execute(sa.select(users).order_by(users.c.email)).all()
        return tuple(_account(row) for row in rows)

    def set_role(self, email: str, role: Role, *, then: Then | None = None) -> int:
        """Change the role and end the account's sessions; return what `then` does. Its API tokens
        may do no more than before, and no more than the new role may, whatever the role becomes
        later.
        """
        account = self.by_email(email)
        with self._db.begin() as connection:
            change(connection, account.id, role=role.value)
            tokens.narrow(connection, account.id, role)
            return then(self._db, connection, account.id) if then else 0

    def set_password(self, email: str, password: str, *, keep_tokens: bool = False) -> None:
        """Change the password, end the account's sessions and, unless told, its API tokens."""
        hashed, account = passwords.hashed(password), self.by_email(email)
        with self._db.begin() as connection:
            change(connection, account.id, password_hash=hashed)
            if not keep_tokens:
                tokens.end_all(connection, account.id)

    def set_active(self, email: str, active: bool, *, then: Then | None = None) -> int:
        """Let the account sign in, or not; its sessions and API tokens end for good. Return what
        `then` does.
        """
        account = self.by_email(email)
        with self._db.begin() as connection:
            change(connection, account.id, active=active)
            tokens.end_all(connection, account.id)
            return then(self._db, connection, account.id) if then else 0

    def sign_out(self, email: str) -> None:
        """End the account's sessions on all devices."""
        account = self.by_email(email)
        with self._db.begin() as connection:
            change(connection, account.id)

    def new_token(
        self, email: str, label: str, now: datetime, *, life: timedelta | None = A_YEAR
    ) -> str:
        """Return a new API token that acts as the account for so long (None: without an end); it
        is shown this once.
        """
        account = self.by_email(email)
        return tokens.add(self._db, account.id, label, account.role, now=now, life=life)

    def tokens_of(self, email: str) -> tuple[Token, ...]:
        """Return the account's API tokens, newest first, those that have expired too."""
        return tokens.of(self._db, self.by_email(email).id)

    def revoke(self, email: str, token_id: str) -> None:
        """End one API token of the account; NotFound when it has none of that id."""
        tokens.end(self._db, self.by_email(email).id, token_id)

    def by_token(self, token: str, now: datetime) -> Account | None:
        """Return the active account that the API token acts as, or None. Its role is the token's
        where that may do less.
        """
        account = self._of_token(token, now)
        self._recent.note(token, account, now)
        return account

    def by_recent_token(self, token: str, now: datetime) -> Account | None:
        """Return what `by_token` did at most `recent.KNOWN` ago in this process, or None; for what
        reads nothing restricted, while the database is away.
        """
        return self._recent.get(token, now)

    def _of_token(self, token: str, now: datetime) -> Account | None:
        found = tokens.use(self._db, token, now)
        row = self._row(users.c.id == found.user_id) if found else None
        if found is None or row is None or not row.active:
            return None
        account = _account(row)
        return replace(account, role=found.within(account.role))

    def _rehash(self, row: sa.Row[Any], password: str) -> None:
        """Keep the password under today's parameters; nothing else of the account changes."""
        mine = (users.c.id == row.id) & (users.c.password_hash == row.password_hash)
        with self._db.begin() as connection:
            new = {"password_hash": passwords.rehashed(password)}
            connection.execute(sa.update(users).where(mine).values(new))

    def _row(self, condition: sa.ColumnElement[bool]) -> sa.Row[Any] | None:
        with self._db.read() as connection:
            return connection.execute(sa.select(users).where(condition)).one_or_none()


def change(connection: Connection, account_id: str, **values: Any) -> None:
    """Change an account; sessions opened before end, and so do links to a new password."""
    values["session_version"] = users.c.session_version + 1
    connection.execute(sa.update(users).where(users.c.id == account_id).values(values))
    theirs = password_resets.c.user_id == account_id
    connection.execute(sa.delete(password_resets).where(theirs))


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
