"""What other service desks send of a ticket, as JSON, into the four things that are read of it.

A ticket may be flat, or lie inside what the desk sends around it: Zendesk and Zammad write
{"ticket": {...}}, Jira {"issue": {"key", "fields": {...}}}, Freshdesk {"freshdesk_webhook": {...}},
GLPI {"item": {...}}.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from kb.errors import InvalidInput
from kb.insight.outside.columns import COLUMNS, normal

SHAPE = '{"id": 7, "time": "2026-03-31T14:05:00Z", "email": "ana@example.org"}'
_LISTS = ("tickets", "issues")
_AROUND = ("ticket", "issue", "item", "incident", "freshdesk_webhook", "detail", "data")
_INSIDE = "fields"  # where Jira keeps all but the id
_DEEPEST = 3  # shells around a ticket
_NUMBERS = ("key", "number")  # what people call a nested ticket by, and exports write
_ADDRESS = ("email", "emailaddress", "email address", "mail")
_LOGIN = ("login", "username", "user name", "name", "display value")
_WHO = ("email", "user")


def tickets_in(payload: Any) -> list[dict[str, str]]:
    """Return the fields of each ticket of a body, "" for what is not there; InvalidInput where the
    body is no ticket.
    """
    found = payload if isinstance(payload, list) else _listed(payload)
    if not all(isinstance(one, dict) for one in found):
        raise InvalidInput("A ticket is a JSON object.", f"Send {SHAPE} or a list of such.")
    return [_fields(one) for one in found]


def _listed(payload: Any) -> list[Any]:
    """Return the list that an object holds under a name for several, else the object alone."""
    if isinstance(payload, dict) and "id" not in payload:
        for name in _LISTS:
            if isinstance(payload.get(name), list):
                return list(payload[name])
    return [payload]


def _fields(one: Mapping[str, Any], depth: int = 0) -> dict[str, str]:
    inner = next((one[name] for name in _AROUND if isinstance(one.get(name), dict)), None)
    if inner is not None and depth < _DEEPEST:
        # The shell's own id and time are those of the call; who asked may stand beside the ticket.
        outer, found = _flat(one), _fields(inner, depth + 1)
        if not found["email"] and not found["user"]:
            found |= {name: outer[name] for name in _WHO}
        return found
    inside = one.get(_INSIDE)
    if not isinstance(inside, dict):
        return _flat(one, nested=depth > 0)
    found = _flat(one, nested=True)
    return {name: found[name] or value for name, value in _flat(inside).items()}


def _flat(one: Mapping[str, Any], *, nested: bool = False) -> dict[str, str]:
    by_name: dict[str, Any] = {}
    for name, value in one.items():
        by_name.setdefault(normal(name), value)
    found = {}
    for field, names in COLUMNS.items():
        first = _NUMBERS if nested and field == "id" else ()
        values = (_text(by_name[name], field) for name in (*first, *names) if name in by_name)
        found[field] = next(filter(None, values), "")
    if not found["email"]:
        people = (by_name.get(name) for name in COLUMNS["user"])
        found["email"] = next(filter(None, (_of(who, _ADDRESS) for who in people)), "")
    return found


def _text(value: Any, field: str) -> str:
    if isinstance(value, dict) and field == "user":
        return _of(value, _LOGIN)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    if isinstance(value, float):
        if not isfinite(value):
            return ""
        return f"{value:.3f}" if field == "time" else str(value)
    return str(value).strip()


def _of(value: Any, names: tuple[str, ...]) -> str:
    """Return the first text that an object holds under one of these names."""
    if not isinstance(value, dict):
        return ""
    by_name = {normal(name): each for name, each in value.items()}
    found = (by_name[name] for name in names if isinstance(by_name.get(name), str))
    return next(filter(None, found), "")
