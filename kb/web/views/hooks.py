"""Webhooks: what a Git server calls after a push, and another service desk after a ticket.

A push is answered at once and only leaves a request: the worker fetches and publishes, so that a
repeated call can at most make it look once more. A ticket that is reported twice counts once. A
call must prove that it knows the secret. Header names and forms are those of the servers'
documentation: GitHub's “Validating webhook deliveries”, GitLab's “Webhooks”, Gitea's and Forgejo's
“Webhooks”; a service desk signs as Standard Webhooks says.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from flask import Blueprint, abort, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import Headers

from kb.accounts.roles import Permission
from kb.analytics.external_tickets.reading import from_json
from kb.analytics.external_tickets.service import import_tickets
from kb.config.ticket_hooks import HEADERS, Call, NotProved, proved
from kb.errors import InvalidInput
from kb.publishing.state import request_publish
from kb.web.guard import needs, now, services

blueprint = Blueprint("hooks", __name__, url_prefix="/hooks")

LONGEST = 1024 * 1024  # bytes; a push of more commits than fit is found by the next poll
# The proof in each server's header: a prefix and the HMAC-SHA256 of the body, in hexadecimal.
_SIGNATURES = {
    "X-Hub-Signature-256": "sha256=",
    "X-Gitea-Signature": "",
    "X-Forgejo-Signature": "",
}
# Here the source is not signed: whoever saw a call could repeat it for another source.
UNSIGNED_SOURCE = (
    "Calls signed with webhook_secret do not prove which system they come from. Call "
    "/hooks/tickets/<name> with a hook of the setting ticket_hooks; until then the setting "
    "github_signed_tickets names the one source that may call here."
)
_TOKEN = "X-Gitlab-Token"  # noqa: S105 - the name of a header: GitLab sends the secret itself
_KINDS = ("X-GitHub-Event", "X-Gitlab-Event", "X-Gitea-Event", "X-Forgejo-Event")
_PUSHES = frozenset({"push", "Push Hook", "Tag Push Hook", "System Hook", "create"})


def _signed_body(secret: str) -> bytes:
    """Return the body; ends with 404 where no secret is set, with 403 where it is not signed."""
    if not secret:
        abort(404)
    request.max_content_length = LONGEST
    body = request.get_data()
    if not is_genuine(request.headers, body, secret):
        abort(403, "The signature does not fit the body and the setting webhook_secret.")
    return body


@blueprint.post("/push")
@needs(Permission.READ, limit="reading", signed=True)
def push() -> ResponseReturnValue:
    """Request a publish; 404 where no secret is set."""
    settings = services().settings
    body = _signed_body(settings.webhook_secret)
    refs = [settings.articles_ref, *(one.ref for one in settings.repositories)]
    payload = _payload(body)
    why = _beside_the_point(payload, refs)
    if why:  # only previews need a look into the database
        shown = (one.branch.rpartition(":")[2] for one in services().previews.all(now()))
        why = _beside_the_point(payload, [*refs, *shown])
    if not why:
        request_publish(settings.data)
    return jsonify(publishing=not why, reason=why), 202


@blueprint.post("/tickets/<name>")
@needs(Permission.READ, limit="reading", signed=True)
def tickets_of(name: str) -> ResponseReturnValue:
    """Take tickets of another system; the hook's name is their source, its secret the proof."""
    settings = services().settings
    hook = next((one for one in settings.ticket_hooks if one.name == name), None)
    if hook is None:
        abort(404)
    request.max_content_length = LONGEST
    body = request.get_data()
    try:
        call = proved(hook, {key: request.headers.get(key, "") for key in HEADERS}, body)
    except NotProved as problem:
        abort(403, f"{problem.message} {problem.hint}")
    return _taken(body, hook.name, call)


@blueprint.post("/tickets")
@needs(Permission.READ, limit="reading", signed=True)
def tickets() -> ResponseReturnValue:
    """Take tickets signed as GitHub signs, from the one source for which this is still allowed."""
    settings = services().settings
    body = _signed_body(settings.webhook_secret)
    source = request.args.get("source", "hook")[:64]
    if not settings.github_signed_tickets or source != settings.github_signed_tickets:
        abort(403, UNSIGNED_SOURCE)
    return _taken(body, source)


def _taken(body: bytes, source: str, call: Call | None = None) -> ResponseReturnValue:
    """Take the tickets of a body whose sender is known; return the answer."""
    parts = services()
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidInput("The body is not JSON.", "Let the other system send JSON.") from None
    found = from_json(payload, now=now())
    done = import_tickets(
        parts.db, parts.settings, found, parts.matching(), source=source, now=now(), call=call
    )
    told = {"new": done.new, "known": done.known, "matched": done.matched}
    return jsonify(told | ({"early": done.early} if done.early else {})), 202


def is_genuine(headers: Headers, body: bytes, secret: str) -> bool:
    """Return whether there is a proof, and every proof given fits; compared in constant time."""
    key = secret.encode()
    digest = hmac.new(key, body, "sha256").hexdigest()
    wanted = {name: f"{prefix}{digest}".encode() for name, prefix in _SIGNATURES.items()}
    wanted[_TOKEN] = key
    given = {name: headers[name].encode("utf-8", "replace") for name in wanted if name in headers}
    fits = [hmac.compare_digest(wanted[name], proof) for name, proof in given.items()]
    return bool(fits) and all(fits)


def _payload(body: bytes) -> dict[str, Any]:
    """Return the payload; in a form it is the field `payload` (GitHub, Gitea)."""
    try:
        if request.mimetype == "application/x-www-form-urlencoded":
            body = parse_qs(body)[b"payload"][0]
        found = json.loads(body)
    except (ValueError, KeyError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidInput("The body is not a JSON object.", "Let the server send JSON.")
    return found


def _beside_the_point(payload: Mapping[str, Any], wanted: Sequence[str]) -> str:
    """Return why this call changes nothing here, "" when it may: with HEAD wanted, any push may."""
    kind = next((request.headers[name] for name in _KINDS if name in request.headers), "push")
    if kind not in _PUSHES:
        return f"not a push but {kind[:40]}"
    ref = payload.get("ref")
    if "HEAD" in wanted or not isinstance(ref, str) or not ref:
        return ""
    names = {ref, ref.removeprefix("refs/heads/"), ref.removeprefix("refs/tags/")}
    named = " or ".join(dict.fromkeys(wanted))[:80]
    return "" if names.intersection(wanted) else f"not {named}, which is what is published"
