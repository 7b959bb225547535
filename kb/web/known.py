"""The mark of a browser that signed in before, for counting wrong passwords apart.

It opens nothing: whoever guesses passwords from elsewhere does not use up this browser's tries.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from flask import current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from kb.accounts.store import guess_digest, looked_up

KEPT = timedelta(days=180)


def device(email: str) -> str:
    """Return the mark of this browser for that address, "" when it has not signed in to it."""
    try:
        held = _signer().loads(request.cookies.get(_name(), ""), max_age=int(KEPT.total_seconds()))
        whose, mark = held
    except (BadData, ValueError, TypeError):
        return ""
    return str(mark) if whose == guess_digest(looked_up(email)) else ""


def remember(response: Response, email: str) -> Response:
    """Mark the browser as one that signed in to that address."""
    mark = device(email) or secrets.token_urlsafe(16)
    response.set_cookie(
        _name(),
        _signer().dumps([guess_digest(looked_up(email)), mark]),
        max_age=KEPT,
        secure=_secure(),
        httponly=True,
        samesite="Lax",
        path=current_app.config["SESSION_COOKIE_PATH"],
    )
    return response


def _signer() -> URLSafeTimedSerializer:
    config = current_app.config
    keys = [*config["SECRET_KEY_FALLBACKS"], config["SECRET_KEY"]]
    return URLSafeTimedSerializer(keys, salt="device")


def _name() -> str:
    return str(current_app.config["SESSION_COOKIE_NAME"]).removesuffix("session") + "device"


def _secure() -> bool:
    return bool(current_app.config["SESSION_COOKIE_SECURE"])
