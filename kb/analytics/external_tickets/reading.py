"""Read tickets of other systems, as CSV or JSON, into `OutsideTicket` rows.

Each ticket has an id and a time in UTC; otherwise one error lists every line that is wrong. A time
must have exactly one reading and a plausible date. Ids damaged by a spreadsheet are errors, and so
are two rows with one id and different content: accepting them would merge two tickets.

A JSON ticket may be flat or nested in what a service desk sends: Zendesk and Zammad write
{"ticket": {...}}, Jira {"issue": {"key", "fields": {...}}}, Freshdesk {"freshdesk_webhook": {...}},
GLPI {"item": {...}}.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from math import isfinite
from typing import Any

from kb.analytics.external_tickets.csv_files import COLUMNS, CsvSheet, normal, sheet
from kb.errors import InvalidInput

# -- Times --


AHEAD = timedelta(hours=1)  # how far clocks of other systems may run ahead
# An earlier date is a zero or a spreadsheet's first day, not a real ticket.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
EXAMPLE = "2026-03-31T14:05:00+00:00"
_EPOCH = re.compile(r"(\d{10}|\d{13})(\.\d{1,6})?")
_SERIAL = re.compile(r"\d{5}([.,]\d+)?")  # a spreadsheet's day number
_UNIVERSAL = re.compile(r"\s*(?:UTC|GMT|Z)\s*\Z", re.IGNORECASE)
_LOCAL = re.compile(r"\d{1,2}([./-])\d{1,2}\1\d{4}(?:,?\s+\d{1,2}:\d\d(:\d\d)?(\s?[AaPp][Mm])?)?")


def checked_format(form: str, now: datetime) -> str:
    """Return the date format if it has day, month and year. Raises InvalidInput otherwise."""
    try:
        sure = not form or _strictly(now.strftime(form), form).date() == now.date()
    except ValueError:
        sure = False
    if not sure:
        raise InvalidInput(
            f"{form!r} does not say how a day is written.",
            "Use %d for the day, %m for the month, %Y for the year, %H:%M for the time, as in "
            "'%d.%m.%Y %H:%M'.",
        )
    return form


def opened_at(
    written: str, *, now: datetime, zone: tzinfo | None = None, form: str = ""
) -> datetime | str:
    """Return the time in UTC, or what is wrong with it.

    `zone` applies to times without one. `form` is the date format; without it ISO 8601 and seconds
    or milliseconds since 1970 are read.
    """
    found = _read(written, form)
    if isinstance(found, str):
        return found
    try:
        if found.tzinfo is None:
            if zone is None:
                return f"the time {written[:40]!r} names no zone: add +00:00, or say which it is"
            found = found.replace(tzinfo=zone)
        at = found.astimezone(UTC)
    except (ValueError, OverflowError):
        return f"the time {written[:40]!r} cannot be true"
    if at > now + AHEAD:
        return f"the time {written[:40]!r} lies in the future"
    if at < EARLIEST:
        return f"the time {written[:40]!r} cannot be true: it lies before {EARLIEST.year}"
    return at


def _read(written: str, form: str) -> datetime | str:
    if not written:
        return "there is no time"
    if form:
        try:
            return _strictly(written, form)
        except ValueError:
            return f"{written[:40]!r} is not written as {form}"
    if match := _EPOCH.fullmatch(written):
        seconds = float(written) / (1000 if len(match[1]) == 13 else 1)
        return datetime.fromtimestamp(seconds, UTC)
    iso = _UNIVERSAL.sub("+00:00", written)
    try:
        return datetime.fromisoformat(iso)
    except ValueError:
        return _unread(written)


def _strictly(written: str, form: str) -> datetime:
    """Return the time as read by the format, without a zone if the format has none."""
    return datetime.strptime(written, form)  # noqa: DTZ007 - the zone is asked for afterwards


def _unread(written: str) -> str:
    """Return what is wrong with a time that is not ISO 8601, and what to do."""
    if _SERIAL.fullmatch(written):
        return f"{written} is a spreadsheet's number of a day: show the column as date and time"
    if match := _LOCAL.fullmatch(written):
        sign, clock = match[1], ""
        if ":" in written:
            clock = (" %I:%M" if match[3] else " %H:%M") + (":%S" if match[2] else "")
            clock += " %p" if match[3] else ""
        first, second = f"%d{sign}%m{sign}%Y{clock}", f"%m{sign}%d{sign}%Y{clock}"
        return (
            f"{written!r} can be read in two ways: write it as {EXAMPLE}, or import a file with "
            f"--date-format '{first}' or '{second}'"
        )
    return f"{written[:40]!r} is no time: write it as {EXAMPLE}"


# -- Tickets in JSON --


SHAPE = '{"id": 7, "time": "2026-03-31T14:05:00Z", "email": "ana@example.org"}'
_LISTS = ("tickets", "issues")
_AROUND = ("ticket", "issue", "item", "incident", "freshdesk_webhook", "detail", "data")
_INSIDE = "fields"  # where Jira keeps everything except the id
_DEEPEST = 3  # levels of nesting around a ticket
_NUMBERS = ("key", "number")  # preferred ids of a nested ticket: people and exports use them
_ADDRESS_KEYS = ("email", "emailaddress", "email address", "mail")
_LOGIN = ("login", "username", "user name", "name", "display value")
_WHO = ("email", "user")


def tickets_in(payload: Any) -> list[dict[str, str]]:
    """Return the fields of each ticket in a request body, "" for missing ones. Raises InvalidInput
    if the body holds no ticket.
    """
    found = payload if isinstance(payload, list) else _listed(payload)
    if not all(isinstance(one, dict) for one in found):
        raise InvalidInput("A ticket is a JSON object.", f"Send {SHAPE} or a list of such.")
    return [_fields(one) for one in found]


def _listed(payload: Any) -> list[Any]:
    """Return the list under a key such as "tickets", else the object alone."""
    if isinstance(payload, dict) and "id" not in payload:
        for name in _LISTS:
            if isinstance(payload.get(name), list):
                return list(payload[name])
    return [payload]


def _fields(one: Mapping[str, Any], depth: int = 0) -> dict[str, str]:
    inner = next((one[name] for name in _AROUND if isinstance(one.get(name), dict)), None)
    if inner is not None and depth < _DEEPEST:
        # Outer id and time belong to the call, but the requester may be given beside the ticket.
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
        found["email"] = next(filter(None, (_of(who, _ADDRESS_KEYS) for who in people)), "")
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
    """Return the first text under one of these names, "" without one."""
    if not isinstance(value, dict):
        return ""
    by_name = {normal(name): each for name, each in value.items()}
    found = (by_name[name] for name in names if isinstance(by_name.get(name), str))
    return next(filter(None, found), "")


# -- Rows --


MOST_PROBLEMS = 20  # problems listed in one error
LONGEST = 255  # characters of an id or an address
FEWEST_LONG = 3  # this many long numbers that all end in zeros are no coincidence
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+")
_DECIMAL = re.compile(r"\d+[.,]0{1,2}")
_LONG = re.compile(r"\d{16,}")
_PRECISE = 15  # significant digits that a spreadsheet keeps
_MARKED = re.compile(r"<([^<>\s]+@[^<>\s@]+)>")
_ADDRESS = re.compile(r"[^\s<>,;:\"'()\[\]@]+@[^\s<>,;:\"'()\[\]@]+")
_AS_TEXT = "export it again and keep the column as text"


@dataclass(frozen=True, slots=True)
class OutsideTicket:
    """A ticket of another system. `email` and `user` may be ""; without both it matches nobody."""

    id: str
    at: datetime
    email: str = ""
    user: str = ""


def from_csv(
    text: str | CsvSheet, *, now: datetime, zone: tzinfo | None = None, form: str = ""
) -> tuple[OutsideTicket, ...]:
    """Return the tickets of a CSV file with a header line, or of its sheet.

    `zone` and `form` are as for `opened_at`. Raises InvalidInput, which names each wrong line.
    """
    found = sheet(text) if isinstance(text, str) else text
    return _tickets(found.rows(), now=now, zone=zone, form=form, what="line")


def from_json(payload: Any, *, now: datetime) -> tuple[OutsideTicket, ...]:
    """Return the tickets of a JSON body, one or a list. Raises InvalidInput with the wrong ones."""
    rows = enumerate(tickets_in(payload), start=1)
    return _tickets(rows, now=now, zone=None, form="", what="ticket")


def _tickets(
    rows: Iterable[tuple[int, Mapping[str, str] | str]],
    *,
    now: datetime,
    zone: tzinfo | None,
    form: str,
    what: str,
) -> tuple[OutsideTicket, ...]:
    found, problems = dict[int, OutsideTicket](), dict[int, str]()
    for place, row in rows:
        ticket = row if isinstance(row, str) else _ticket(row, now, zone, form)
        if isinstance(ticket, str):
            problems[place] = ticket
        else:
            found[place] = ticket
    problems |= _cut_short(found) | _merged(found, what)
    if not problems:
        return tuple(found.values())
    told = {f"{what} {place}": problems[place] for place in sorted(problems)}
    shown = [f"{place}: {why}" for place, why in list(told.items())[:MOST_PROBLEMS]]
    more = len(told) - len(shown)
    hint = "; ".join(shown) + (f"; and {more} more" if more else "") + ". Nothing was taken."
    if what == "ticket":
        hint += f" A ticket reads {SHAPE}."
    raise InvalidInput(f"{len(told)} tickets cannot be read.", hint, fields=told)


def _ticket(
    row: Mapping[str, str], now: datetime, zone: tzinfo | None, form: str
) -> OutsideTicket | str:
    """Return the ticket, or what is wrong with it."""
    name = row.get("id", "")
    if not name:
        return "there is no id"
    if any(len(cell) > LONGEST or not cell.isprintable() for cell in row.values()):
        return f"a cell has more than {LONGEST} characters, or one that cannot be printed"
    if _SCIENTIFIC.fullmatch(name) and not name.isalnum():
        return f"a spreadsheet has rounded the id to {name}: {_AS_TEXT}"
    if _DECIMAL.fullmatch(name):
        return f"the id {name} is a number with decimals: {_AS_TEXT}"
    at = opened_at(row.get("time", ""), now=now, zone=zone, form=form)
    if isinstance(at, str):
        return at
    email, user = row.get("email", ""), row.get("user", "")
    return OutsideTicket(name, at, address_in(email) or address_in(user), user)


def address_in(cell: str) -> str:
    """Return the first address of a cell such as "Ana <ana@example.org>", "" without one."""
    if marked := _MARKED.search(cell):
        return marked[1]
    plain = _ADDRESS.search(cell)
    return plain[0] if plain else ""


def _cut_short(found: Mapping[int, OutsideTicket]) -> dict[int, str]:
    """Return a problem for each long id if all of them end in zeros: a spreadsheet keeps only 15
    digits of a number.
    """
    long = {place: one.id for place, one in found.items() if _LONG.fullmatch(one.id)}
    if len(set(long.values())) < FEWEST_LONG or any(
        name[_PRECISE:].strip("0") for name in long.values()
    ):
        return {}
    return {
        place: f"a spreadsheet has put noughts at the end of the id {name}: {_AS_TEXT}"
        for place, name in long.items()
    }


def _merged(found: Mapping[int, OutsideTicket], what: str) -> dict[int, str]:
    """Return a problem for each ticket that shares its id with one of different content."""
    first, problems = dict[str, int](), dict[int, str]()
    for place, ticket in found.items():
        other = first.setdefault(ticket.id, place)
        if found[other] != ticket:
            for here, there in ((other, place), (place, other)):
                problems.setdefault(
                    here, f"the id {ticket.id} stands at {what} {there} too, with other content"
                )
    return problems
