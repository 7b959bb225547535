"""Signing in and out.

Promises that a sign-in sets the only cookie there is, that a wrong address and a wrong password get
the same answer, and that `next` leads nowhere but to this site.
"""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from kb.errors import InvalidInput
from kb.people.roles import Permission, Role
from kb.people.store import Account
from kb.web.guard import needs, services

blueprint = Blueprint("account", __name__)

WRONG = InvalidInput(
    "The address or the password is not right.",
    fields={"email": "Check the address and the password: together they fit no account."},
)


@blueprint.route("/sign-in", methods=["GET", "POST"])
@needs(Permission.READ, limit="sign-in")
def sign_in() -> ResponseReturnValue:
    """The form, and what it does."""
    target = local(request.args.get("next", ""))
    if request.method != "POST":
        return _form(target)
    email, password = request.form.get("email", ""), request.form.get("password", "")
    account = services().accounts.authenticate(email, password)
    if account is None:
        return _form(target, email=email, problem=WRONG), 422
    _begin(account)
    return redirect(target or _home(account.role), 303)


@blueprint.post("/sign-out")
@needs(Permission.READ)
def sign_out() -> ResponseReturnValue:
    """End this session."""
    session.clear()
    return redirect(url_for("reader.home"), 303)


def _form(target: str, *, email: str = "", problem: InvalidInput | None = None) -> str:
    return render_template(
        "account/sign_in.html", next=target or None, email=email, problem=problem
    )


def _begin(account: Account) -> None:
    session.clear()  # nothing of the session before may be carried over
    session.permanent = True
    session["account"] = account.id
    session["version"] = account.session_version


def _home(role: Role) -> str:
    """Return where a person of that role begins."""
    places = {Role.AGENT: "desk.queue", Role.LEAD: "leads.report"}
    return url_for(places.get(role, "reader.home"))


def local(target: str) -> str:
    """Return the target when it is a path of this site, else ""."""
    plain = target.startswith("/") and not target.startswith(("//", "/\\"))
    safe = plain and not any(ord(char) < 33 or char == "\\" for char in target)
    return target if safe else ""
