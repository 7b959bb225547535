"""A forgotten password: asked for by address, chosen by a link.

The answer is the same whether or not the address is known here. Opening a link changes nothing:
mail programs open links by themselves.
"""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, abort, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from kb.accounts.rate_limits import Rate, network
from kb.accounts.roles import Permission
from kb.accounts.store import normal_email
from kb.errors import InvalidInput
from kb.web.guard import needs, now, refuse, services
from kb.web.link_again import has_room
from kb.web.passwords import language, new_password, private

blueprint = Blueprint("forgotten", __name__)


@blueprint.route("/forgot-password", methods=["GET", "POST"])
@needs(Permission.READ, limit="write")
def ask() -> ResponseReturnValue:
    """The form, and what it does; where no mail is sent, who can help instead."""
    parts = services()
    if parts.resets.letters is None:
        if request.method == "POST":
            abort(409, "This site sends no mail. Ask its administrator for a new password.")
        return _asking()
    if request.method != "POST":
        return _asking()
    typed = request.form.get("email", "")[:255].strip()
    try:
        email = normal_email(typed if typed.isprintable() else "")
    except InvalidInput as problem:
        return _asking(email=typed, problem=problem), 422
    asked = Rate("reset-network", parts.settings.sign_in_rate, timedelta(hours=1))
    if wait := parts.limits.wait(asked, network(request.remote_addr or ""), now()):
        refuse(asked, wait, "Too many new passwords were asked for from your network.")
    if has_room(email, "reset"):
        parts.resets.ask(email, language=language(), now=now())
    return redirect(url_for("forgotten.sent"), 303)


@blueprint.get("/forgot-password/sent")
@needs(Permission.READ)
def sent() -> str:
    """What comes next, the same for every address."""
    return render_template("account/reset_sent.html")


@blueprint.route("/reset-password/<token>", methods=["GET", "POST"])
@needs(Permission.READ, limit="write")
def choose(token: str) -> ResponseReturnValue:
    """The form for a new password, and what it does."""
    resets = services().resets
    email = resets.email_of(token, now())
    if request.method == "POST":
        try:
            resets.choose(token, new_password(), language=language(), now=now())
        except InvalidInput as problem:
            return private(_choosing(token, email, problem)), 422
        services().entrance.forget(email)
        session.clear()
        return redirect(url_for("account.sign_in", changed="yes"), 303)
    return private(_choosing(token, email))


def _asking(email: str = "", problem: InvalidInput | None = None) -> str:
    mail = services().resets.letters is not None
    return render_template("account/forgot.html", email=email, problem=problem, mail=mail)


def _choosing(token: str, email: str, problem: InvalidInput | None = None) -> str:
    return render_template("account/reset.html", token=token, email=email, problem=problem)
