"""One's own account: password, API tokens, signing out everywhere.

What opens the account for longer than this session (a password, a token) asks for the password
again, and none of it is done by an API token.
"""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as BaseResponse

from kb.accounts.roles import Permission
from kb.errors import InvalidInput, ProductError, TooSoon
from kb.web import known
from kb.web.account import begin, caller
from kb.web.guard import GUESSES, needs, now, services, viewer
from kb.web.passwords import language, new_password, private

blueprint = Blueprint("own_account", __name__, url_prefix="/my/account")

LIVES = {"30": "30 days", "90": "90 days", "365": "1 year"}  # without an end: `kb user token` alone
SAID = {
    "password": "Your password is changed. Other devices are signed out.",
    "revoked": "The API token is revoked.",
}


@blueprint.get("")
@needs(Permission.SIGN_IN, in_person=True)
def page() -> ResponseReturnValue:
    """The account, and what can be done with it."""
    return _page()


@blueprint.post("/password")
@needs(Permission.SIGN_IN, limit=GUESSES, in_person=True)
def password() -> ResponseReturnValue:
    """Change the password; this session alone goes on."""
    person, parts = viewer(), services()
    try:
        _prove("current")
        keep = request.form.get("keep") == "yes"
        parts.accounts.set_password(person.email, new_password(), keep_tokens=keep)
    except (InvalidInput, TooSoon) as problem:
        return _refused(problem)
    begin(parts.accounts.by_id(person.user_id))
    parts.resets.tell_changed(person.email, person.name, language=language(), now=now())
    there = redirect(url_for("own_account.page", said="password"), 303)
    return known.remember(there, person.email)


@blueprint.post("/sign-out", endpoint="sign_out")
@needs(Permission.SIGN_IN, in_person=True)
def sign_out() -> ResponseReturnValue:
    """End the sessions on all devices, this one too."""
    services().accounts.sign_out(viewer().email)
    session.clear()
    return redirect(url_for("reader.home"), 303)


@blueprint.post("/tokens")
@needs(Permission.SIGN_IN, limit=GUESSES, in_person=True)
def add_token() -> ResponseReturnValue:
    """Make an API token and show it, this once."""
    name, life = request.form.get("name", "").strip(), request.form.get("life", "365")
    try:
        if not name or not name.isprintable():
            raise InvalidInput("The token has no name.", fields={"name": "Say what it is for."})
        if life not in LIVES:
            raise InvalidInput("A token ends.", fields={"life": "Choose how long it works."})
        _prove("proof")
    except (InvalidInput, TooSoon) as problem:
        return _refused(problem)
    span = timedelta(days=int(life))
    token = services().accounts.new_token(viewer().email, name, now(), life=span)
    return _page(token=token)


@blueprint.post("/tokens/<token_id>/revoke")
@needs(Permission.SIGN_IN, in_person=True)
def revoke(token_id: str) -> ResponseReturnValue:
    """End one API token."""
    services().accounts.revoke(viewer().email, token_id)
    return redirect(url_for("own_account.page", said="revoked"), 303)


def _prove(field: str) -> None:
    """Raise InvalidInput unless the form's `field` holds the person's password."""
    email = viewer().email
    typed = request.form.get(field, "")
    if services().entrance.enter(email, typed, caller(email), now()) is None:
        raise InvalidInput(
            "That is not your password.",
            fields={field: "Type the password that you sign in with now."},
        )


def _refused(problem: ProductError) -> ResponseReturnValue:
    if isinstance(problem, TooSoon):
        g.retry_after = problem.wait
        return _page(problem), 429
    return _page(problem), 422


def _page(problem: ProductError | None = None, *, token: str = "") -> BaseResponse:
    form = request.form
    text = render_template(
        "account/account.html",
        problem=problem,
        token=token,
        tokens=services().accounts.tokens_of(viewer().email),
        now=now(),
        lives=LIVES,
        name="" if token else form.get("name", ""),
        life=form.get("life", "365"),
        said=SAID.get(request.args.get("said", ""), ""),
    )
    return private(text)
