"""Signing in: each try is counted before its password is checked.

Tries are counted by account and by network. A browser that signed in to the account before has its
own count, so that nobody locks the owner out by guessing. Each refusal is one line in the log, with
the network address it came from and without the account's email address.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

from kb.accounts.rate_limits import network
from kb.accounts.sign_in_delays import ACCOUNT, SPAN, Windowed, spoken
from kb.accounts.store import Account, Accounts, Bucket, Guesses, looked_up
from kb.errors import StoreError, TooSoon

log = logging.getLogger(__name__)

WRONG = "wrong email or password"


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a try comes from: the network address, and the mark of a browser that signed in to
    this account before, "" for none.
    """

    address: str
    device: str = ""


@dataclass(frozen=True, slots=True)
class SignIn:
    """Signing in by password. `rate` is how many wrong ones a network may try in ten minutes."""

    accounts: Accounts
    guesses: Guesses
    secret: str
    rate: int

    def enter(self, email: str, password: str, caller: Caller, now: datetime) -> Account | None:
        """Return the account, or None when the password is wrong. TooSoon after too many wrong
        ones; StoreError when the try cannot be counted.
        """
        if not (email.strip() and password):
            return None  # an incomplete form is not a guess
        buckets = self._buckets(email, caller)
        self._take(buckets, email, caller, now)
        account = self.accounts.authenticate(email, password)
        if account is None:
            self._log(caller, WRONG, email)
            return None
        self.guesses.give_back(buckets, now)
        return account

    def forget(self, email: str) -> None:
        """Clear the count of wrong passwords of an account whose owner has a new one."""
        self.guesses.forget(bucket_of(email))

    def token_refused(self, caller: Caller, now: datetime) -> None:
        """Count an unknown API token. TooSoon when the network has sent too many, StoreError when
        it cannot be counted.
        """
        self._log(caller, "unknown API token", "")
        self._count("token", "Too many unknown API tokens", caller, now)

    def link_refused(self, caller: Caller, now: datetime) -> None:
        """Count an unknown private link, as `token_refused` counts tokens."""
        log.warning("unknown private link from %s", _shown(caller.address))
        self._count("link", "Too many unknown private links", caller, now)

    def _count(self, what: str, too_many: str, caller: Caller, now: datetime) -> None:
        bucket = Bucket(what, network(caller.address), Windowed(self.rate, SPAN))
        if closed := self.guesses.take([bucket], now):
            wait = closed[1]
            raise TooSoon(
                f"{too_many} came from your network.", f"Try again in {spoken(wait)}.", wait=wait
            )

    def _buckets(self, email: str, caller: Caller) -> list[Bucket]:
        if caller.device:
            return [Bucket("device", f"{looked_up(email)}\0{caller.device}", ACCOUNT)]
        by_network = Bucket("network", network(caller.address), Windowed(self.rate, SPAN))
        return [bucket_of(email), by_network]

    def _take(self, buckets: Sequence[Bucket], email: str, caller: Caller, now: datetime) -> None:
        try:
            closed = self.guesses.take(buckets, now)
        except StoreError:
            self._log(caller, "not counted", email)
            raise
        if closed is None:
            return
        bucket, wait = closed
        whose = "from your network" if bucket.what == "network" else "for this email address"
        self._log(caller, f"too many for the {bucket.what}", email)
        raise TooSoon(
            f"Too many wrong passwords were tried {whose}.",
            f"Try again in {spoken(wait)}.",
            wait=wait,
        )

    def _log(self, caller: Caller, why: str, email: str) -> None:
        mark = hmac.new(self.secret.encode(), _plain(email), "sha256").hexdigest()[:12]
        whom = f" (account {mark})" if email else ""
        log.warning("sign-in refused from %s : %s%s", _shown(caller.address), why, whom)


def bucket_of(email: str) -> Bucket:
    """Return the bucket under which an account's wrong passwords are counted."""
    return Bucket("account", looked_up(email), ACCOUNT)


def _plain(email: str) -> bytes:
    return f"sign-in\0{looked_up(email)}".encode("utf-8", "surrogatepass")


def _shown(address: str) -> str:
    """Return the address for the log: a valid IP address, else "unknown"."""
    try:
        return str(ip_address(address))
    except ValueError:
        return "unknown"
