"""The mailbox behind an email address, for counting."""

from __future__ import annotations


def mailbox(address: str) -> str:
    """Return the address in one form for all its spellings: "Ann+news@example.org" is delivered
    where "ann@example.org" is.
    """
    name, at, domain = address.strip().casefold().rpartition("@")
    return f"{name.partition('+')[0] or name}{at}{domain}"
