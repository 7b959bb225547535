"""The API's shapes as JSON Schema, and its OpenAPI 3.1 document.

What the document says of a body is what is accepted; a test compares the document with the routes.
"""

from __future__ import annotations

import json
from typing import Any

from flask import request
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from kb.analytics.date_ranges import RANGES
from kb.config.settings import Settings
from kb.content.article import Audience
from kb.errors import InvalidInput
from kb.tickets.forms import BODY_HIGH, EMAIL_HIGH, NAME_HIGH, SUBJECT_HIGH, SUBJECT_LOW

# -- JSON schemas --


Schema = dict[str, Any]


def _object(properties: Schema, required: tuple[str, ...] = (), *, closed: bool = False) -> Schema:
    found: Schema = {"type": "object", "properties": properties, "required": list(required)}
    return found | {"additionalProperties": False} if closed else found


TEXT = {"type": "string"}
_SEEN = r"[^\s\x00-\x1f\x7f]"
SLUG = {"type": "string", "maxLength": 255}
SEARCH_ID = {"type": ["string", "null"], "maxLength": 36}


def _error(**more: Schema) -> Schema:
    usual: Schema = {
        "status": {"type": "integer"},
        "message": TEXT,
        "hint": TEXT,
        "fields": {"type": "object", "additionalProperties": TEXT},
    }
    return _object({"error": _object(usual | more, (*usual, *more))}, ("error",))


GAP = _object(
    {
        "number": {"type": "integer"},
        "name": {"type": "string", "description": "Given by hand, or words of many people."},
        "status": {"enum": ["new", "assigned", "watching", "answered", "declined"]},
        "cause": TEXT,
        "language": TEXT,
        "people": {"type": "integer"},
        "searches": {"type": "integer"},
        "tickets": {"type": "integer"},
        "people_last_30_days": {"type": "integer"},
        "people_30_days_before": {"type": "integer"},
        "first_at": {"type": ["string", "null"], "format": "date-time"},
        "last_at": {"type": ["string", "null"], "format": "date-time"},
        "answered_article": TEXT,
    },
    ("number", "name", "status", "people", "searches", "tickets"),
)
QUESTION = _object(
    {
        "words": {"type": "string", "description": "“…” stands for words of few people."},
        "people": {"type": "integer"},
        "searches": {"type": "integer"},
        "cause": TEXT,
        "article": SLUG,
        "failures": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
    ("words", "people", "searches"),
)

SCHEMAS: dict[str, Schema] = {
    "Reports": _object(
        {
            "pages": {"type": "array", "items": {"type": "object"}},
            "ranges": {"type": "array", "items": {"type": "object"}},
        },
        ("pages", "ranges"),
    ),
    "ReportTable": _object(
        {
            "table": {"type": "string"},
            "caption": {"type": "string"},
            "from": {"type": "string", "format": "date"},
            "until": {"type": "string", "format": "date"},
            "made_at": {"type": "string", "format": "date-time"},
            "definition_version": {"type": "integer"},
            "code_version": {"type": "string"},
            "demonstration": {"type": "boolean"},
            "columns": {"type": "array", "items": {"type": "object"}},
            "rows": {"type": "array", "items": {"type": "object"}},
        },
        ("table", "from", "until", "made_at", "definition_version", "columns", "rows"),
    ),
    "Gap": GAP,
    "Gaps": _object(
        {
            "k_anonymity": {"type": "integer"},
            "grouped_at": {"type": ["string", "null"], "format": "date-time"},
            "failed_searches": {"type": "integer"},
            "held_by_ten_largest": {"type": ["number", "null"]},
            "small_gaps": {"type": "integer"},
            "small_gaps_searches": {"type": "integer"},
            "gaps": {"type": "array", "items": {"$ref": "#/components/schemas/Gap"}},
        },
        ("k_anonymity", "failed_searches", "gaps"),
    ),
    "GapDetail": {
        "allOf": [
            {"$ref": "#/components/schemas/Gap"},
            _object(
                {
                    "became": {"type": ["integer", "null"]},
                    "came_from": {"type": ["integer", "null"]},
                    "questions": {"type": "array", "items": QUESTION},
                },
                ("questions",),
            ),
        ]
    },
    "Error": _error(),
    "Removed": _error(
        title={"type": "string", "description": "The removed article's."},
        nearest={
            "type": "array",
            "items": {"$ref": "#/components/schemas/ArticleSummary"},
            "description": "The articles that come nearest to that title.",
        },
    ),
    "Hit": _object(
        {
            "slug": SLUG,
            "title": TEXT,
            "summary": TEXT,
            "language": TEXT,
            "collection": TEXT,
            "section": TEXT,
            "anchor": TEXT,
            "url": TEXT,
            "score": {"type": "number"},
            "snippet": {"type": "string", "description": "HTML in which only <mark> is markup."},
            "blocks": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/SnippetBlock"},
                "description": "The words of the snippet in the shape that they have there.",
            },
            "duplicates": {
                "type": "array",
                "items": SLUG,
                "description": "Articles that say the same.",
            },
        },
        ("slug", "title", "url", "score", "snippet"),
    ),
    "SnippetBlock": _object(
        {
            "kind": {"enum": ["text", "steps", "points", "row", "code"]},
            "lines": {
                "type": "array",
                "items": TEXT,
                "description": "Paragraphs, steps, points, cells of a row or lines of code: HTML"
                " in which only <mark> is markup.",
            },
            "start": {"type": "integer", "description": "The number of the first step."},
            "heads": {
                "type": "array",
                "items": TEXT,
                "description": "The heading of each cell, as HTML; empty for none.",
            },
            "indents": {
                "type": "array",
                "items": {"type": "integer"},
                "description": "The spaces before each line of code.",
            },
        },
        ("kind", "lines", "start", "heads", "indents"),
    ),
    "Results": _object(
        {
            "search_id": TEXT,
            "query": TEXT,
            "searched_for": TEXT,
            "corrected": {"type": "boolean"},
            "suggestion": TEXT,
            "mode": {"enum": ["hybrid", "keyword", "semantic"]},
            "degraded": {"type": "string", "description": "Why less than hybrid; empty if not."},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            "answerable": {"type": "boolean"},
            "total": {"type": "integer"},
            "commit": TEXT,
            "hits": {"type": "array", "items": {"$ref": "#/components/schemas/Hit"}},
        },
        ("search_id", "query", "mode", "confidence", "answerable", "total", "hits"),
    ),
    "ArticleSummary": _object(
        {
            "slug": SLUG,
            "title": TEXT,
            "summary": TEXT,
            "language": TEXT,
            "collection": TEXT,
            "audience": {"enum": [each.value for each in Audience]},
            "reviewed": {"type": ["string", "null"], "format": "date"},
            "url": TEXT,
        },
        ("slug", "title", "language", "url"),
    ),
    "Articles": _object(
        {
            "total": {"type": "integer"},
            "articles": {"type": "array", "items": {"$ref": "#/components/schemas/ArticleSummary"}},
        },
        ("total", "articles"),
    ),
    "Article": {
        "allOf": [
            {"$ref": "#/components/schemas/ArticleSummary"},
            _object(
                {
                    "html": {"type": "string", "description": "Sanitised."},
                    "owner": TEXT,
                    "keywords": {"type": "array", "items": TEXT},
                    "translations": {"type": "object", "additionalProperties": TEXT},
                },
                ("html",),
            ),
        ]
    },
    "Publishing": _object(
        {
            "commit": {"type": "string", "description": "The newest commit that readers find."},
            "live": {
                "type": "boolean",
                "description": "Whether readers find the commit asked for; else the newest one.",
            },
            "generation": TEXT,
            "articles": {"type": "integer"},
            "withheld": {"type": "boolean"},
            "rolled_back": {"type": "boolean"},
            "trouble": {"type": "string"},
            "refused": {"type": "string", "description": "Why a newer commit is not live."},
            "problem_count": {"type": "integer"},
            "problems": {
                "type": "array",
                "items": _object(
                    {
                        "path": TEXT,
                        "line": {"type": ["integer", "null"]},
                        "code": TEXT,
                        "message": TEXT,
                        "hint": TEXT,
                        "refused": {"type": "boolean"},
                    },
                    ("path", "code", "message", "refused"),
                ),
            },
        },
        ("commit", "live", "generation", "problem_count", "problems"),
    ),
    "NewTicket": _object(
        {
            "subject": {
                "type": "string",
                "minLength": SUBJECT_LOW,
                "maxLength": SUBJECT_HIGH,
                "pattern": rf"{_SEEN}[\s\S]+{_SEEN}",  # what is left without blanks at the ends
            },
            "body": {"type": "string", "description": f"At most {BODY_HIGH:,} characters."},
            "name": {"type": "string", "maxLength": NAME_HIGH},
            "email": {
                "type": "string",
                "anyOf": [{"const": ""}, {"format": "email", "maxLength": EMAIL_HIGH}],
                "description": "Of another person than the account: the ticket is theirs.",
            },
            "search_id": SEARCH_ID,
            "language": {"enum": ["en", "es"]},
            "submission": {
                "type": "string",
                "maxLength": 64,
                "description": "An id of your own: sent again with the same words it makes "
                "nothing new, with other words it is another request.",
            },
            "different": {
                "type": "boolean",
                "description": "Another problem than your open ticket for the same search.",
            },
        },
        ("subject",),
        closed=True,
    ),
    "Ticket": _object(
        {
            "number": TEXT,
            "subject": TEXT,
            "status": {"enum": ["new", "open", "waiting", "resolved", "closed"]},
            "tier": {"type": "integer"},
            "origin": {"enum": ["asked", "policy", "demand"]},
            "created_at": {"type": "string", "format": "date-time"},
            "updated_at": {"type": "string", "format": "date-time"},
            "resolution_article": TEXT,
            "existing": {"type": "boolean"},
            "added": {
                "type": "boolean",
                "description": "What was sent is a reply on your open ticket of that number.",
            },
            "link": {"type": ["string", "null"], "description": "Private link; shown once."},
        },
        ("number", "status", "tier", "created_at"),
    ),
    "Tickets": _object(
        {
            "total": {"type": "integer"},
            "tickets": {"type": "array", "items": {"$ref": "#/components/schemas/Ticket"}},
        },
        ("total", "tickets"),
    ),
    "NewEvent": _object(
        {
            "kind": {"enum": ["click", "view", "dwell", "vote", "solved"]},
            "article": SLUG,
            "search_id": SEARCH_ID,
            "rank": {"type": "integer", "minimum": 1, "maximum": 1000},
            "seconds": {"type": "number", "minimum": 0, "maximum": 86400},
            "helpful": {"type": "boolean"},
            "reason": {"type": "string", "maxLength": 500},
        },
        ("kind", "article"),
        closed=True,
    )
    | {
        "if": {"properties": {"kind": {"const": "vote"}}},
        "then": {"required": ["helpful"]},
    },
    "Kept": _object({"recorded": {"type": "boolean"}}, ("recorded",)),
}


def body(name: str) -> dict[str, Any]:
    """Return the request's JSON when it fits the schema; raise InvalidInput with what does not."""
    try:
        given = json.loads(request.get_data(), parse_constant=_no_number) if request.is_json else ""
        problems = _problems(name, given) if isinstance(given, dict) else {}
    except (ValueError, RecursionError):  # deep nesting exhausts the parser or the report
        given, problems = "", {}
    if not isinstance(given, dict):
        raise InvalidInput(
            "The body is not a JSON object.", "Send one with Content-Type: application/json."
        )
    if problems:
        raise InvalidInput(
            "The body does not fit its schema.", "See /api/v1/openapi.json.", fields=problems
        )
    return given


def _problems(name: str, given: dict[str, Any]) -> dict[str, str]:
    return {
        "/".join(map(str, error.absolute_path)) or "body": error.message[:300]
        for error in Draft202012Validator(SCHEMAS[name]).iter_errors(given)
        if name != "NewTicket" or list(error.absolute_path)[:1] not in _TOLD or _is_type(error)
    }


# The desk checks these against the same bounds and explains all problems in plain words.
_TOLD = [["subject"], ["name"], ["email"]]


def _is_type(error: ValidationError) -> bool:
    return error.validator == "type"


def _no_number(word: str) -> None:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(word)


# -- OpenAPI document --


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
    "The words. Of more than 300 characters all are compared by meaning, up to 2,000, and the "
    "words that tell most are looked up.",
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
