"""Passwords: hashing with argon2id, and a minimum length.

A stored hash carries its own parameters. Checking takes the same time whether or not the account
exists.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from kb.errors import InvalidInput

# Only length counts, without composition rules: NIST SP 800-63B section 3.1.1.2.
SHORTEST = 12
LONGEST = 200

_hasher = PasswordHasher()


@cache
def _nobody() -> str:
    """Return the hash to check when there is no such account, so that it takes as long."""
    return _hasher.hash("no account has this password")


def hashed(password: str) -> str:
    """Return the argon2id hash of a new password; InvalidInput when it is too short or long."""
    composed = _composed(password) if len(password) <= LONGEST else ""  # normalising is not linear
    if len(composed) < SHORTEST or not _encodable(password):
        raise InvalidInput(
            f"A password has {SHORTEST} to {LONGEST} characters.",
            "Several unrelated words are easy to remember and hard to guess.",
            fields={"password": f"Choose {SHORTEST} to {LONGEST} characters."},
        )
    return _hasher.hash(composed)


def rehashed(password: str) -> str:
    """Return a new hash of a password already in use, whatever its length."""
    return _hasher.hash(_composed(password))


def matches(password: str, stored: str | None) -> bool:
    """Return whether the password matches the stored hash (None: no such account)."""
    if len(password) > LONGEST or not _encodable(password):
        password = ""  # never right, and takes as long to check
    composed = _composed(password)
    good = _verified(composed, stored)
    if not good and composed != password:  # older hashes are of the password as typed
        good = _verified(password, stored)
    return good


def outdated(stored: str) -> bool:
    """Return whether a hash was made with other parameters than are used now."""
    try:
        return _hasher.check_needs_rehash(stored)
    except InvalidHashError:
        return True


def _verified(password: str, stored: str | None) -> bool:
    try:
        return _hasher.verify(stored or _nobody(), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def _composed(password: str) -> str:
    """Return the password normalised to NFKC, so that keyboards agree (NIST SP 800-63B)."""
    return unicodedata.normalize("NFKC", password)


def _encodable(password: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in password)
