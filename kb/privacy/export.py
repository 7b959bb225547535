"""Exports everything held on one person as one document.

The document is JSON as docs/privacy.md describes it, with times in ISO 8601 (UTC). It contains
nothing of anybody else: no staff notes unless asked for, and of a visit without an account only the
searches that the person's own ticket or subscription names.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from kb.connectors.files import masked, of_person
from kb.database import Connection, Database
from kb.privacy import store
from kb.privacy.model import Held, Who

FORMAT = "tier-zero-person/1"
_TICKET = [
    *("number", "origin", "subject", "body", "status", "tier", "language"),
    *("requester_name", "requester_email", "created_at", "updated_at", "resolved_at"),
    *("resolution", "resolution_article"),
]
_EVENT = ["at", "kind", "words", "article", "search_id", "left_out", "data"]
_EPISODE = ["started_at", "ended_at", "outcome", "ended", "closed", "unresolved", "policy"]
_WISH = ["created_at", "email", "words", "language", "state", "confirmed_at", "told_at"]
_OFFER = ["created_at", "words", "state"]
_NOTES = "Notes that staff made for themselves are not in here: ask the people who run the site."


def document(
    db: Database,
    who: Who,
    *,
    site: str,
    now: datetime,
    notes: bool = False,
    mail: Path | None = None,
) -> dict[str, Any]:
    """Return the person's document; `notes` adds internal notes of staff, `mail` the emails kept as
    files in that folder, with their secret links hidden.
    """
    with db.read() as connection:
        mine = store.find(connection, who)
        found = _document(connection, mine, notes=notes)
    if mail is not None:
        found["letters_in_files"] = [
            {"written": each.written, "to": each.to}
            | {"subject": masked(each.subject), "text": masked(each.text)}
            for each in of_person(mail, mine.emails, mine.letters)
        ]
    head = {"format": FORMAT, "site": site, "made_at": now, "left_out": [] if notes else [_NOTES]}
    return dict(_plain(head | found))


def _document(connection: Connection, mine: Held, *, notes: bool) -> dict[str, Any]:
    letters = store.rows_of(connection, "outbox", mine.letters)
    return {
        "account": store.account_of(connection, mine.user_id) if mine.user_id else None,
        "tickets": [
            _ticket(row, store.history_of(connection, row["id"], notes=notes))
            for row in store.tickets_of(connection, mine.tickets)
        ],
        "waits_for": [
            {"number": row["number"], "at": row["at"]} | _said(row["data"])
            for row in store.joined_of(connection, mine.joined)
        ],
        "letters": [
            _only(row, ["created_at", "state"]) | {"letter": _letter(row["payload"])}
            for row in letters
        ],
        "events": [_only(row, _EVENT) for row in store.events_of(connection, mine)],
        "episodes": [_only(row, _EPISODE) for row in store.episodes_of(connection, mine.user_id)],
        "offers": [_only(row, _OFFER) for row in store.rows_of(connection, "offers", mine.offers)],
        "subscriptions": [
            _only(row, _WISH)
            for row in store.rows_of(connection, "subscriptions", mine.subscriptions)
        ],
    }


def _ticket(row: store.Row, history: list[store.Row]) -> dict[str, Any]:
    trail = dict(row["trail"])
    if not row["requester_id"] or row["filed_by"]:  # the rest may be by others behind one address
        kept = [each for each in trail.get("searches", ()) if each["id"] == row["search_id"]]
        trail = {"searches": kept}
    told = [_only(each, ["at", "kind", "actor", "data"]) for each in history]
    return _only(row, _TICKET) | {"trail": trail, "history": told}


def _letter(payload: dict[str, Any]) -> dict[str, Any]:
    """Return an email without its text if that holds a secret link to the account."""
    return payload | {"text": ""} if payload.get("secret") else payload


def _said(data: dict[str, Any]) -> dict[str, Any]:
    return {name: data.get(name, "") for name in ("name", "email", "language", "text")}


def _only(row: store.Row, names: list[str]) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _plain(value: Any) -> Any:
    """Return the value with times as strings."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
