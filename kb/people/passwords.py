"""Passwords: argon2id, and a floor for what may be chosen.

Promises that a stored hash carries its own parameters and that checking takes the same time whether
the account exists or not. Knows no account.
"""

from __future__ import annotations

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
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInput(
            f"A password has {SHORTEST} to {LONGEST} characters.",
            "Several unrelated words are easy to remember and hard to guess.",
            fields={"password": f"Choose {SHORTEST} characters or more."},
        )
    return _hasher.hash(password)


def matches(password: str, stored: str | None) -> bool:
    """Return whether the password is the one behind the stored hash (None: no such account)."""
    try:
        return _hasher.verify(stored or _nobody(), password[:LONGEST]) and stored is not None
    except (VerificationError, InvalidHashError):
        return False
