"""Error pages for people and JSON errors for programs.

People get a page with a way onward, programs one JSON shape ({"error": {"status", "message",
"hint", "fields"}}); neither gets a stack trace.
"""

from __future__ import annotations

import logging

from flask import (
    Flask,
    Response,
    current_app,
    g,
    jsonify,
    make_response,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, MethodNotAllowed, SecurityError

from kb.errors import (
    InvalidInput,
    NotAllowed,
    NotFound,
    NotReady,
    ProductError,
    StoreError,
    TooSoon,
)
from kb.web.guard import SAFE, link_refused, wants_json
from kb.web.refused_forms import MOST_GIVEN_BACK, SIGN_IN, typed
from kb.web.site_address import UNKNOWN_HOST
from search.errors import SearchError

log = logging.getLogger(__name__)

# Title and hint for an exception that brings no words of its own.
WORDS: dict[int, tuple[str, str]] = {
    400: ("This request could not be understood", "Go back and try again."),
    401: ("Sign in to continue", "Programs send an API token in the header."),
    403: ("This is not open to you", "Sign in with an account that may see it."),
    404: ("There is no such page", "It may have moved. Search for what you need."),
    405: ("That cannot be done here", "Go back and use the page's own buttons."),
    409: ("Somebody else changed this meanwhile", "Open it again and repeat your change."),
    410: ("This article has been removed", "Search for what you need."),
    413: ("That is too long", "Shorten it and send it again."),
    422: ("Something in the form needs another look", "See what each field says."),
    429: ("Too many requests", "Wait a little and try again."),
    500: ("Something went wrong on our side", "It has been noted. Please try again."),
    503: ("Our record does not answer at the moment", "Please try again in a few minutes."),
}

REPAIR_S = 10  # by then most repairs are done and most locks released
REPAIRED = "The search is being repaired"
WAIT = "Articles and search will be back in a minute or two. Please try again then."

# Under a host name that is not ours no page can be made: its links would carry that name.
OTHER_HOST = "The site does not go by that name; see the setting trusted_hosts."

# For a form that no page of ours seems to have sent: signing in would not help.
ELSEWHERE = (
    "This form did not come from a page of this site",
    "Open the page again and send it from there. If that does not help, tell who runs this site: "
    "the address it is asked for and the setting site_url may differ.",
)

# Pages where "not found" may mean that somebody lost the link to their ticket.
TICKET = frozenset(
    {
        "requester.ticket",
        "requester.reply",
        "requester.own",
        "requester.own_reply",
    }
)

STATUS: dict[type[ProductError], int] = {
    InvalidInput: 422,
    NotAllowed: 409,
    NotFound: 404,
    StoreError: 503,
    NotReady: 503,
    TooSoon: 429,
}


def init_app(app: Flask) -> None:
    """Register the handlers that answer every error of the app in words."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(ProductError, _product)
    app.register_error_handler(SearchError, _index)
    app.register_error_handler(Exception, _unforeseen)


def _http(problem: HTTPException) -> ResponseReturnValue:
    if problem.code and problem.code < 400:
        return problem.get_response()
    own = getattr(type(problem), "description", None)
    words = problem.description if problem.description != own else ""
    if isinstance(problem, SecurityError):  # its own words repeat the host name
        words = OTHER_HOST
    if problem.code == 413 and not words:
        words = _too_long()
    told = answer(problem.code or 500, words or "")
    if isinstance(problem, MethodNotAllowed):  # RFC 9110 15.5.6: name the allowed ones
        told = make_response(told)
        told.headers["Allow"] = ", ".join(sorted(problem.valid_methods or ()))
    return told


def _too_long() -> str:
    """Return a sentence on how long the request was, and how long one may be."""
    most = current_app.config["MAX_CONTENT_LENGTH"] // 1024
    sent = (request.content_length or 0) // 1024
    told = f"You sent {sent:,} KiB; the most is {most} KiB. Nothing of it was stored."
    if sent * 1024 < MOST_GIVEN_BACK:
        return told
    return f"{told} It is too long to be shown here: your browser may still have it if you go back."


def _product(problem: ProductError) -> ResponseReturnValue:
    if isinstance(problem, NotFound) and "token" in (request.view_args or {}):
        try:
            link_refused()
        except (TooSoon, StoreError) as instead:
            problem = instead
    status = STATUS.get(type(problem), 500)
    if status >= 500 and not isinstance(problem, NotReady):
        log.error("%s", problem)
    if isinstance(problem, StoreError):  # the driver's words are for the log, not for readers
        sent = request.method not in SAFE
        g.retry_after = g.get("retry_after", REPAIR_S)
        return answer(status, "Nothing was sent or changed." if sent else "", hint=WORDS[status][1])
    if isinstance(problem, TooSoon):
        g.retry_after = problem.wait
    fields = problem.fields if isinstance(problem, InvalidInput) else {}
    return answer(status, problem.message, hint=problem.hint, fields=fields)


def _index(problem: SearchError) -> ResponseReturnValue:
    """Answer while the index is damaged; kb.publishing.index_repair rebuilds it."""
    log.warning("a page could not be made: %s", problem.message)
    g.retry_after = REPAIR_S
    sent = request.method not in SAFE
    return answer(503, "Nothing was sent or changed." if sent else "", title=REPAIRED, hint=WAIT)


def _unforeseen(problem: Exception) -> ResponseReturnValue:
    log.exception("unforeseen: %s", type(problem).__name__)
    return answer(500, "")


def answer(
    status: int,
    message: str,
    *,
    title: str = "",
    hint: str = "",
    fields: dict[str, str] | None = None,
) -> ResponseReturnValue:
    """Return the error as the caller reads it: a page, or JSON."""
    first, usual = ELSEWHERE if g.get("elsewhere") else WORDS.get(status, WORDS[500])
    title = title or first
    wait = getattr(g, "retry_after", 0)
    if wait and not hint:
        hint = f"Wait {wait} seconds and try again."
    if wants_json():
        body = {"status": status, "message": message or title, "hint": hint or usual}
        return jsonify(error=body | {"fields": fields or {}}), status
    if request.environ.get(UNKNOWN_HOST):
        return Response(f"{title}. {OTHER_HOST}\n", status, mimetype="text/plain")
    kept = typed(status)
    sign_in = (status == 401 and g.get("ours")) or (request.endpoint == SIGN_IN and kept.place)
    page = render_template(
        "error.html",
        status=status,
        title=title,
        message=message,
        problems=[said for said in (fields or {}).values() if said != message],
        hint=hint or ("" if status == 401 and sign_in else usual),
        kept=kept,
        sign_in=sign_in,
        lost_link=url_for("link_again.form")
        if status == 404 and request.endpoint in TICKET
        else "",
    )
    return page, status
