"""Escalation of tickets by the clock.

A ticket left too long at its tier moves up one tier, once however many workers look; waiting,
resolved and closed tickets stay. A worker runs it periodically.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from kb.config.tiers import Tier, highest
from kb.database import Database
from kb.errors import NotAllowed
from kb.tickets import transitions
from kb.tickets.model import AutoEscalate, Ticket
from kb.tickets.store import Tickets, overdue

log = logging.getLogger(__name__)


def escalate_due(db: Database, tiers: Sequence[Tier], *, now: datetime) -> tuple[Ticket, ...]:
    """Move up the tickets that are overdue, each in its own transaction; return them as they are
    now.
    """
    moved = (_escalate(db, tiers, ticket, now) for ticket in _due(db, tiers, now))
    return tuple(ticket for ticket in moved if ticket)


def _due(db: Database, tiers: Sequence[Tier], now: datetime) -> list[Ticket]:
    """Return the tickets whose tier's time is over."""
    status = sorted(transitions.MOVES[AutoEscalate])
    found: list[Ticket] = []
    with db.read() as connection:
        for tier in tiers:
            if tier.escalate_after is not None and tier.level < highest(tiers):
                before = now - tier.escalate_after
                found.extend(overdue(connection, tier.level, before=before, status=status))
    return found


def _escalate(db: Database, tiers: Sequence[Tier], seen: Ticket, now: datetime) -> Ticket | None:
    """Return the ticket one tier up; None when it moved, or stopped its clock, since it was seen.

    The row is locked before the rules are applied, so that two workers act one after the other.
    """
    with db.begin() as connection:
        tickets = Tickets(db, connection)
        before = tickets.by_number(seen.number, lock=True)
        if before is None:
            return None
        try:
            action = AutoEscalate(seen.tier_since)
            after, event = transitions.apply(before, action, now=now, tiers=tiers)
        except NotAllowed:
            return None
        tickets.save(before, after, event)
    log.info("%s escalated to tier %d by the clock", after.display_number, after.tier)
    return after
