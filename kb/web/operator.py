"""For operators: is the process up, and is it ready to answer.

Promises that /healthz needs nothing but the process and that /readyz names what is wanting.
"""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from kb.accounts.roles import Permission
from kb.web.guard import needs, now, services

blueprint = Blueprint("operator", __name__)


@blueprint.get("/healthz")
@needs(Permission.READ)
def healthz() -> ResponseReturnValue:
    """The process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@needs(Permission.READ)
def readyz() -> ResponseReturnValue:
    """What works and what does not; 503 when articles cannot be found."""
    checks = services().readiness(now())
    ready = all(check.ok or not check.vital for check in checks)
    body = {check.name: {"ok": check.ok, "detail": check.detail} for check in checks}
    return jsonify(status="ready" if ready else "not ready", checks=body), 200 if ready else 503
