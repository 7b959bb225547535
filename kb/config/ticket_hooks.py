"""Webhooks by which other service desks report tickets: their names, secrets and signatures.

A call is signed as Standard Webhooks says: over its id, its time and its body, with a secret that
belongs to one hook. The hook's name is the source of its tickets, so that no call can name another.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from kb.errors import NotAllowed

HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
REMEMBERED = timedelta(days=1)  # for a call's id; calls that are 5 minutes off are refused anyway
LONGEST_ID = 255
_NAME = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_SECRET = re.compile(r"whsec_[A-Za-z0-9+/]+={0,2}")
_FEWEST, _MOST = 24, 64  # bytes of a secret, as the standard says
FORM = (
    "a table from the name of each hook (lower-case letters, digits and hyphens) to its secret, "
    "or to several while one is replaced: whsec_ and 24 to 64 random bytes in Base64; no two hooks "
    "share one"
)


@dataclass(frozen=True, slots=True)
class TicketHook:
    """A hook: the name in its address, which is the source of its tickets, and its secrets."""

    name: str
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated call: its hook, and digests of its id and its body."""

    hook: str
    id: str
    digest: str


class NotProved(NotAllowed):
    """The signature of a call is missing or wrong."""


def parse_ticket_hooks(table: Mapping[str, Any]) -> tuple[TicketHook, ...]:
    """Return the hooks that a table describes; otherwise raise ValueError, with no secret in it."""
    if not isinstance(table, Mapping):
        raise ValueError(FORM)
    found = tuple(_hook(name, given) for name, given in table.items())
    secrets = [_bytes(secret) for hook in found for secret in hook.secrets]
    if len(set(secrets)) < len(secrets):
        raise ValueError(FORM)
    return found


def _hook(name: str, given: Any) -> TicketHook:
    secrets = tuple(given) if isinstance(given, list | tuple) else (given,)
    sound = all(isinstance(each, str) and _SECRET.fullmatch(each) for each in secrets)
    if not secrets or not sound or len(name) > 64 or not _NAME.fullmatch(name):
        raise ValueError(FORM)
    if not all(_FEWEST <= len(_bytes(each)) <= _MOST for each in secrets):
        raise ValueError(FORM)
    return TicketHook(name, secrets)


def _bytes(secret: str) -> bytes:
    """Return the key that the library makes of a secret; raise ValueError unless it is Base64."""
    return base64.b64decode(secret.removeprefix("whsec_") + "==")


def proved(hook: TicketHook, headers: Mapping[str, str], body: bytes) -> Call:
    """Return the call if one of the hook's secrets signed its id, its time and its body, and it was
    sent less than five minutes ago; raise NotProved otherwise.
    """
    given = {name: headers.get(name, "") for name in HEADERS}
    name = given["webhook-id"]
    if not all(given.values()):
        raise NotProved(
            f"The call lacks {', '.join(key for key in HEADERS if not given[key])}.",
            "Sign it as Standard Webhooks says, with the hook's secret of the setting "
            "ticket_hooks.",
        )
    # In the signed text a full stop separates id and time, so an id may not contain one.
    sound = len(name) <= LONGEST_ID and name.isprintable() and "." not in name
    if not sound or not any(_signed(secret, given, body) for secret in hook.secrets):
        raise NotProved(
            "The signature does not fit the call, or the call was not sent within 5 minutes.",
            "Check the secret in ticket_hooks, and the clocks of both machines.",
        )
    digest = hashlib.sha256(body).hexdigest()
    return Call(hook.name, hashlib.sha256(name.encode()).hexdigest(), digest)


def _signed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):  # ValueError: a header of another form
        return False
    return True
