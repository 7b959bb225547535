"""What stays of a row when its person is erased; pure.

Promises that free text, names and addresses go, and that what figures count stays: kinds, times,
tiers, resolutions, articles. What is not known to be harmless goes. Knows no table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

SUBJECT = "Erased at the person's request"
REQUESTER = "Requester"
STAFF = "Former member of staff"
FORMER = "former"  # in place of an account's id, where an empty one has a meaning
ERASED = "erased"
# Names in the data of a ticket's event whose values are codes, numbers or truths, never free text.
_HARMLESS = frozenset(
    {"by", "agent_id", "to_id", "to", "from", "to_name", "tier", "since"}
    | {"resolution", "article", "reopened", "waiting", "shown"}
)
_EVENT_WORDS = frozenset({"searched_for", "suggestion", "reason"})
NO_TRAIL: dict[str, Any] = {"started_at": None, "ended_at": None, "searches": [], "articles": []}
NOBODY = {"user_id": "", "name": "", "email": "", "text": "", "search_id": None}


def ticket_event(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stays of the data of an event on the person's own ticket."""
    return {name: value for name, value in data.items() if name in _HARMLESS}


def joining(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stays of the wish to be told of a team's ticket: that there was one."""
    return {"by": data.get("by", ""), "language": data.get("language", "en"), "trail": {}} | NOBODY


def record_event(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stays of the data of a search or another event of the record."""
    return {name: value for name, value in data.items() if name not in _EVENT_WORDS}


def without(value: Any, said: Collection[str]) -> Any:
    """Return JSON-able data without the texts in `said` (folded), at any depth."""
    if isinstance(value, str):
        return "" if folded(value) in said else value
    if isinstance(value, Mapping):
        return {name: without(each, said) for name, each in value.items() if name not in said}
    return [without(each, said) for each in value] if isinstance(value, list) else value


def folded(text: str) -> str:
    """Return the text as it is compared: case and outer space do not tell two apart."""
    return " ".join(text.casefold().split())
