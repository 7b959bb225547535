"""Signing in and out, and what is held on whoever is signed in.

Cookies are set by signing in and by nothing else. A wrong address and a wrong password get the same
answer, `next` leads nowhere but to this site, words of a form that was refused come back afterwards
to be sent by hand, and a person gets their own data.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from flask import (
    Blueprint,
    Response,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue

from kb.accounts.roles import Permission, Role
from kb.accounts.sign_in import Caller
from kb.accounts.store import Account
from kb.connectors.files import FOLDER
from kb.errors import InvalidInput, ProductError, TooSoon
from kb.privacy.export import document
from kb.privacy.model import Who
from kb.web import known
from kb.web.guard import GUESSES, look_again, needs, now, services, viewer
from kb.web.typed import carried

blueprint = Blueprint("account", __name__)

WRONG = InvalidInput(
    "The address or the password is not right.",
    fields={"email": "Check the address and the password: together they fit no account."},
)


@blueprint.route("/sign-in", methods=["GET", "POST"])
@needs(Permission.READ, limit=GUESSES)
def sign_in() -> ResponseReturnValue:
    """The form, and what it does."""
    target = local(request.args.get("next", ""))
    if request.method != "POST":
        return _form(target)
    kept = carried()  # before the form is read: it may be longer than forms usually are
    email, password = request.form.get("email", ""), request.form.get("password", "")
    try:
        account = services().entrance.enter(email, password, caller(email), now())
    except TooSoon as refusal:
        g.retry_after = refusal.wait
        return _form(target, email=email, problem=refusal), 429
    if account is None:
        return _form(target, email=email, problem=WRONG), 422
    begin(account)
    if kept.place:
        look_again()
        page = make_response(render_template("account/go_on.html", kept=kept))
        return known.remember(page, account.email)
    return known.remember(redirect(target or _home(account.role), 303), account.email)


@blueprint.post("/sign-out")
@needs(Permission.READ)
def sign_out() -> ResponseReturnValue:
    """End this session."""
    session.clear()
    return redirect(url_for("reader.home"), 303)


@blueprint.get("/my/data")
@needs(Permission.SIGN_IN)
def data() -> str:
    """What is held on the signed-in person, in figures, and the way to all of it."""
    held = _own_document()
    counts = {name: len(rows) for name, rows in held.items() if isinstance(rows, list)}
    return render_template(
        "account/data.html", counts=counts, retention=services().settings.retention.days
    )


@blueprint.get("/my/data.json")
@needs(Permission.SIGN_IN, limit="pages")
def download() -> Response:
    """Everything held on the signed-in person, as a file."""
    text = json.dumps(_own_document(), ensure_ascii=False, indent=2)
    response = Response(text, mimetype="application/json")
    response.headers["Content-Disposition"] = 'attachment; filename="my-data.json"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _own_document() -> dict[str, Any]:
    parts = services()
    parts.recorder.flush()  # what this person did a moment ago is theirs too
    who = Who(user_id=viewer().user_id)
    mail = parts.settings.data / FOLDER
    return document(parts.db, who, site=parts.settings.site_name, now=now(), mail=mail)


def _form(target: str, *, email: str = "", problem: ProductError | None = None) -> str:
    said = "changed" if request.args.get("changed") else ""
    return render_template(
        "account/sign_in.html",
        next=target or None,
        email=email,
        problem=problem,
        said=said,
        kept=carried(),
    )


def caller(email: str) -> Caller:
    """Return where this try to sign in comes from."""
    return Caller(request.remote_addr or "", known.device(email))


def begin(account: Account) -> None:
    """Begin a session of the account."""
    session.clear()  # nothing of the session before may be carried over
    session.permanent = True
    session["account"] = account.id
    session["version"] = account.session_version


def _home(role: Role) -> str:
    """Return where a person of that role begins."""
    places = {Role.AGENT: "desk.queue", Role.LEAD: "leads.report"}
    return url_for(places.get(role, "reader.home"))


def local(target: str) -> str:
    """Return the target when it is a path of this site, else "". Where the site is under a path of
    its host, what lies beside it is another site's.
    """
    root, path = request.root_path, unquote(target.partition("?")[0])
    if root and (not f"{path}/".startswith(f"{root}/") or ".." in path.split("/")):
        return ""
    plain = target.startswith("/") and not target.startswith(("//", "/\\"))
    safe = plain and not any(ord(char) < 33 or char == "\\" for char in target)
    return target if safe else ""
