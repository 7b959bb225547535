"""What another system tells of its tickets, as CSV or as JSON, into rows.

Promises rows of which each has an id and a time with a zone, or one refusal that names every line
that is wrong. Pure; knows nobody.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from kb.errors import InvalidInput

# A column is known by any of these, whatever its case; the names are those of common exports.
COLUMNS = {
    "id": ("id", "ticket", "number", "ticket id", "key"),
    "time": ("time", "created", "created_at", "created at", "date", "opened"),
    "email": ("email", "e-mail", "requester_email", "requester email", "mail"),
    "user": ("user", "user_id", "account", "requester"),
}
MOST_PROBLEMS = 20  # lines told of at once
LONGEST = 255  # characters of an id or an address
AHEAD = timedelta(hours=1)  # clocks of other systems may run ahead this far


@dataclass(frozen=True, slots=True)
class OutsideTicket:
    """A ticket of another system. `email` and `user` may be "": then it is nobody's."""

    id: str
    at: datetime
    email: str = ""
    user: str = ""


def from_csv(text: str, *, now: datetime, zone: tzinfo | None = None) -> tuple[OutsideTicket, ...]:
    """Return the tickets of a CSV file with a header line.

    `zone` is for times that name none. InvalidInput names each wrong line.
    """
    text = text.removeprefix("\ufeff")
    first = text.splitlines()[0] if text.strip() else ""
    mark = ";" if first.count(";") > first.count(",") else ","
    lines = csv.reader(text.splitlines(keepends=True), delimiter=mark, strict=True)
    rows: list[tuple[int, Mapping[str, str]]] = []
    try:
        header = _header(next(lines, []))
        rows += ((lines.line_num, _cells(header, cells)) for cells in lines if "".join(cells))
    except csv.Error as problem:
        raise InvalidInput(
            f"Line {lines.line_num} is not CSV: {problem}.", "Check its quotation marks."
        ) from None
    return _tickets(rows, now=now, zone=zone, what="line")


def from_json(payload: Any, *, now: datetime) -> tuple[OutsideTicket, ...]:
    """Return the tickets of one JSON object or a list of them; InvalidInput names wrong ones."""
    found = payload if isinstance(payload, list) else [payload]
    if not all(isinstance(one, dict) for one in found):
        raise InvalidInput("A ticket is a JSON object.", "Send {id, time, email} or a list of it.")
    rows = [
        (place, {name: _text(one.get(name)) for name in COLUMNS})
        for place, one in enumerate(found, start=1)
    ]
    return _tickets(rows, now=now, zone=None, what="ticket")


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _header(cells: Sequence[str]) -> list[str]:
    """Return our name of each column, "" for one that is not read."""
    known = {other: name for name, others in COLUMNS.items() for other in others}
    header = [known.get(cell.strip().lower(), "") for cell in cells]
    header = [name if name not in header[:place] else "" for place, name in enumerate(header)]
    if not {"id", "time"} <= set(header) or not {"email", "user"} & set(header):
        raise InvalidInput(
            "The first line does not name the columns.",
            "It needs id, time, and email or user, as in: id,time,email",
        )
    return header


def _cells(header: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    named = zip(header, cells, strict=False)
    return {name: cell.strip() for name, cell in named if name}


def _tickets(
    rows: Iterable[tuple[int, Mapping[str, str]]], *, now: datetime, zone: tzinfo | None, what: str
) -> tuple[OutsideTicket, ...]:
    found, problems = [], dict[str, str]()
    for place, row in rows:
        ticket = _ticket(row, now, zone)
        if isinstance(ticket, str):
            problems[f"{what} {place}"] = ticket
        else:
            found.append(ticket)
    if problems:
        shown = [f"{place}: {why}" for place, why in list(problems.items())[:MOST_PROBLEMS]]
        more = len(problems) - len(shown)
        hint = "; ".join(shown) + (f"; and {more} more" if more else "") + ". Nothing was taken."
        raise InvalidInput(f"{len(problems)} tickets cannot be read.", hint, fields=problems)
    return tuple(found)


def _ticket(row: Mapping[str, str], now: datetime, zone: tzinfo | None) -> OutsideTicket | str:
    """Return the ticket, or what is wrong with it."""
    name, written = row.get("id", ""), row.get("time", "")
    if not name:
        return "there is no id"
    if any(len(cell) > LONGEST or not cell.isprintable() for cell in row.values()):
        return f"a cell has more than {LONGEST} characters, or one that cannot be printed"
    try:
        at = datetime.fromisoformat(written)
        if at.tzinfo is None:
            if zone is None:
                return f"the time {written!r} names no zone: add +00:00, or say which it is"
            at = at.replace(tzinfo=zone)
        at.astimezone(now.tzinfo)
    except (ValueError, OverflowError):
        return f"{written[:40]!r} is no time: write it as 2026-03-31T14:05:00+00:00"
    if at > now + AHEAD:
        return f"the time {written!r} lies in the future"
    return OutsideTicket(name, at.astimezone(now.tzinfo), row.get("email", ""), row.get("user", ""))
