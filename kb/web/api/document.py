"""The OpenAPI document of the API.

Promises OpenAPI 3.1 that a test holds to the routes. Knows no request.
"""

from __future__ import annotations

from typing import Any

from kb.analytics.date_ranges import RANGES
from kb.config.settings import Settings
from kb.web.api.schemas import SCHEMAS

Part = dict[str, Any]


def _ref(name: str) -> Part:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}


def _query(name: str, schema: Part, description: str, *, required: bool = False) -> Part:
    place = {"name": name, "in": "query", "required": required, "description": description}
    return place | {"schema": schema}


def _path(name: str, description: str, pattern: str = "") -> Part:
    place = {"name": name, "in": "path", "required": True, "description": description}
    return place | {"schema": {"type": "string"} | ({"pattern": pattern} if pattern else {})}


_WORDS = _query(
    "q",
    {"type": "string", "minLength": 1, "pattern": r"\S"},
    "The words. Of more than 200 characters the first 200 are searched for.",
    required=True,
)
_LANGUAGE = _query("language", {"type": "string"}, "Only this language.")
_COLLECTION = _query("collection", {"type": "string"}, "Only this collection.")
_LITERAL = _query("literal", {"type": "boolean"}, "Do not correct the spelling.")
_PAGE = (
    _query("limit", {"type": "integer", "minimum": 1, "maximum": 50, "default": 10}, "Rows."),
    _query("offset", {"type": "integer", "minimum": 0, "maximum": 10000, "default": 0}, "From."),
)
_COMMIT = _query(
    "commit",
    {"type": "string", "pattern": "^([0-9a-fA-F]{7,64})?$"},
    "A commit's id; empty or left out: the newest.",
)
_SLUG = _path("slug", "The article's name, with its slashes.")
_FORMER: Part = {
    "301": {
        "description": "The article has another name now.",
        "headers": {"Location": {"schema": {"type": "string"}, "description": "Its address here."}},
    },
    "410": {"description": "The article has been removed."} | _ref("Removed"),
}
_NUMBER = _path("number", "The ticket's number, such as T-1001.", "^([Tt]-?)?[0-9]{1,9}$")

_KEY: Part = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Your own name for this request, 1 to 255 characters, such as a UUID, kept for "
    "48 hours for your account. The same request again gets the same answer and makes nothing new.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~]+$"},
}
_REUSED: Part = {
    "422": {"description": "A field is wrong, or the Idempotency-Key was used for another request."}
    | _ref("Error")
}

_STATUS = _query("status", {"type": "string", "default": "open"}, "Only this status; or all.")
_CAUSE = _query("cause", {"type": "string"}, "Only this cause.")
_TABLE = _path("table", "The table's name.")
_RANGE = _query("range", {"enum": ["", *RANGES]}, "Days by name, such as last-full-month.")
_DAY: Part = {"type": "string", "format": "date", "pattern": "^2[0-9]{3}-[0-9]{2}-[0-9]{2}$"}
_FROM = _query("from", _DAY, "First UTC day.")
_UNTIL = _query("until", _DAY, "Last UTC day, not before the first and at most a year after it.")
_GAP = _path("number", "The gap's number.")


_WHOLE: Part = {"type": "integer", "minimum": 1}
_HEADERS: dict[str, Part] = {
    "RateLimit-Policy": {
        "description": "The limits that count this request: q requests in a window of w seconds. "
        "As draft-ietf-httpapi-ratelimit-headers-11 says.",
        "schema": {"type": "string"},
        "example": '"search";q=300;w=60, "search-network";q=600;w=60',
    },
    "RateLimit": {
        "description": "The one of them nearest to its end: r requests left for t seconds.",
        "schema": {"type": "string"},
        "example": '"search";r=12;t=41',
    },
    "Retry-After": {"description": "Seconds until it is worth trying again.", "schema": _WHOLE},
}


def _told(*names: str) -> Part:
    return {"headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names}}


_COUNTED = _told("RateLimit-Policy", "RateLimit")
_NOT_NOW: Part = {
    "429": {"description": "More was asked for than is answered in that time."}
    | _ref("Error")
    | _told(*_HEADERS),
    "503": {"description": "The record does not answer."} | _ref("Error") | _told("Retry-After"),
}


def _operation(
    name: str, summary: str, answer: str, *, parameters: tuple[Part, ...] = (), **more: Any
) -> Part:
    """Return one operation: `answer` is a schema's name, `more` may name body and created, say
    whether it is counted, and give other answers by status.
    """
    counted = _COUNTED if more.get("counted") else {}
    done = {"description": "Done."} | _ref(answer) | counted
    answers: Part = {"201" if more.get("created") else "200": done}
    if more.get("created"):
        answers["200"] = {"description": "It was there already."} | _ref(answer) | counted
    answers |= _NOT_NOW | more.get("others", {})
    answers["default"] = {"description": "An error."} | _ref("Error")
    found: Part = {
        "operationId": name,
        "summary": summary,
        "parameters": list(parameters),
        "responses": answers,
        "security": [{}, {"token": []}],
    }
    if "body" in more:
        found["requestBody"] = {"required": True} | _ref(more["body"])
    return found


def document(settings: Settings) -> Part:
    """Return the document for a site at the settings' address."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{settings.site_name} API",
            "version": "1",
            "description": "Requests that change something need an API token, or come from a "
            "page of the site. Every error has the shape of Error.",
        },
        "servers": [{"url": settings.site_url.rstrip("/") + "/api/v1"}],
        "paths": _paths(),
        "components": {
            "schemas": SCHEMAS,
            "headers": _HEADERS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _paths() -> Part:
    return {
        "/openapi.json": {
            "get": {
                "operationId": "document",
                "summary": "This document.",
                "responses": {"200": {"description": "OpenAPI 3.1."}},
            }
        },
        "/search": {
            "get": _operation(
                "search",
                "Ranked articles for words.",
                "Results",
                parameters=(_WORDS, _LANGUAGE, _COLLECTION, _LITERAL, *_PAGE),
                counted=True,
            )
        },
        "/articles": {
            "get": _operation(
                "articles",
                "The articles that you may read.",
                "Articles",
                parameters=(_LANGUAGE, _COLLECTION, *_PAGE),
                counted=True,
            )
        },
        "/articles/{slug}": {
            "get": _operation(
                "article", "One article.", "Article", parameters=(_SLUG,), others=_FORMER
            )
        },
        "/publishing": {
            "get": _operation(
                "publishing",
                "What is live, and whether a commit is. Problems are listed for staff.",
                "Publishing",
                parameters=(_COMMIT,),
                counted=True,
            )
        },
        "/gaps": {
            "get": _operation(
                "gaps",
                "What people did not find, for authors and leads.",
                "Gaps",
                parameters=(_STATUS, _CAUSE, _LANGUAGE),
            )
        },
        "/gaps/{number}": {
            "get": _operation(
                "gap", "One gap with the questions inside.", "GapDetail", parameters=(_GAP,)
            )
        },
        "/reports": {
            "get": _operation(
                "reports", "The pages of the report and the names of their tables.", "Reports"
            )
        },
        "/reports/{table}": {
            "get": _operation(
                "report_table",
                "One table of the report, for leads.",
                "ReportTable",
                parameters=(_TABLE, _RANGE, _FROM, _UNTIL),
            )
        },
        "/tickets": {
            "get": _operation(
                "tickets", "Your tickets, or the queue.", "Tickets", parameters=_PAGE
            ),
            "post": _operation(
                "create_ticket",
                "Open a ticket.",
                "Ticket",
                parameters=(_KEY,),
                body="NewTicket",
                created=True,
                counted=True,
                others=_REUSED,
            ),
        },
        "/tickets/{number}": {
            "get": _operation("ticket", "One ticket.", "Ticket", parameters=(_NUMBER,))
        },
        "/events": {
            "post": _operation(
                "create_event",
                "Record a click, view, dwell, vote or solution.",
                "Kept",
                body="NewEvent",
                created=True,
                counted=True,
            )
        },
    }
