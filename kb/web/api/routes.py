"""The API's routes: each reads its input, makes one call, and shapes the answer.

The header `Idempotency-Key` is a program's own name for one request: a repetition gets the same
answer and makes nothing new.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, abort, g, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from kb.access import readable
from kb.accounts.roles import Permission
from kb.content.article import Article
from kb.content.library import Library
from kb.errors import InvalidInput
from kb.searches.service import SearchAnswer
from kb.tickets.model import QueueFilter, Ticket, TicketDraft, parse_number
from kb.tickets.requester_store import RequestKey
from kb.web.api import schemas
from kb.web.api.schemas import body
from kb.web.errors import WORDS
from kb.web.guard import (
    chosen,
    count_ticket_for,
    named_search,
    needs,
    now,
    own_search,
    services,
    viewer,
)
from kb.web.views.articles import ABSENT, moved_to, nearest, removed_at
from kb.web.views.listings import shown_body
from kb.web.views.tickets import asking
from search.types import Query

# -- The header Idempotency-Key --


LONGEST = 255


def request_key(given: dict[str, Any]) -> RequestKey | None:
    """Return the idempotency key of this request, None without one; 400 for an invalid one. It may
    stand in quotation marks, as the IETF's draft writes it, or alone.
    """
    text = request.headers.get("Idempotency-Key")
    if text is None:
        return None
    bare = text.strip()
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        bare = bare[1:-1]
    if not 0 < len(bare) <= LONGEST or not (bare.isascii() and bare.isprintable()):
        abort(400, f"An Idempotency-Key has 1 to {LONGEST} printable ASCII characters.")
    whole = json.dumps(given, sort_keys=True)
    return RequestKey(bare, hashlib.sha256(whole.encode()).hexdigest())


# -- Routes --


blueprint = Blueprint("api", __name__, url_prefix="/api/v1")

MOST = 50  # rows in one answer


@blueprint.get("/openapi.json")
@needs(Permission.READ)
def document() -> Response:
    """The OpenAPI document."""
    return jsonify(schemas.document(services().settings))


@blueprint.get("/search")
@needs(Permission.READ, limit="search")
def search() -> Response:
    """Ranked articles for words."""
    limit, offset = _page()
    text = request.args.get("q", "").strip()
    if not text:
        raise InvalidInput("There are no words to search for.", "Give them as ?q=...")
    query = Query(
        text=text,
        audiences=viewer().audiences,
        languages=chosen("language"),
        collections=chosen("collection"),
        limit=limit,
        offset=offset,
        literal=request.args.get("literal", "") in {"1", "true"},
    )
    return jsonify(_results(services().asker.ask(viewer(), query, surface="api", now=now())))


@blueprint.get("/articles")
@needs(Permission.READ, limit="pages")
def articles() -> Response:
    """The articles that the caller may read."""
    limit, offset = _page()
    collection, language = request.args.get("collection"), request.args.get("language")
    found = [
        article
        for article in services().library().visible(viewer().audiences)
        if (not collection or article.collection == collection)
        and (not language or article.language == language)
    ]
    shown = [_summary(article) for article in found[offset : offset + limit]]
    return jsonify(total=len(found), articles=shown)


@blueprint.get("/articles/<path:slug>")
@needs(Permission.READ)
def article(slug: str) -> ResponseReturnValue:
    """One article. Reading it here is not recorded: send an event when a person does."""
    library = services().library()
    found = readable(library, slug, viewer())
    if found is None:
        return _former(library, slug)
    seen = {a.slug for a in library.visible(viewer().audiences)}
    siblings = library.translations.get(slug, {})
    return jsonify(
        _summary(found)
        | {
            "html": shown_body(found.html),
            "owner": found.owner,
            "keywords": list(found.keywords),
            "translations": {code: other for code, other in siblings.items() if other in seen},
        }
    )


@blueprint.post("/tickets")
@needs(Permission.READ, limit="ticket")
def create_ticket() -> ResponseReturnValue:
    """Open a ticket, with the trail of the search it follows."""
    given = body("NewTicket")
    key, draft = request_key(given), _draft(given)
    if draft.filed_by:
        count_ticket_for(draft.requester.email)
    opened = services().desk.open_ticket(
        draft, submission=given.get("submission", ""), key=key, now=now()
    )
    made = not opened.added and (key is not None or not opened.existing)
    ticket = opened.ticket.as_opened() if made else opened.ticket
    token = opened.link_token
    link = url_for("requester.ticket", token=token, _external=True) if token else None
    shown = _ticket(ticket) if made or _mine(ticket) else {}
    shown |= {"number": ticket.display_number, "existing": not made, "added": opened.added}
    return jsonify(_identity(ticket) | shown | {"link": link}), 201 if made else 200


@blueprint.get("/tickets")
@needs(Permission.SIGN_IN)
def tickets() -> Response:
    """The caller's tickets; for agents the open queue, oldest first."""
    limit, offset = _page()
    if viewer().may(Permission.WORK_TICKETS):
        queue = services().desk.queue(QueueFilter(limit=limit, offset=offset))
        found, total = queue.tickets, queue.total
    else:
        own = services().desk.own(viewer().user_id)
        found, total = own[offset : offset + limit], len(own)
    return jsonify(total=total, tickets=[_ticket(each) for each in found])


@blueprint.get("/tickets/<number>")
@needs(Permission.SIGN_IN)
def ticket(number: str) -> Response:
    """One ticket of the caller's, or any for agents."""
    wanted = parse_number(number)
    if viewer().may(Permission.WORK_TICKETS):
        return jsonify(_ticket(services().desk.by_number(wanted)))
    for own in services().desk.own(viewer().user_id):
        if own.number == wanted:
            return jsonify(_ticket(own))
    abort(404, "There is no such ticket among yours.")


@blueprint.post("/events")
@needs(Permission.READ, limit="reading", spooled=True)
def create_event() -> ResponseReturnValue:
    """Record what a person did with an answer."""
    given = body("NewEvent")
    slug, kind, record = given["article"], given["kind"], services().record
    if readable(services().library(), slug, viewer()) is None:
        if "record_away" in g:  # whether this account may read it cannot be known
            raise g.record_away
        abort(404, ABSENT)
    about: dict[str, Any] = {"search_id": named_search(given.get("search_id")), "now": now()}
    if kind == "click":
        kept = record.click(
            viewer(), about["search_id"], slug, rank=given.get("rank", 1), now=now()
        )
    elif kind == "dwell":
        kept = record.dwell(viewer(), slug, given.get("seconds", 0), **about)
    elif kind == "vote":
        reason = given.get("reason", "")
        kept = record.vote(viewer(), slug, given.get("helpful", False), reason=reason, **about)
    elif kind == "solved":
        kept = record.solved(viewer(), slug=slug, **about)
    else:
        kept = record.view(viewer(), slug, **about)
    if not kept:
        abort(503, "It could not be stored.")
    return jsonify(recorded=True), 201


def _page() -> tuple[int, int]:
    """Return (limit, offset) as asked for; InvalidInput outside their bounds."""
    given = {"limit": request.args.get("limit", "10"), "offset": request.args.get("offset", "0")}
    bounds = {"limit": (1, MOST), "offset": (0, 10_000)}
    wrong = {
        name: f"A whole number from {bounds[name][0]} to {bounds[name][1]}."
        for name, value in given.items()
        if not (value.isascii() and value.isdigit() and len(value) < 7)
        or not bounds[name][0] <= int(value) <= bounds[name][1]
    }
    if wrong:
        raise InvalidInput("The page asked for cannot be given.", fields=wrong)
    return int(given["limit"]), int(given["offset"])


def _results(answer: SearchAnswer) -> dict[str, Any]:
    found = answer.results
    return {
        "search_id": answer.search_id,
        "query": found.query.text[:200],
        "searched_for": found.searched_for,
        "corrected": found.corrected,
        "suggestion": found.suggestion,
        "mode": found.mode,
        "degraded": found.degraded,
        "confidence": round(found.confidence, 4),
        "answerable": found.answerable,
        "total": found.total,
        "commit": found.commit,
        "hits": [_hit(hit, article) for hit, article in answer.hits],
    }


def _hit(hit: Any, article: Any) -> dict[str, Any]:
    return {
        "slug": article.slug,
        "title": article.title,
        "summary": article.summary,
        "language": article.language,
        "collection": article.collection,
        "section": hit.heading,
        "anchor": hit.anchor,
        "url": _address(article.slug, hit.anchor),
        "score": round(hit.score, 4),
        "snippet": hit.snippet,
        "blocks": [asdict(block) for block in hit.blocks],
        "duplicates": [
            slug for slug in hit.duplicates if readable(services().library(), slug, viewer())
        ],
    }


def _address(slug: str, anchor: str = "") -> str:
    return url_for("reader.article", slug=slug, _anchor=anchor or None, _external=True)


def _former(library: Library, slug: str) -> ResponseReturnValue:
    """Return the answer where there is no article now, in the words of the pages."""
    target = moved_to(library, slug)
    if target:
        return redirect(url_for("api.article", slug=target), 301)
    was = removed_at(library, slug)
    if was is None:
        abort(404, ABSENT)
    message, hint = WORDS[410]
    found = [_summary(each) for each in nearest(library, was.title)]
    error = {"status": 410, "message": message, "hint": hint, "fields": {}}
    return jsonify(error=error | {"title": was.title, "nearest": found}), 410


def _summary(article: Article) -> dict[str, Any]:
    return {
        "slug": article.slug,
        "title": article.title,
        "summary": article.summary,
        "language": article.language,
        "collection": article.collection,
        "audience": article.audience,
        "reviewed": article.reviewed.isoformat() if article.reviewed else None,
        "url": _address(article.slug),
    }


def _draft(given: dict[str, Any]) -> TicketDraft:
    who = asking(given.get("name", ""), given.get("email", ""))
    search = own_search(given.get("search_id"))
    search_id = search.id if search else None
    return TicketDraft(
        subject=given["subject"],
        body=given.get("body", ""),
        requester=who.requester,
        visitor=who.visitor,
        filed_by=who.filed_by,
        search_id=search_id,
        language=given.get("language", "en"),
        trail=who.trail(search),
        words_key=(search.words_key if search else "") or "",
        different=given.get("different", False),
    )


def _mine(ticket: Ticket) -> bool:
    return bool(viewer().user_id) and ticket.requester.user_id == viewer().user_id


def _identity(ticket: Ticket) -> dict[str, Any]:
    """Return what anybody who made the submission may know of an existing ticket."""
    return {
        "status": ticket.status,
        "tier": ticket.tier,
        "created_at": ticket.created_at.isoformat(),
    }


def _ticket(ticket: Ticket) -> dict[str, Any]:
    article = readable(services().library(), ticket.resolution_article, viewer())
    return _identity(ticket) | {
        "number": ticket.display_number,
        "subject": ticket.subject,
        "origin": ticket.origin,
        "updated_at": ticket.updated_at.isoformat(),
        "resolution_article": article.slug if article else "",
    }
