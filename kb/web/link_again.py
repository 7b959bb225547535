"""A lost private link, sent again to the address on the ticket.

The answer is one page for every address and every number, and the work behind it is the same, so
that nobody learns here who has asked for help.
"""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from kb.accounts.rate_limits import mailbox
from kb.accounts.rate_limits_store import unasked
from kb.accounts.roles import Permission
from kb.errors import InvalidInput
from kb.tickets.forms import is_address
from kb.tickets.model import parse_number
from kb.tickets.private_links import ask
from kb.web.guard import needs, now, services

blueprint = Blueprint("link_again", __name__, url_prefix="/tickets/link")


@blueprint.get("")
@needs(Permission.READ)
def form() -> str:
    """The form: an address and, where it is known, the ticket's number."""
    return _page()


@blueprint.post("")
@needs(Permission.READ, limit="write")
def send() -> ResponseReturnValue:
    """Have the links written to whom they belong."""
    try:
        email, number = _address(), _number()
    except InvalidInput as problem:
        return _page(problem), 422
    if has_room(email, "link"):
        ask(services().desk, email, number, now())
    return redirect(url_for("link_again.sent"), 303)


@blueprint.get("/sent")
@needs(Permission.READ)
def sent() -> str:
    """What comes next, the same for every address."""
    return render_template("requester/link_sent.html", most=services().settings.letter_rate)


def has_room(email: str, kind: str) -> bool:
    """Count one letter of that kind to the address, whoever asks for it; return whether it may be
    written today. StoreError when it cannot be counted.
    """
    letters = unasked(services().settings.letter_rate, kind)
    return not services().limits.wait(letters, mailbox(email), now())


def _address() -> str:
    email = request.form.get("email", "").strip()
    if not is_address(email):
        problem = "Enter an email address like name@example.com."
        raise InvalidInput(problem, fields={"email": problem})
    return email


def _number() -> int | None:
    """Return the number that was given; None without one, which stands for all tickets."""
    text = request.form.get("number", "").strip()
    return parse_number(text) if text else None


def _page(problem: InvalidInput | None = None) -> str:
    typed = {name: request.form.get(name, "") for name in ("email", "number")}
    return render_template("requester/link_again.html", problem=problem, form=typed)
