"""Passwords: argon2id, and a floor for what may be chosen.

Promises that a stored hash carries its own parameters and that checking takes the same time whether
the account exists or not. Knows no account.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from kb.errors import InvalidInput

# Length is what counts, and no rules of composition: NIST SP 800-63B section 3.1.1.2.
SHORTEST = 12
LONGEST = 200

_hasher = PasswordHasher()


@cache
def _nobody() -> str:
    """Return what is checked when there is no such account, so that it takes as long."""
    return _hasher.hash("no account has this password")


def hashed(password: str) -> str:
    """Return the argon2id hash of a new password; InvalidInput when it is too short or long."""
    composed = _composed(password) if len(password) <= LONGEST else ""  # its cost is not linear
    if len(composed) < SHORTEST or not _encodable(password):
        raise InvalidInput(
            f"A password has {SHORTEST} to {LONGEST} characters.",
            "Several unrelated words are easy to remember and hard to guess.",
            fields={"password": f"Choose {SHORTEST} to {LONGEST} characters."},
        )
    return _hasher.hash(composed)


def rehashed(password: str) -> str:
    """Return a hash of a password that is somebody's already, whatever its length."""
    return _hasher.hash(_composed(password))


def matches(password: str, stored: str | None) -> bool:
    """Return whether the password is the one behind the stored hash (None: no such account)."""
    if len(password) > LONGEST or not _encodable(password):
        password = ""  # nobody's, and as long to check as any
    composed = _composed(password)
    good = _verified(composed, stored)
    if not good and composed != password:  # hashes made before were of what was typed
        good = _verified(password, stored)
    return good


def outdated(stored: str) -> bool:
    """Return whether a hash was made with weaker parameters than are used now."""
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
    """Return the password in one form, whichever keyboard wrote its accents (NIST SP 800-63B)."""
    return unicodedata.normalize("NFKC", password)


def _encodable(password: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in password)
