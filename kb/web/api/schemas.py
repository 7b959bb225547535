"""The API's shapes as JSON Schema: checked on the way in, shown in the OpenAPI document.

Promises that what the document says of a body is what is accepted. Knows no route.
"""

from __future__ import annotations

import json
from typing import Any

from flask import request
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from kb.errors import InvalidInput
from kb.tickets.forms import BODY_HIGH, EMAIL_HIGH, NAME_HIGH, SUBJECT_HIGH, SUBJECT_LOW

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
            "duplicates": {
                "type": "array",
                "items": SLUG,
                "description": "Articles that say the same.",
            },
        },
        ("slug", "title", "url", "score", "snippet"),
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
            "audience": {"enum": ["public", "signed-in", "staff"]},
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
    """Return the request's JSON when it fits the schema; InvalidInput names what does not."""
    try:
        given = json.loads(request.get_data(), parse_constant=_no_number) if request.is_json else ""
        problems = _problems(name, given) if isinstance(given, dict) else {}
    except (ValueError, RecursionError):  # thousands of brackets exhaust the parser or the report
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


# The desk holds these to the same bounds and says so in plain words, all of them at once.
_TOLD = [["subject"], ["name"], ["email"]]


def _is_type(error: ValidationError) -> bool:
    return error.validator == "type"


def _no_number(word: str) -> None:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(word)
