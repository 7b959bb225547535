"""Record tickets of other systems as events, matched to visitors where that is allowed.

A ticket that is reported twice is recorded once. An address is used only to find its person and is
not stored. When `bring` returns, the outcomes of the matched visitors are up to date.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from kb.accounts.roles import STAFF_ROLES
from kb.accounts.store import Account, Accounts
from kb.analytics.daily_counts_store import touch
from kb.analytics.external_tickets import store
from kb.analytics.external_tickets.reading import OutsideTicket
from kb.analytics.jobs import EpisodeSettings, judge_again
from kb.config.ticket_hooks import Call
from kb.database import Database
from kb.errors import NotFound
from kb.tracking.events import Event, EventKind
from kb.tracking.store import add
from kb.tracking.visitors import Visitors

ORIGIN = "outside"
STEP = 100  # tickets between two progress reports


@dataclass(frozen=True, slots=True)
class MatchedPerson:
    """The person of a ticket; all "" if unknown here. `left_out` says why it does not count."""

    visitor: str = ""
    user_id: str = ""
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The number of tickets that were new and known before, and of the new ones how many were
    matched and how many are older than the first visit, so that they change no figure.
    """

    new: int = 0
    known: int = 0
    matched: int = 0
    early: int = 0


class Matching:
    """Finds the person of a ticket: by account, else by a confirmed address."""

    def __init__(self, db: Database, accounts: Accounts, visitors: Visitors) -> None:
        self._db = db
        self._accounts = accounts
        self._visitors = visitors

    def __call__(self, ticket: OutsideTicket) -> MatchedPerson:
        """Return the person of the ticket."""
        address = ticket.email.strip().lower()
        for find, key in (
            (self._accounts.by_email, address),
            (self._accounts.by_id, ticket.user),
            (self._accounts.by_email, ticket.user),
        ):
            if key and (account := _found(find, key)):
                left_out = "staff" if account.role in STAFF_ROLES else ""
                return MatchedPerson(self._visitors.signed_in(account.id), account.id, left_out)
        if not address:
            return MatchedPerson()
        with self._db.read() as connection:
            return MatchedPerson(store.confirmed_visitor(connection, address, ticket.at))


def _found(find: Callable[[str], Account], key: str) -> Account | None:
    try:
        return find(key)
    except NotFound:
        return None


def import_tickets(
    db: Database,
    settings: EpisodeSettings,
    tickets: Sequence[OutsideTicket],
    match: Callable[[OutsideTicket], MatchedPerson],
    *,
    source: str,
    now: datetime,
    call: Call | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> ImportResult:
    """Record the tickets of one `source` and judge the matched visitors' episodes again; return
    counts.

    A ticket is identified by the source's name and its id there. A webhook `call` that was
    received before does nothing.
    """
    put = _events(tickets, match, source, progress)
    with db.begin() as connection:
        if call and not store.first_call(connection, call, now):
            return ImportResult(known=len(put))
        fresh = [event for event in put if add(db, connection, event)]
        touch(connection, (event.at.date() for event in fresh))
        first = store.first_visit(connection)
    named = [event for event in fresh if event.visitor and not event.left_out]
    if named:
        visitors, since = {event.visitor for event in named}, min(event.at for event in named)
        judge_again(db, settings, now, visitors=visitors, since=since)
    return _counts(put, fresh, first)


def preview_import(
    db: Database,
    tickets: Sequence[OutsideTicket],
    match: Callable[[OutsideTicket], MatchedPerson],
    *,
    source: str,
    progress: Callable[[str, int, int], None] | None = None,
) -> ImportResult:
    """Return the counts that `bring` would return, without writing anything."""
    put = _events(tickets, match, source, progress)
    by_id = {event.id: event for event in put}
    with db.read() as connection:
        there = store.known(connection, sorted(by_id))
        first = store.first_visit(connection)
    fresh = [event for name, event in by_id.items() if name not in there]
    return _counts(put, fresh, first)


def _events(
    tickets: Sequence[OutsideTicket],
    match: Callable[[OutsideTicket], MatchedPerson],
    source: str,
    progress: Callable[[str, int, int], None] | None,
) -> list[Event]:
    put = []
    for done, ticket in enumerate(tickets):
        if progress and done % STEP == 0:
            progress("tickets", done, len(tickets))
        put.append(_event(ticket, match(ticket), source))
    return put


def _counts(put: Sequence[Event], fresh: Sequence[Event], first: datetime | None) -> ImportResult:
    matched = sum(bool(event.visitor) for event in fresh)
    early = sum(first is not None and event.at < first for event in fresh)
    return ImportResult(len(fresh), len(put) - len(fresh), matched, early)


def _event(ticket: OutsideTicket, person: MatchedPerson, source: str) -> Event:
    digest = hashlib.sha256(f"{source}\0{ticket.id}".encode()).hexdigest()
    return Event(
        id=f"out{digest[:32]}",
        at=ticket.at,
        kind=EventKind.TICKET_CREATED,
        visitor=person.visitor,
        user_id=person.user_id or None,
        left_out=person.left_out,
        data={"origin": ORIGIN, "source": source},
    )
