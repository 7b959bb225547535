"""Accounts, API tokens, password reset links and wrong passwords in the database.

A password is stored only as a hash, API tokens and links only as digests. An email address is one
account whatever its case. Changing a password or role ends earlier sessions and reset links; a new
password also ends API tokens unless told otherwise, and a new role limits them.

A sign-in try is counted in one transaction before the password is checked, so that a hundred tries
at once count as a hundred; a right password takes its own back. A try that cannot be counted is
refused.

While the database is away, API tokens that it accepted at most `KNOWN` ago are remembered by hash
in this process's memory. A token revoked on another machine or by a command still counts there, so
the caller must limit what such a token allows.
"""

from __future__ import annotations

import hashlib
import logging
import math
import re
import secrets
import unicodedata
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.accounts import passwords
from kb.accounts.roles import Role, lesser
from kb.accounts.sign_in_delays import DelayRule, GuessTally, timely
from kb.database import FAULTS, Database, hasty
from kb.errors import InvalidInput, NotFound, StoreError
from kb.schema import api_tokens, password_resets, sign_in_guesses, users

# -- Recently valid API tokens, for when the database is away --


KNOWN = timedelta(minutes=10)
MOST = 1000  # tokens; the least recently used goes first
T = TypeVar("T")


class RecentTokens(Generic[T]):
    """The account that each recent token stood for, and when the database last said so."""

    def __init__(self) -> None:
        self._found: OrderedDict[bytes, tuple[T, datetime]] = OrderedDict()
        self._lock = Lock()

    def note(self, token: str, account: T | None, now: datetime) -> None:
        """Remember what the database said: the account, or None for an invalid token."""
        with self._lock:
            self._found.pop(key := _key(token), None)
            if account is not None:
                self._found[key] = (account, now)
            if len(self._found) > MOST:
                self._found.popitem(last=False)

    def get(self, token: str, now: datetime) -> T | None:
        """Return what the token stood for at most `KNOWN` ago, None if that is not known."""
        with self._lock:
            account, since = self._found.get(_key(token), (None, now))
        return account if timedelta(0) <= now - since <= KNOWN else None


def _key(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


# -- API tokens: only digests are stored, and revoked ones are deleted --


log = logging.getLogger(__name__)

A_YEAR = timedelta(days=365)
LONGEST_NAME = 100
ID_LENGTH = 12  # characters of the digest: tells one's own tokens apart and reveals nothing
USE_NOTED = timedelta(hours=1)  # a program that asks every second writes once an hour


@dataclass(frozen=True, slots=True)
class ApiToken:
    """One API token, without its secret. `role` is the most that it may do."""

    id: str
    user_id: str
    name: str
    role: Role
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None

    def within(self, role: Role) -> Role:
        """Return the token's effective role while its account has that role."""
        return lesser(self.role, role)

    def expired(self, now: datetime) -> bool:
        """Return whether the token has expired."""
        return self.expires_at is not None and self.expires_at <= now


def add_token(
    db: Database, user_id: str, name: str, role: Role, *, now: datetime, life: timedelta | None
) -> str:
    """Make a token and return it."""
    token = "tz_" + secrets.token_urlsafe(32)
    row = {
        "digest": _token_digest(token),
        "user_id": user_id,
        "label": " ".join(name.split())[:LONGEST_NAME] or "without a name",
        "role": role.value,
        "created_at": now,
        "expires_at": None if life is None else now + life,
    }
    with db.begin() as connection:
        connection.execute(sa.insert(api_tokens).values(row))
    return token


def tokens_of(db: Database, user_id: str) -> tuple[ApiToken, ...]:
    """Return an account's tokens, newest first."""
    mine = sa.select(api_tokens).where(api_tokens.c.user_id == user_id)
    newest = mine.order_by(api_tokens.c.created_at.desc(), api_tokens.c.digest)
    with db.read() as connection:
        return tuple(_token(row) for row in connection.execute(newest))


def use_token(db: Database, token: str, now: datetime) -> ApiToken | None:
    """Return the token that somebody presents, None when it is unknown or expired."""
    mine = api_tokens.c.digest == _token_digest(token)
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


def end_token(db: Database, user_id: str, token_id: str) -> None:
    """Delete one token of an account; NotFound when it has none of that id."""
    for_sure = len(token_id) == ID_LENGTH and token_id.isascii() and token_id.isalnum()
    mine = (api_tokens.c.user_id == user_id) & api_tokens.c.digest.startswith(token_id)
    with db.begin() as connection:
        if not (for_sure and connection.execute(sa.delete(api_tokens).where(mine)).rowcount):
            raise NotFound(
                "There is no such API token.", "It may have been revoked already; see the list."
            )


def end_all_tokens(connection: Connection, user_id: str) -> None:
    """Delete every token of an account."""
    connection.execute(sa.delete(api_tokens).where(api_tokens.c.user_id == user_id))


def narrow_tokens(connection: Connection, user_id: str, role: Role) -> None:
    """Limit an account's tokens to that role from now on."""
    mine = sa.select(api_tokens.c.digest, api_tokens.c.role).where(api_tokens.c.user_id == user_id)
    for row in connection.execute(mine).all():
        new = {"role": lesser(Role(row.role), role).value}
        this = api_tokens.c.digest == row.digest
        connection.execute(sa.update(api_tokens).where(this).values(new))


def _token(row: sa.Row[tuple[object, ...]]) -> ApiToken:
    return ApiToken(
        id=row.digest[:ID_LENGTH],
        user_id=row.user_id,
        name=row.label,
        role=Role(row.role),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )


def _token_digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


# -- Password reset links: digests, each bound to the account's current password hash --


def add_reset_link(
    connection: Connection, token: str, email: str, *, until: datetime
) -> sa.Row[Any] | None:
    """Store a link and return the active account of the address, or None. Without an account a row
    for nobody is written, so that both cases take as long.
    """
    mine = (users.c.email == email) & users.c.active
    account = connection.execute(sa.select(users).where(mine)).one_or_none()
    row = {
        "digest": reset_link_digest(token),
        "user_id": account.id if account else None,
        "bound_to": reset_link_digest(account.password_hash if account else ""),
        "expires_at": until,
    }
    connection.execute(sa.insert(password_resets).values(row))
    return account


def account_of_reset_link(connection: Connection, token: str, now: datetime) -> sa.Row[Any] | None:
    """Return the account whose password the link may replace now, or None."""
    joined = password_resets.join(users, users.c.id == password_resets.c.user_id)
    mine = (password_resets.c.digest == reset_link_digest(token)) & users.c.active
    wanted = sa.select(users, password_resets.c.bound_to).select_from(joined).where(mine)
    row = connection.execute(wanted.where(password_resets.c.expires_at > now)).one_or_none()
    return row if row and row.bound_to == reset_link_digest(row.password_hash) else None


def replace_password(connection: Connection, token: str, password_hash: str, now: datetime) -> Any:
    """Replace the password hash and return the account; None when the link was used meanwhile.
    Sessions, other links and API tokens end.
    """
    row = account_of_reset_link(connection, token, now)
    used = sa.delete(password_resets).where(password_resets.c.digest == reset_link_digest(token))
    if row is None or not connection.execute(used).rowcount:  # of two at once, one wins
        return None
    change(connection, row.id, password_hash=password_hash)
    end_all_tokens(connection, row.id)
    return row


def forget_reset_links(connection: Connection, before: datetime) -> None:
    """Delete links that expired before then."""
    old = password_resets.c.expires_at < before
    connection.execute(sa.delete(password_resets).where(old))


def reset_link_digest(text: str) -> str:
    """Return the digest that is stored of a link or a password hash."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


# -- Wrong passwords --


KEPT = timedelta(days=2)  # longer than any rule looks back or lets wait


@dataclass(frozen=True, slots=True)
class Bucket:
    """What one count is kept under, and by which rule. `what` is "account", "network", "device",
    "token" or "link".
    """

    what: str
    who: str
    rule: DelayRule

    @property
    def key(self) -> str:
        """Return the key of the row, from which no address can be read."""
        return f"{self.what}:{guess_digest(self.who)}"


class Guesses:
    """The counts of wrong passwords in one database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def take(self, buckets: Sequence[Bucket], now: datetime) -> tuple[Bucket, int] | None:
        """Count one try in every bucket and return None; or, if a bucket is closed, count nothing
        and return it with the seconds until it opens. StoreError when it cannot be written.
        """
        ordered = sorted(buckets, key=lambda bucket: bucket.key)  # one order, so no deadlock
        try:
            with hasty(self._db) as connection:
                found = [(each, self._locked(connection, each, now)) for each in ordered]
                for bucket, tally in found:
                    if tally and tally.free_at > now:
                        _write(connection, bucket, tally)  # may be corrected (`timely`)
                        return bucket, math.ceil((tally.free_at - now).total_seconds())
                for bucket, tally in found:
                    _write(connection, bucket, bucket.rule.counted(tally, now))
        except FAULTS as problem:
            raise StoreError(
                "Sign-ins cannot be counted, so none is taken.",
                "Check that the database can be written and that its disk is not full.",
            ) from problem
        return None

    def give_back(self, buckets: Sequence[Bucket], now: datetime) -> None:
        """Take back the try of a right password."""
        with self._db.begin() as connection:
            for bucket in sorted(buckets, key=lambda each: each.key):
                tally = self._locked(connection, bucket, now)
                _write(connection, bucket, tally and bucket.rule.given_back(tally, now))

    def forget(self, bucket: Bucket) -> None:
        """Delete the count of a bucket."""
        with self._db.begin() as connection:
            _write(connection, bucket, None)

    def purge(self, now: datetime) -> None:
        """Delete counts too old for any rule, and those of a clock that was far ahead."""
        with self._db.begin() as connection:
            old = ~sign_in_guesses.c.free_at.between(now - KEPT, now + KEPT)
            connection.execute(sa.delete(sign_in_guesses).where(old))

    def _locked(self, connection: Connection, bucket: Bucket, now: datetime) -> GuessTally | None:
        """Return the bucket's tally, locked until the end of the transaction; None when empty."""
        row = {"key": bucket.key, "failures": 0, "since": now, "free_at": now}
        self._db.insert_once(connection, sign_in_guesses, [row])
        mine = sa.select(sign_in_guesses).where(sign_in_guesses.c.key == bucket.key)
        found = connection.execute(mine.with_for_update()).one()
        tally = GuessTally(found.failures, found.since, found.free_at)
        return timely(tally, bucket.rule, now) if found.failures else None


def _write(connection: Connection, bucket: Bucket, tally: GuessTally | None) -> None:
    mine = sign_in_guesses.c.key == bucket.key
    if tally is None:
        connection.execute(sa.delete(sign_in_guesses).where(mine))
        return
    values = {"failures": tally.failures, "since": tally.since, "free_at": tally.free_at}
    connection.execute(sa.update(sign_in_guesses).where(mine).values(values))


def guess_digest(who: str) -> str:
    """Return a digest of `who`, so that no address is kept."""
    return hashlib.sha256(who.encode("utf-8", "surrogatepass")).hexdigest()[:32]


# -- Accounts --


# One @, no spaces, a dot in the domain or none at all (intranet hosts): the mail server decides.
EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]{1,190}")


EMAIL_SHOWN = 255
MOST_READ = 1000  # characters of an address that are read; no account's is longer

# A further change in the transaction of an account's change; returns how many things it changed.
Then = Callable[[Database, Connection, str], int]


@dataclass(frozen=True, slots=True)
class Account:
    """One person's account. `session_version` increases to end the sessions opened before."""

    id: str
    email: str
    name: str
    role: Role
    session_version: int
    active: bool


def looked_up(address: str) -> str:
    """Return a typed address in the form in which it is looked up."""
    plain = address.strip()[:MOST_READ].replace("\0", "")  # PostgreSQL takes no NUL, nobody has one
    return unicodedata.normalize("NFC", plain).lower()


def normal_email(address: str) -> str:
    """Return the address in the form in which it is stored; InvalidInput when it is invalid."""
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
        return self.add_hashed(email, passwords.hashed(password), name=name, role=role, now=now)

    def add_hashed(
        self, email: str, password_hash: str, *, name: str, role: Role, now: datetime
    ) -> Account:
        """Add an account whose password is hashed already; see `add`."""
        row = {
            "id": uuid.uuid4().hex,
            "email": normal_email(email),
            "name": name.strip() or email.partition("@")[0],
            "role": role.value,
            "password_hash": password_hash,
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
        """Change the role, end the account's sessions and return the result of `then`. Its API
        tokens are limited to the new role for good, whatever the role becomes later.
        """
        account = self.by_email(email)
        with self._db.begin() as connection:
            change(connection, account.id, role=role.value)
            narrow_tokens(connection, account.id, role)
            return then(self._db, connection, account.id) if then else 0

    def set_password(self, email: str, password: str, *, keep_tokens: bool = False) -> None:
        """Change the password, end the account's sessions and, unless told, its API tokens."""
        hashed, account = passwords.hashed(password), self.by_email(email)
        with self._db.begin() as connection:
            change(connection, account.id, password_hash=hashed)
            if not keep_tokens:
                end_all_tokens(connection, account.id)

    def set_active(self, email: str, active: bool, *, then: Then | None = None) -> int:
        """Allow or forbid the account to sign in, end its sessions and API tokens for good, and
        return the result of `then`.
        """
        account = self.by_email(email)
        with self._db.begin() as connection:
            change(connection, account.id, active=active)
            end_all_tokens(connection, account.id)
            return then(self._db, connection, account.id) if then else 0

    def sign_out(self, email: str) -> None:
        """End the account's sessions on all devices."""
        account = self.by_email(email)
        with self._db.begin() as connection:
            change(connection, account.id)

    def new_token(
        self, email: str, label: str, now: datetime, *, life: timedelta | None = A_YEAR
    ) -> str:
        """Return a new API token that acts as the account for `life` (None: without expiry). It can
        be shown only this once.
        """
        account = self.by_email(email)
        return add_token(self._db, account.id, label, account.role, now=now, life=life)

    def tokens_of(self, email: str) -> tuple[ApiToken, ...]:
        """Return the account's API tokens, newest first, including expired ones."""
        return tokens_of(self._db, self.by_email(email).id)

    def revoke(self, email: str, token_id: str) -> None:
        """Delete one API token of the account; NotFound when it has none of that id."""
        end_token(self._db, self.by_email(email).id, token_id)

    def by_token(self, token: str, now: datetime) -> Account | None:
        """Return the active account that the API token acts as, or None. Its role is lowered to the
        token's where that may do less.
        """
        account = self._of_token(token, now)
        self._recent.note(token, account, now)
        return account

    def by_recent_token(self, token: str, now: datetime) -> Account | None:
        """Return what `by_token` returned at most `KNOWN` ago in this process, or None. For reading
        unrestricted content while the database is away.
        """
        return self._recent.get(token, now)

    def _of_token(self, token: str, now: datetime) -> Account | None:
        found = use_token(self._db, token, now)
        row = self._row(users.c.id == found.user_id) if found else None
        if found is None or row is None or not row.active:
            return None
        account = _account(row)
        return replace(account, role=found.within(account.role))

    def _rehash(self, row: sa.Row[Any], password: str) -> None:
        """Rehash the password with current parameters; nothing else of the account changes."""
        mine = (users.c.id == row.id) & (users.c.password_hash == row.password_hash)
        with self._db.begin() as connection:
            new = {"password_hash": passwords.rehashed(password)}
            connection.execute(sa.update(users).where(mine).values(new))

    def _row(self, condition: sa.ColumnElement[bool]) -> sa.Row[Any] | None:
        with self._db.read() as connection:
            return connection.execute(sa.select(users).where(condition)).one_or_none()


def change(connection: Connection, account_id: str, **values: Any) -> None:
    """Change an account; its sessions and password reset links end."""
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
