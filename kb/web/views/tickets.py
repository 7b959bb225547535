"""From "still need help" to a ticket, the ticket's private page, and lost private links.

The form comes filled with what was searched, typed words survive every error, and the number is
shown at once. Without an account a private link is the only key to a ticket.

An address that is not the account's own is another person. The ticket is theirs: the account merely
filed it, and nothing that the account did here enters the ticket but the one search that is named.

A request for a lost link gets the same page for every address and every number, with the same work
behind it, so that nobody learns here who has asked for help.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from kb.access import readable
from kb.accounts.rate_limits import mailbox
from kb.accounts.rate_limits_store import unasked
from kb.accounts.roles import Permission
from kb.errors import InvalidInput, NotAllowed, NotFound, ProductError
from kb.publishing.live_library import at_hand
from kb.tickets.creation import CreatedTicket
from kb.tickets.forms import is_address
from kb.tickets.model import (
    Offer,
    Origin,
    Requester,
    RequesterReply,
    Ticket,
    TicketDraft,
    TicketEvent,
    parse_number,
)
from kb.tickets.offers import decline_offer, find_offer, take_offer
from kb.tickets.private_links import ask
from kb.tracking.events import Arm, Event
from kb.tracking.experiments import arm_of
from kb.web.guard import by_token, count_ticket_for, needs, now, own_search, services, tried, viewer
from kb.web.views import listings
from search.errors import SearchError
from search.types import Query

# -- The requester --


@dataclass(frozen=True, slots=True)
class TicketRequest:
    """Who asks, under which pseudonym; `filed_by` is the account that files it for them."""

    requester: Requester
    visitor: str
    filed_by: str = ""

    def trail(self, search: Event | None) -> dict[str, Any]:
        """Return what the requester tried before; where an account files for somebody else, only
        the search that is named.
        """
        if not self.filed_by:
            return tried(search)
        if search is None:
            return {}
        found = services().trail(search.visitor, search.id, now())
        theirs = [each for each in found["searches"] if each["id"] == search.id]
        return found | {"searches": theirs, "articles": []}


def asking(name: str, email: str) -> TicketRequest:
    """Return who asks, as the form or the request says."""
    person, address = viewer(), email.strip()
    if not person.signed_in:
        return TicketRequest(Requester(name, email), person.visitor)
    if not address or address.casefold() == person.email.casefold():
        mine = Requester(name or person.name, person.email, person.user_id)
        return TicketRequest(mine, person.visitor)
    visitor = services().visitors.of_address(address)
    return TicketRequest(_somebody_else(name, address), visitor, person.user_id)


def _somebody_else(name: str, address: str) -> Requester:
    """Return the requester with this address. It is matched to an account only when an agent files
    on a page, where the private link is shown to nobody; what a program says of a caller proves
    nothing.
    """
    if viewer().may(Permission.WORK_TICKETS) and not by_token():
        try:
            account = services().accounts.by_email(address)
        except NotFound:
            return Requester(name, address)
        if account.active:
            return Requester(name or account.name, account.email, account.id)
    return Requester(name, address)


# -- Lost private links --


link_again_blueprint = Blueprint("link_again", __name__, url_prefix="/tickets/link")


@link_again_blueprint.get("")
@needs(Permission.READ)
def form() -> str:
    """The form: an address and, where it is known, the ticket's number."""
    return _link_page()


@link_again_blueprint.post("")
@needs(Permission.READ, limit="write")
def send() -> ResponseReturnValue:
    """Have the links sent to the address on the tickets."""
    try:
        email, number = _address(), _number()
    except InvalidInput as problem:
        return _link_page(problem), 422
    if has_room(email, "link"):
        ask(services().desk, email, number, now())
    return redirect(url_for("link_again.sent"), 303)


@link_again_blueprint.get("/sent")
@needs(Permission.READ)
def sent() -> str:
    """Say what comes next, the same for every address."""
    return render_template("requester/link_sent.html", most=services().settings.letter_rate)


def has_room(email: str, kind: str) -> bool:
    """Count one email of that kind to the address, whoever asks for it; return whether it may be
    sent today. Raise StoreError when it cannot be counted.
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


def _link_page(problem: InvalidInput | None = None) -> str:
    typed = {name: request.form.get(name, "") for name in ("email", "number")}
    return render_template("requester/link_again.html", problem=problem, form=typed)


# -- Opening a ticket, and its pages --


blueprint = Blueprint("requester", __name__)

SUGGESTED = 3
FIELDS = (
    "subject", "body", "name", "email", "search", "article", "submission", "different", "served_to",
)  # fmt: skip # a list, several to a line
OTHER_ACCOUNT = InvalidInput(
    "This form was opened by another account. It is yours now: look at it, then send it.",
)


@blueprint.get("/tickets/new")
@needs(Permission.READ, limit="form")
def new() -> str:
    """The form, filled with the words that found no answer."""
    search = own_search(request.args.get("search"))
    slug = request.args.get("article", "")[:255]
    other = "other" in request.args and viewer().may(Permission.WORK_TICKETS)
    form = {
        "subject": (search.words if search else "") or _title(slug),
        "body": "",
        "name": "" if other else viewer().name,
        "email": "" if other else viewer().email,
        "search": search.id if search else "",
        "article": slug,
        "submission": uuid.uuid4().hex,
        "different": "",
        "served_to": viewer().user_id,
    }
    services().record.form_opened(
        viewer(), now=now(), search_id=search.id if search else None, slug=slug
    )
    _put_on_record(_arm())
    return _page(form)


@blueprint.post("/tickets/withdrawn")
@needs(Permission.READ, limit="vote")
def withdrawn() -> str:
    """Record that a suggestion answered, so that no ticket is needed."""
    search = own_search(request.form.get("search"))
    search_id = search.id if search else None
    told = services().record.form_withdrawn(viewer(), now=now(), search_id=search_id)
    return render_template("requester/withdrawn.html", search=search_id, told=told)


@blueprint.post("/tickets")
@needs(Permission.READ, limit="ticket")
def create() -> ResponseReturnValue:
    """Open the ticket, or say in words what the form still needs."""
    form = {name: request.form.get(name, "") for name in FIELDS}
    if form["served_to"] != viewer().user_id and form["served_to"]:
        return _served_to_another(form)
    draft = _draft(form)
    if draft.filed_by:
        count_ticket_for(draft.requester.email)
    try:
        opened = services().desk.open_ticket(draft, submission=form["submission"][:64], now=now())
    except InvalidInput as problem:
        return _page(form, problem), 422
    return _sent(opened, draft, form)


def _sent(opened: CreatedTicket, draft: TicketDraft, form: dict[str, str]) -> ResponseReturnValue:
    """Redirect to the ticket, or say that what was written was added to one."""
    number = opened.ticket.display_number
    mine = opened.ticket.requester.user_id == viewer().user_id != ""
    if draft.filed_by and viewer().may(Permission.WORK_TICKETS):
        place = url_for("desk.ticket", number=number)
    elif opened.link_token:
        place = url_for("requester.ticket", token=opened.link_token, opened=1)
    elif mine and not opened.added:
        place = url_for("requester.own", number=number, opened=1)
    else:
        page = {"number": number, "added": opened.added, "form": form}
        return render_template("requester/existing.html", **page)
    return redirect(place, 303)


def _served_to_another(form: dict[str, str]) -> ResponseReturnValue:
    """Ask whoever opened the form to sign in again, or show it to whoever is signed in now: a
    ticket must not end up with the wrong person because a session ended while it was written.
    """
    if not viewer().signed_in:
        abort(
            401,
            "You were signed in when you opened this form, and are not now. Sign in again, "
            "so that the ticket is among yours.",
        )
    mine = {"name": viewer().name, "email": viewer().email, "served_to": viewer().user_id}
    return _page(form | mine, OTHER_ACCOUNT), 422


@blueprint.get("/t/<token>")
@needs(Permission.READ)
def ticket(token: str) -> str:
    """The ticket behind a private link."""
    found = services().desk.by_link(token)
    return _ticket_page(found, url_for("requester.reply", token=token))


@blueprint.post("/t/<token>/reply")
@needs(Permission.READ, limit="write")
def reply(token: str) -> ResponseReturnValue:
    """Add a reply through the private link."""
    try:
        services().desk.reply_by_link(token, request.form.get("text", ""), now=now())
    except (InvalidInput, NotAllowed) as problem:
        found = services().desk.by_link(token)
        return _ticket_page(found, url_for("requester.reply", token=token), problem), 422
    return redirect(url_for("requester.ticket", token=token), 303)


@blueprint.get("/my/tickets")
@needs(Permission.SIGN_IN)
def mine() -> str:
    """The signed-in person's tickets."""
    return render_template("requester/mine.html", tickets=services().desk.own(viewer().user_id))


@blueprint.get("/my/tickets/<number>")
@needs(Permission.SIGN_IN)
def own(number: str) -> str:
    """One of the signed-in person's tickets."""
    return _ticket_page(_own(number), url_for("requester.own_reply", number=number))


@blueprint.post("/my/tickets/<number>/reply")
@needs(Permission.SIGN_IN, limit="write")
def own_reply(number: str) -> ResponseReturnValue:
    """Add a reply of a signed-in requester."""
    found = _own(number)
    if _of_the_team(found):
        abort(409, "This ticket is the team's. Open one of your own to tell us more.")
    try:
        reply = RequesterReply(viewer().name, request.form.get("text", ""))
        services().desk.act(found.number, reply, now=now())
    except (InvalidInput, NotAllowed) as problem:
        place = url_for("requester.own_reply", number=number)
        return _ticket_page(found, place, problem), 422
    return redirect(url_for("requester.own", number=number), 303)


@blueprint.get("/offers/<offer_id>")
@needs(Permission.SIGN_IN)
def offer(offer_id: str) -> str:
    """The question that an email linked to: shall a ticket be opened?"""
    found = find_offer(services().desk, offer_id, user_id=viewer().user_id)
    if found.state != "open":
        abort(404, "This question has been answered already.")
    return render_template("requester/offer.html", offer=found)


@blueprint.post("/offers/<offer_id>")
@needs(Permission.SIGN_IN, limit="write")
def answer_offer(offer_id: str) -> ResponseReturnValue:
    """Open the ticket that was offered, or decline it."""
    if request.form.get("answer") != "take":
        decline_offer(services().desk, offer_id, user_id=viewer().user_id)
        return redirect(url_for("reader.home"), 303)
    found = find_offer(services().desk, offer_id, user_id=viewer().user_id)
    draft = _offered(found)
    opened = take_offer(services().desk, offer_id, draft=draft, now=now())
    number = opened.ticket.display_number
    return redirect(url_for("requester.own", number=number, opened=1), 303)


def _own(number: str) -> Ticket:
    """Return the viewer's ticket of that number; 404 for any other."""
    wanted = parse_number(number)
    for found in services().desk.own(viewer().user_id):
        if found.number == wanted:
            return found
    abort(404, "There is no such ticket among yours.")


def _draft(form: dict[str, str]) -> TicketDraft:
    """Return the draft that the form describes, with everything tried so far."""
    who, search = asking(form["name"], form["email"]), own_search(form["search"])
    search_id = search.id if search else None
    return TicketDraft(
        subject=form["subject"],
        body=form["body"],
        requester=who.requester,
        visitor=who.visitor,
        filed_by=who.filed_by,
        search_id=search_id,
        language=_letters_in(),
        trail=who.trail(search),
        words_key=(search.words_key if search else "") or "",
        different=bool(form["different"]),
    )


def _letters_in() -> str:
    """Return the language of emails that this person's browser prefers."""
    return request.accept_languages.best_match(("en", "es")) or "en"


def _offered(found: Offer) -> TicketDraft:
    """Return the draft for an offer that is accepted."""
    person = viewer()
    return TicketDraft(
        subject=found.words,
        requester=Requester(name=person.name, email=person.email, user_id=person.user_id),
        visitor=person.visitor,
        search_id=found.search_id,
        language=_letters_in(),
        trail=services().trail(person.visitor, found.search_id, now()),
    )


def _page(form: dict[str, str], problem: ProductError | None = None) -> str:
    """Return the form, with articles beside it that may make it unnecessary."""
    held_out = _arm() is Arm.HELD_OUT
    return render_template(
        "requester/new.html",
        form=form,
        problem=problem,
        held_out=held_out,
        suggestions=[] if held_out else _suggestions(form),
    )


def _arm() -> Arm:
    """Return this visitor's arm: whether they see suggestions. Staff and robots always do."""
    parts, person = services(), viewer()
    if person.left_out:
        return Arm.SHOWN
    return arm_of(parts.secret_key, person.visitor, parts.settings.holdout_share)


def _put_on_record(arm: Arm) -> None:
    """Record the arm of whoever opened the form, unless nobody is held out."""
    if share := services().settings.holdout_share:
        services().record.holdout(viewer(), arm, share=share, now=now())


def _suggestions(form: dict[str, str]) -> list[dict[str, Any]]:
    """Return up to three articles that the engine believes answer the subject."""
    if not form["subject"].strip():
        return []
    query = Query(text=form["subject"], audiences=viewer().audiences, limit=SUGGESTED)
    try:
        found = services().engine.search(query)  # the form's query, not the person's: not recorded
    except SearchError:
        return []  # a damaged index must not stop a ticket
    if not found.answerable:
        return []
    shown = [
        row
        for row in listings.suggested(found.hits, form["search"])
        if row["slug"] != form["article"]
    ]
    slugs = [row["slug"] for row in shown]
    search_id = form["search"] or None
    services().record.suggestion_shown(viewer(), slugs, now=now(), search_id=search_id)
    return shown


def _title(slug: str) -> str:
    """Return the title of an article that this person may read, "" for any other."""
    article = readable(at_hand(services().library), slug, viewer())
    return article.title if article else ""


def _trail(found: Ticket) -> dict[str, Any]:
    """Return what was tried, without articles that the holder of the link may not read."""
    library = at_hand(services().library)

    def open_ones(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in rows if readable(library, row["slug"], viewer())]

    searches, articles = found.trail.get("searches", ()), found.trail.get("articles", ())
    if not found.proven:  # others may share the network address
        searches, articles = [each for each in searches if each["id"] == found.search_id], ()
    return {
        "searches": [each | {"top": open_ones(each.get("top", ()))} for each in searches],
        "articles": open_ones(articles),
    }


def _of_the_team(found: Ticket) -> bool:
    """Return whether several people, strangers to each other, wait for this ticket."""
    return found.origin is Origin.DEMAND


def _history(found: Ticket) -> list[TicketEvent]:
    """Return the events that those who wait for the ticket may read."""
    events = services().desk.history(found)
    return [event for event in events if not _of_the_team(found) or event.kind != "replied"]


def _ticket_page(found: Ticket, reply_to: str, problem: ProductError | None = None) -> str:
    article = readable(at_hand(services().library), found.resolution_article, viewer())
    return render_template(
        "requester/ticket.html",
        ticket=found,
        history=_history(found),
        team=_of_the_team(found),
        trail=_trail(found),
        article=article,
        reply_to=reply_to,
        text=request.form.get("text", ""),
        problem=problem,
        opened=bool(request.args.get("opened")),
        by_link=request.endpoint in {"requester.ticket", "requester.reply"},
    )
