"""Signing in and out, one's own account, and forgotten passwords.

Cookies are set only by signing in. A wrong address and a wrong password get the same answer, `next`
leads only to this site, the words of a form that was refused come back after signing in to be sent
by hand, and a person can download only their own data. A second cookie marks the browser that
signed in, so that passwords guessed from elsewhere do not use up its tries; it opens nothing.

What opens the account for longer than this session (a password, a token) asks for the password
again, and none of it can be done with an API token. A request for a password link gets the same
answer whether or not the address is known. Opening a link changes nothing: mail programs open links
by themselves.
"""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response as BaseResponse

from kb.accounts.rate_limits import Rate, network
from kb.accounts.roles import Permission, Role
from kb.accounts.sign_in import Caller
from kb.accounts.store import Account, guess_digest, looked_up, normal_email
from kb.connectors.files import FOLDER
from kb.errors import InvalidInput, ProductError, TooSoon
from kb.notifications.outbox import EMAIL_LANGUAGES
from kb.privacy.export import document
from kb.privacy.model import Who
from kb.web.guard import GUESSES, look_again, needs, now, refuse, services, viewer
from kb.web.refused_forms import carried
from kb.web.views.tickets import has_room

# -- The mark of a browser that signed in before --


KEPT = timedelta(days=180)


def device(email: str) -> str:
    """Return this browser's mark for that address, "" when it has not signed in to it."""
    try:
        held = _signer().loads(request.cookies.get(_name(), ""), max_age=int(KEPT.total_seconds()))
        whose, mark = held
    except (BadData, ValueError, TypeError):
        return ""
    return str(mark) if whose == guess_digest(looked_up(email)) else ""


def remember(response: BaseResponse, email: str) -> BaseResponse:
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


# -- Pages that set a password --


def new_password() -> str:
    """Return the new password of the form; InvalidInput when it was typed in two ways."""
    password = request.form.get("password", "")
    if password != request.form.get("again", ""):
        raise InvalidInput(
            "The two passwords are not the same.",
            fields={"again": "Type the same new password twice."},
        )
    return password


def language() -> str:
    """Return the language of emails to this visitor."""
    asked = (tag.partition("-")[0].lower() for tag in request.accept_languages.values())
    return next((each for each in asked if each in EMAIL_LANGUAGES), "en")


def private(page: str) -> BaseResponse:
    """Return a page that is not cached. It keeps the usual referrer policy: with no referrer at all
    browsers would send its forms as if from another site.
    """
    response = make_response(page)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


# -- Signing in and out, and one's own data --


blueprint = Blueprint("account", __name__)

WRONG = InvalidInput(
    "The address or the password is not right.",
    fields={"email": "Check the address and the password: together they fit no account."},
)


@blueprint.route("/sign-in", methods=["GET", "POST"])
@needs(Permission.READ, limit=GUESSES)
def sign_in() -> ResponseReturnValue:
    """Show the form, or sign in."""
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
        return remember(page, account.email)
    return remember(redirect(target or _home(account.role), 303), account.email)


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
    parts.recorder.flush()  # include what this person did a moment ago
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
    """Return where this attempt to sign in comes from."""
    return Caller(request.remote_addr or "", device(email))


def begin(account: Account) -> None:
    """Begin a session of the account."""
    session.clear()  # nothing of the session before may be carried over
    session.permanent = True
    session["account"] = account.id
    session["version"] = account.session_version


def _home(role: Role) -> str:
    """Return the address of the first page for a role."""
    places = {Role.AGENT: "desk.queue", Role.LEAD: "leads.report"}
    return url_for(places.get(role, "reader.home"))


def local(target: str) -> str:
    """Return the target when it is a path of this site, else "". Where the site is under a path of
    its host, addresses outside that path are another site's.
    """
    root, path = request.root_path, unquote(target.partition("?")[0])
    if root and (not f"{path}/".startswith(f"{root}/") or ".." in path.split("/")):
        return ""
    plain = target.startswith("/") and not target.startswith(("//", "/\\"))
    safe = plain and not any(ord(char) < 33 or char == "\\" for char in target)
    return target if safe else ""


# -- One's own account --


own_account_blueprint = Blueprint("own_account", __name__, url_prefix="/my/account")

LIVES = {"30": "30 days", "90": "90 days", "365": "1 year"}  # endless: only by `kb user token`
SAID = {
    "password": "Your password is changed. Other devices are signed out.",
    "revoked": "The API token is revoked.",
}


@own_account_blueprint.get("")
@needs(Permission.SIGN_IN, in_person=True)
def page() -> ResponseReturnValue:
    """The account, and what can be done with it."""
    return _page()


@own_account_blueprint.post("/password")
@needs(Permission.SIGN_IN, limit=GUESSES, in_person=True)
def password() -> ResponseReturnValue:
    """Change the password; all other sessions end."""
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
    return remember(there, person.email)


@own_account_blueprint.post("/sign-out", endpoint="sign_out")
@needs(Permission.SIGN_IN, in_person=True)
def sign_out_everywhere() -> ResponseReturnValue:
    """End the sessions on all devices, this one too."""
    services().accounts.sign_out(viewer().email)
    session.clear()
    return redirect(url_for("reader.home"), 303)


@own_account_blueprint.post("/tokens")
@needs(Permission.SIGN_IN, limit=GUESSES, in_person=True)
def add_token() -> ResponseReturnValue:
    """Make an API token and show it this once."""
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


@own_account_blueprint.post("/tokens/<token_id>/revoke")
@needs(Permission.SIGN_IN, in_person=True)
def revoke(token_id: str) -> ResponseReturnValue:
    """Revoke one API token."""
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


# -- Forgotten passwords --


forgotten_blueprint = Blueprint("forgotten", __name__)


@forgotten_blueprint.route("/forgot-password", methods=["GET", "POST"])
@needs(Permission.READ, limit="write")
def ask() -> ResponseReturnValue:
    """Show the form, or send a link; where no mail is sent, say who can help instead."""
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


@forgotten_blueprint.get("/forgot-password/sent")
@needs(Permission.READ)
def sent() -> str:
    """Say what comes next, the same for every address."""
    return render_template("account/reset_sent.html")


@forgotten_blueprint.route("/reset-password/<token>", methods=["GET", "POST"])
@needs(Permission.READ, limit="write")
def choose(token: str) -> ResponseReturnValue:
    """Show the form for a new password, or set it."""
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
