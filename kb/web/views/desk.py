"""Pages for agents: the queue, a ticket with its journey, and what can be done to it.

Each action has a form of its own, and a refusal says in words which rule forbids it. The rules are
in `kb.tickets.transitions`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from kb.accounts.roles import Permission
from kb.connectors.registry import hint_of
from kb.content.article import Article
from kb.errors import InvalidInput, NotAllowed, NotFound, ProductError
from kb.health import blocked_by
from kb.publishing.live_library import at_hand
from kb.tickets.model import (
    ACTIVE,
    NOBODY,
    Action,
    Agent,
    Answer,
    Assign,
    Close,
    Escalate,
    Note,
    Origin,
    QueueFilter,
    Reopen,
    Resolution,
    Resolve,
    ReturnToTier,
    Ticket,
    TicketStatus,
    parse_number,
)
from kb.tickets.private_links import send
from kb.tickets.store import WORKING_ROLES
from kb.web.guard import needs, now, services, viewer
from kb.web.views.tickets import has_room
from search.errors import SearchError
from search.types import Query

blueprint = Blueprint("desk", __name__, url_prefix="/desk")

PAGE = 50
CANDIDATES = 5
STATES: Mapping[str, frozenset[TicketStatus]] = {
    "open": ACTIVE,
    "resolved": frozenset({TicketStatus.RESOLVED}),
    "closed": frozenset({TicketStatus.CLOSED}),
    "all": frozenset(TicketStatus),
}
RESOLUTIONS = (
    (Resolution.LINKED_ARTICLE, "An article solved it"),
    (Resolution.ARTICLE_TO_FIX, "An article should have, and needs a change"),
    (Resolution.GAP, "No article covers it: one is missing"),
    (Resolution.NO_KNOWLEDGE, "Nothing to write: a one-off"),
)
# Forms of a ticket's page share field names, so some fields have other ids.
PLACES: Mapping[str, Mapping[str, str]] = {
    "resolve": {"text": "resolve-text", "article": "other_article"},
    "return": {"reason": "return-reason"},
}


@blueprint.get("/")
@needs(Permission.WORK_TICKETS)
def queue() -> str:
    """The tickets that somebody has to work on, oldest first."""
    asked = request.args
    page = min(max(asked.get("page", 1, type=int), 1), 1000)
    state = asked.get("state", "open")
    owner = {"me": viewer().user_id, "nobody": NOBODY}.get(asked.get("owner", ""))
    origin = asked.get("origin", "")
    filters = QueueFilter(
        status=STATES.get(state, ACTIVE),
        tier=_tier(),
        assignee=owner,
        origin=Origin(origin) if origin in set(Origin) else None,
        words=asked.get("q", "")[:200],
        limit=PAGE,
        offset=(page - 1) * PAGE,
    )
    found = services().desk.queue(filters)
    return render_template(
        "desk/queue.html",
        found=found,
        filters=filters,
        state=state,
        owner=asked.get("owner", ""),
        page=page,
        more=page * PAGE < found.total,
        tiers=services().settings.tiers[1:],
        origins=tuple(Origin),
        names=_names(),
        undeliverable=len(services().desk.undeliverable()),
        blocked=blocked_by(services().desk.waiting_letters(0)[0]),
    )


def _tier() -> int | None:
    """Return the tier asked for, None for any and for an unknown one."""
    wanted = request.args.get("tier", type=int)
    return wanted if wanted in {tier.level for tier in services().settings.tiers} else None


@blueprint.get("/tickets/<number>")
@needs(Permission.WORK_TICKETS)
def ticket(number: str) -> str:
    """One ticket: what was tried, what happened, what can be done now."""
    return _page(services().desk.by_number(parse_number(number)))


@blueprint.post("/tickets/<number>/<action>")
@needs(Permission.WORK_TICKETS)
def act(number: str, action: str) -> ResponseReturnValue:
    """Perform one action on the ticket."""
    if action not in ACTIONS:
        abort(404, "There is no such action.")
    try:
        services().desk.act(
            parse_number(number),
            ACTIONS[action](_me()),
            now=now(),
            version=request.form.get("version", type=int),
        )
    except (InvalidInput, NotAllowed) as problem:
        found = services().desk.by_number(parse_number(number))
        return _page(found, _placed(problem, action), acted=action), 422
    return redirect(url_for("desk.ticket", number=number), 303)


@blueprint.post("/tickets/<number>/link")
@needs(Permission.WORK_TICKETS)
def send_link(number: str) -> ResponseReturnValue:
    """Send the requester a new private link; revoke earlier ones where that is wanted."""
    found = services().desk.by_number(parse_number(number))
    try:
        if found.requester.email and not has_room(found.requester.email, "link-by-staff"):
            raise NotAllowed(
                f"{services().settings.letter_rate} links have been sent to this address today.",
                "Tomorrow one more can be sent.",
            )
        send(services().desk, found, _me(), now(), end="end" in request.form)
    except NotAllowed as problem:
        return _page(found, problem, acted="link"), 422
    return redirect(url_for("desk.ticket", number=number), 303)


@blueprint.get("/undeliverable")
@needs(Permission.WORK_TICKETS)
def undeliverable() -> str:
    """The emails that were refused for good, and those that wait after a failure."""
    backlog, failing = services().desk.waiting_letters()
    blocked = blocked_by(backlog)
    return render_template(
        "desk/undeliverable.html",
        parcels=services().desk.undeliverable(),
        backlog=backlog,
        failing=failing,
        blocked=blocked,
        hint=hint_of(blocked),
    )


@blueprint.post("/undeliverable/<letter>")
@needs(Permission.WORK_TICKETS)
def send_again(letter: str) -> ResponseReturnValue:
    """Retry a refused email: the address was corrected, or the mailbox has room again."""
    services().desk.send_again(letter[:64], now())
    return redirect(url_for("desk.undeliverable"), 303)


def _placed(problem: ProductError, action: str) -> ProductError:
    """Return the problem with its fields named by their ids on the page, for links to them."""
    if isinstance(problem, InvalidInput):
        places = PLACES.get(action, {})
        problem.fields = {places.get(name, name): said for name, said in problem.fields.items()}
    return problem


def _me() -> Agent:
    return Agent(viewer().user_id, viewer().name)


def _assign(me: Agent) -> Action:
    """Return the assignment that the form asks for: to me, to nobody, or to a colleague."""
    wanted = request.form.get("to", "")
    if wanted in {"", "nobody"}:
        return Assign(me, None)
    names = _names()
    if wanted not in names:
        raise InvalidInput("There is no such colleague.", fields={"to": "Choose from the list."})
    return Assign(me, Agent(wanted, names[wanted]))


def _resolve(me: Agent) -> Action:
    """Return the resolution; an article may be chosen from the list or named by its address."""
    form = request.form
    kind = form.get("resolution", "")
    if kind not in set(Resolution):
        problem = "Say how it ended."
        raise InvalidInput(problem, fields={"resolution": problem})
    slug = form.get("other_article", "").strip() or form.get("article", "")
    slug = slug.rpartition("/articles/")[2].partition("?")[0].partition("#")[0]
    if slug and services().library().get(slug) is None:
        problem = "There is no such article. Paste its address from the site."
        raise InvalidInput(problem, fields={"other_article": problem})
    return Resolve(me, Resolution(kind), form.get("text", ""), slug)


def _shown() -> bool:
    """Return whether the agent chose to show the reason to the requester."""
    return "shown" in request.form


def _level() -> int:
    return request.form.get("to", 1, type=int)


ACTIONS: dict[str, Callable[[Agent], Action]] = {
    "answer": lambda me: Answer(me, request.form.get("text", ""), "waiting" in request.form),
    "note": lambda me: Note(me, request.form.get("text", "")),
    "assign": _assign,
    "escalate": lambda me: Escalate(me, request.form.get("reason", ""), shown=_shown()),
    "return": lambda me: ReturnToTier(me, _level(), request.form.get("reason", ""), shown=_shown()),
    "resolve": _resolve,
    "reopen": lambda me: Reopen(me, request.form.get("reason", ""), shown=_shown()),
    "close": lambda me: Close(me),
}


def _names() -> dict[str, str]:
    """Return the names of those who can work tickets, by account id."""
    return {a.id: a.name for a in services().accounts.all() if a.active and a.role in WORKING_ROLES}


def _page(found: Ticket, problem: ProductError | None = None, *, acted: str = "") -> str:
    """Return the ticket's page with whatever was typed into the form of the action `acted`."""
    tiers = services().settings.tiers
    return render_template(
        "desk/ticket.html",
        ticket=found,
        history=services().desk.history(found, public_only=False),
        problem=problem,
        acted=acted,
        form=request.form,
        names=_names(),
        tiers=tiers,
        higher=found.tier < tiers[-1].level,
        candidates=_candidates(found),
        filed_by=_filer(found),
        resolutions=RESOLUTIONS,
        article=at_hand(services().library).get(found.resolution_article),
    )


def _filer(found: Ticket) -> str:
    """Return the name of the account that filed the ticket for somebody else, "" where none did."""
    if not found.filed_by:
        return ""
    try:
        return services().accounts.by_id(found.filed_by).name
    except NotFound:
        return "an account that is gone"


def _candidates(found: Ticket) -> list[Article]:
    """Return the articles that may solve the ticket, found by its own subject."""
    if not found.active:
        return []
    query = Query(text=found.subject, audiences=viewer().audiences, limit=CANDIDATES)
    library = at_hand(services().library)
    try:
        near = [library.get(hit.id) for hit in services().engine.search(query).hits]
    except SearchError:
        return []  # a damaged index must not stop work on the ticket
    return [article for article in near if article is not None]
