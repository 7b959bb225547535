"""Password resets by a link: requested, used once, and confirmed by an email.

The request does not reveal who has an account. A link works once, for one account, within half an
hour, and only until the account's password changes.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from kb.accounts import passwords, store
from kb.accounts.store import looked_up
from kb.database import Connection, Database
from kb.errors import NotFound

LIFE = timedelta(minutes=30)
PATH = "/reset-password/{token}"  # where a link leads; served by kb.web


class PasswordNotices(Protocol):
    """Writes emails to the outbox in the transaction that causes them."""

    def reset(
        self,
        connection: Connection,
        to: tuple[str, str],
        token: str,
        *,
        language: str,
        now: datetime,
    ) -> None: ...
    def nobody(self, connection: Connection, *, now: datetime) -> None: ...
    def changed(
        self, connection: Connection, to: tuple[str, str], *, language: str, now: datetime
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Resets:
    """The reset links of one site. `letters` writes the emails, None if the site sends none."""

    db: Database
    letters: PasswordNotices | None

    def ask(self, email: str, *, language: str, now: datetime) -> None:
        """Send a link to the account's address, if there is one; do the same work if not."""
        token = secrets.token_urlsafe(32)
        with self.db.begin() as connection:
            account = store.add_reset_link(connection, token, looked_up(email), until=now + LIFE)
            if account and self.letters:  # to the stored address, never to the typed one
                to = (account.email, account.name)
                self.letters.reset(connection, to, token, language=language, now=now)
            elif self.letters:
                self.letters.nobody(connection, now=now)

    def link_token(self, email: str, now: datetime) -> str:
        """Return the token of a new link, for an administrator to hand on; NotFound when no
        active account has the address.
        """
        token = secrets.token_urlsafe(32)
        with self.db.begin() as connection:
            if store.add_reset_link(connection, token, looked_up(email), until=now + LIFE) is None:
                raise NotFound(
                    f"There is no account {email} that may sign in.",
                    "`kb user list` shows the accounts.",
                )
        return token

    def email_of(self, token: str, now: datetime) -> str:
        """Return the email of the account whose password the link may replace; NotFound when the
        link is used or expired.
        """
        with self.db.read() as connection:
            account = store.account_of_reset_link(connection, token, now)
        if account is None:
            raise _over()
        return str(account.email)

    def choose(self, token: str, password: str, *, language: str, now: datetime) -> str:
        """Set the password and return the account's email. InvalidInput when the password is not
        acceptable, and the link stays valid; NotFound when the link is used or expired.
        """
        self.email_of(token, now)
        hashed = passwords.hashed(password)
        with self.db.begin() as connection:
            account = store.replace_password(connection, token, hashed, now)
            if account is None:
                raise _over()
            if self.letters:
                to = (account.email, account.name)
                self.letters.changed(connection, to, language=language, now=now)
        return str(account.email)

    def tell_changed(self, email: str, name: str, *, language: str, now: datetime) -> None:
        """Notify somebody by email that their password was changed."""
        if self.letters:
            with self.db.begin() as connection:
                self.letters.changed(connection, (email, name), language=language, now=now)

    def purge(self, now: datetime) -> None:
        """Delete expired links."""
        with self.db.begin() as connection:
            store.forget_reset_links(connection, now)


def _over() -> NotFound:
    return NotFound(
        "This link does not work any more.",
        "It works once, for half an hour, and only the newest state of the account. Ask for a new"
        " one.",
    )
