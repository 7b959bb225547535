"""What another system tells of its tickets, as CSV or as JSON, into rows.

Each row has an id and a time in UTC; or one refusal names every line that is wrong. An id that a
spreadsheet changed is wrong, and so are two rows of one id that say different things: taken, two
tickets would become one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from kb.errors import InvalidInput
from kb.insight.outside.shapes import SHAPE, tickets_in
from kb.insight.outside.sheets import Sheet, sheet
from kb.insight.outside.times import opened_at

MOST_PROBLEMS = 20  # lines told of at once
LONGEST = 255  # characters of an id or an address
FEWEST_LONG = 3  # long numbers that all end in noughts are no chance
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+")
_DECIMAL = re.compile(r"\d+[.,]0{1,2}")
_LONG = re.compile(r"\d{16,}")
_PRECISE = 15  # digits that a spreadsheet keeps of a number
_MARKED = re.compile(r"<([^<>\s]+@[^<>\s@]+)>")
_ADDRESS = re.compile(r"[^\s<>,;:\"'()\[\]@]+@[^\s<>,;:\"'()\[\]@]+")
_AS_TEXT = "export it again and keep the column as text"


@dataclass(frozen=True, slots=True)
class OutsideTicket:
    """A ticket of another system. `email` and `user` may be "": then it is nobody's."""

    id: str
    at: datetime
    email: str = ""
    user: str = ""


def from_csv(
    text: str | Sheet, *, now: datetime, zone: tzinfo | None = None, form: str = ""
) -> tuple[OutsideTicket, ...]:
    """Return the tickets of a CSV file with a header line, or of its sheet.

    `zone` is for times that name none, `form` how dates are written. InvalidInput names each
    wrong line.
    """
    found = sheet(text) if isinstance(text, str) else text
    return _tickets(found.rows(), now=now, zone=zone, form=form, what="line")


def from_json(payload: Any, *, now: datetime) -> tuple[OutsideTicket, ...]:
    """Return the tickets of a body, one or a list of them; InvalidInput names wrong ones."""
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
    """Return the places of long ids when all of them end in noughts, as a spreadsheet leaves them:
    it keeps 15 digits of a number.
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
    """Return the places of tickets that have the id of an earlier one and say something else."""
    first, problems = dict[str, int](), dict[int, str]()
    for place, ticket in found.items():
        other = first.setdefault(ticket.id, place)
        if found[other] != ticket:
            for here, there in ((other, place), (place, other)):
                problems.setdefault(
                    here, f"the id {ticket.id} stands at {what} {there} too, with other content"
                )
    return problems
