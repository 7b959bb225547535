"""The header `Idempotency-Key`: a program's own name for one request."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from flask import abort, request

from kb.tickets.requester_store import RequestKey

LONGEST = 255


def request_key(given: dict[str, Any]) -> RequestKey | None:
    """Return the key of this request, None without one; 400 for one that cannot be a name. It may
    stand in quotation marks, as the IETF's draft writes it, or alone.
    """
    text = request.headers.get("Idempotency-Key")
    if text is None:
        return None
    bare = text.strip()
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        bare = bare[1:-1]
    if not 0 < len(bare) <= LONGEST or not (bare.isascii() and bare.isprintable()):
        abort(400, f"An Idempotency-Key has 1 to {LONGEST} printable ASCII characters.")
    whole = json.dumps(given, sort_keys=True)
    return RequestKey(bare, hashlib.sha256(whole.encode()).hexdigest())
