"""Subscriptions to the answer of a search: asked for, confirmed, stopped.

The page is the same whether or not an address is known here. Only pressing a button confirms (mail
programs and scanners open links by themselves), and one click stops. The rules are in
`kb.gaps.subscriptions`.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from kb.access import readable
from kb.accounts.roles import Permission
from kb.accounts.store import normal_email
from kb.content.article import Audience
from kb.errors import InvalidInput
from kb.gaps.answers.service import asked_before
from kb.gaps.subscriptions.service import SubscriptionRequest
from kb.searches.service import SearchAnswer
from kb.tracking.events import Event
from kb.tracking.query_text import words_key
from kb.web.guard import needs, now, own_search, services, viewer
from kb.web.views.tickets import has_room

blueprint = Blueprint("subscriptions", __name__, url_prefix="/subscriptions")


@blueprint.post("")
@needs(Permission.READ, limit="write")
def subscribe() -> ResponseReturnValue:
    """Subscribe to the answer of one of this person's own searches."""
    search = own_search(request.form.get("search", "")[:36])
    if search is None:
        services().db.ping()  # while the database is away no search is known: say that
    if not services().settings.answer_mail or search is None or not unanswered(search):
        abort(404, "This search is not known any more. Search again, then ask to be told.")
    person, email = viewer(), request.form.get("email", "")[:255].strip()
    known = person.signed_in and bool(person.email)
    try:
        address = person.email if known else normal_email(email if email.isprintable() else "")
    except InvalidInput as problem:
        page = render_template(
            "subscriptions/ask.html", problem=problem, email=email, search_id=search.id
        )
        return page, 422
    if known or has_room(address, "letters"):  # counted together with emails about tickets
        token = services().subscriptions.ask(_wish(search, address, known=known), now())
        if known:
            return redirect(url_for("subscriptions.state", token=token), 303)
    return redirect(url_for("subscriptions.sent"), 303)


def unanswered(search: Event) -> bool:
    """Return whether a search found nothing that clearly answers."""
    return not search.data.get("answerable") or not search.data.get("total")


def _wish(search: Event, email: str, *, known: bool) -> SubscriptionRequest:
    mine = viewer().audiences
    spoken = request.accept_languages.best_match(("en", "es")) or ""
    return SubscriptionRequest(
        search_id=search.id,
        words=search.words or "",
        email=email,
        language=str(search.data.get("language") or spoken),
        audience=(Audience.narrowest(mine) if known else Audience.PUBLIC).value,
        known=known,
    )


@blueprint.get("/sent")
@needs(Permission.READ)
def sent() -> str:
    """Say what comes next, the same for every address."""
    return render_template("subscriptions/sent.html")


@blueprint.get("/<token>")
@needs(Permission.READ)
def state(token: str) -> str:
    """A subscription, and what can be done with it; opening the page changes nothing."""
    return _page(token)


@blueprint.post("/<token>")
@needs(Permission.READ, limit="write")
def confirm(token: str) -> ResponseReturnValue:
    """Confirm the subscription."""
    services().subscriptions.confirm(token, now())
    return redirect(url_for("subscriptions.state", token=token), 303)


@blueprint.get("/<token>/stop")
@needs(Permission.READ)
def asked_to_stop(token: str) -> str:
    """The page behind an email's “unsubscribe”; opening it changes nothing."""
    return _page(token)


@blueprint.post("/<token>/stop")
@needs(Permission.READ, limit="write", signed=True)
def stop(token: str) -> ResponseReturnValue:
    """End the subscription and forget the person. Mail programs send this by themselves when their
    reader presses “unsubscribe” (RFC 8058), so no page of ours needs to have sent it.
    """
    services().subscriptions.stop(token)
    return render_template("subscriptions/stopped.html")


def _page(token: str) -> str:
    found = services().subscriptions.find(token)
    article = readable(services().library(), found.told_article, viewer())
    return render_template(
        "subscriptions/state.html", subscription=found, token=token, article=article
    )


def of_results(answer: SearchAnswer) -> dict[str, Any]:
    """Return what the page of a search without a clear answer says of others and offers."""
    if answer.results.answerable and answer.hits:
        return {"others": (0, ""), "tell_me": False}
    parts = services()
    tell_me = parts.settings.answer_mail and answer.recorded and not viewer().left_out
    return {"others": _others(answer), "tell_me": tell_me}


def _others(answer: SearchAnswer) -> tuple[int, str]:
    """Return how many people failed on this before, 0 when too few to tell, and the gap's state."""
    parts = services()
    key, since = words_key(answer.words), now() - parts.settings.retention
    found = parts.recorder.look(lambda db: asked_before(db, key, since))
    people, status = found or (0, "")
    return (people, status) if people >= parts.settings.k_anonymity else (0, "")
