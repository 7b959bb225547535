"""The rules of a ticket's life: functions of ticket, action and time.

`apply` returns a new ticket and the event that tells what happened, or raises `NotAllowed` in plain
words. Every allowed move is in MOVES. The time is passed in. Every event is counted once by the
same rule, so that the sums on the ticket equal its history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from kb.config.tiers import Tier, highest, named
from kb.errors import NotAllowed
from kb.tickets.model import (
    ACTIVE,
    FIRST_LINE,
    WITH_ARTICLE,
    Action,
    Agent,
    Answer,
    Assign,
    AutoEscalate,
    Close,
    Escalate,
    Note,
    Reopen,
    RequesterReply,
    Resolve,
    ReturnToTier,
    Ticket,
    TicketEvent,
    TicketStatus,
)

# -- Sums of events --


COLUMNS = frozenset({
    "answered_at", "answers", "raised_by_clock", "raised_by_hand", "returned", "resolutions",
})  # fmt: skip # a list, several to a line


def counted(event: TicketEvent) -> dict[str, int]:
    """Return how much the event adds to each sum; {} for one that adds nothing.

    A resolution with a text is an answer too: the requester reads it.
    """
    if event.kind == "answered":
        return {"answers": 1}
    if event.kind == "resolved":
        return {"resolutions": 1} | ({"answers": 1} if event.data.get("text") else {})
    if event.kind == "escalated":
        by_hand = event.data.get("by") == "agent"
        return {"raised_by_hand" if by_hand else "raised_by_clock": 1}
    return {"returned": 1} if event.kind == "returned" else {}


def answers(event: TicketEvent) -> bool:
    """Return whether the requester hears from staff through the event."""
    return event.kind in ("answered", "resolved")


# -- Moves --


CLOCK = "The clock"

# Action -> the statuses in which it is allowed. What is not here is refused.
MOVES: Mapping[type[Action], frozenset[TicketStatus]] = {
    Answer: ACTIVE,
    Note: frozenset(TicketStatus),
    Assign: ACTIVE,
    Escalate: ACTIVE,
    AutoEscalate: frozenset({TicketStatus.NEW, TicketStatus.OPEN}),
    ReturnToTier: ACTIVE,
    Resolve: ACTIVE,
    Reopen: frozenset({TicketStatus.RESOLVED}),
    RequesterReply: ACTIVE | {TicketStatus.RESOLVED},
    Close: frozenset({TicketStatus.RESOLVED}),
}

_WHY = {
    TicketStatus.NEW: "Resolve it first.",
    TicketStatus.OPEN: "Resolve it first.",
    TicketStatus.WAITING: "Resolve it first, or wait for the reply.",
    TicketStatus.RESOLVED: "Reopen it first.",
    TicketStatus.CLOSED: "Open a new ticket and name this one in it.",
}

_VERBS: Mapping[type[Action], str] = {
    Answer: "answered",
    Note: "given a note",
    Assign: "assigned",
    Escalate: "escalated",
    AutoEscalate: "escalated by the clock",
    ReturnToTier: "returned to a lower tier",
    Resolve: "resolved",
    Reopen: "reopened",
    RequesterReply: "replied to",
    Close: "closed",
}

Moved = tuple[Ticket, TicketEvent]


def apply(ticket: Ticket, action: Action, *, now: datetime, tiers: Sequence[Tier]) -> Moved:
    """Return the ticket after `action`, its version one higher, and the event.

    Raises NotAllowed when the status, the tiers or the action's own data forbid it.
    """
    if ticket.status not in MOVES[type(action)]:
        raise NotAllowed(
            f"A ticket that is {ticket.status} cannot be {_VERBS[type(action)]}.",
            _WHY[ticket.status],
        )
    changed, event = _STEPS[type(action)](ticket, action, now, tiers)
    return replace(changed, version=ticket.version + 1, updated_at=now), event


def due(ticket: Ticket, *, now: datetime, tiers: Sequence[Tier]) -> bool:
    """Return whether the tier's clock has run out and there is a tier above."""
    limit = named(tiers, ticket.tier).escalate_after
    counted = ticket.status in MOVES[AutoEscalate] and ticket.tier < highest(tiers)
    return counted and limit is not None and now - ticket.tier_since >= limit


def _answer(ticket: Ticket, action: Answer, now: datetime, tiers: Sequence[Tier]) -> Moved:
    del tiers
    text = _said(action.text, "an answer")
    status = TicketStatus.WAITING if action.waiting else TicketStatus.OPEN
    event = _by(action.by, "answered", now, public=True, text=text, waiting=action.waiting)
    return _stand(ticket, status, now), event


def _note(ticket: Ticket, action: Note, now: datetime, tiers: Sequence[Tier]) -> Moved:
    del tiers
    return ticket, _by(action.by, "noted", now, text=_said(action.text, "a note"))


def _assign(ticket: Ticket, action: Assign, now: datetime, tiers: Sequence[Tier]) -> Moved:
    del tiers
    status = TicketStatus.OPEN if ticket.status is TicketStatus.NEW and action.to else ticket.status
    to = {"to_id": action.to.id, "to": action.to.name} if action.to else {"to_id": None, "to": ""}
    changed = replace(ticket, status=status, assignee_id=action.to.id if action.to else None)
    return changed, _by(action.by, "assigned", now, **to)


def _escalate(ticket: Ticket, action: Escalate, now: datetime, tiers: Sequence[Tier]) -> Moved:
    to = ticket.tier + 1 if action.to is None else action.to
    if not ticket.tier < to <= highest(tiers):
        raise _no_such_move(ticket, tiers, "above")
    reason = _said(action.reason, "a reason")
    return _to_tier(ticket, to, now), _by(
        action.by,
        "escalated",
        now,
        public=True,
        **_tiers_of(ticket, to, tiers),
        reason=reason,
        shown=action.shown,
    )


def _auto_escalate(
    ticket: Ticket, action: AutoEscalate, now: datetime, tiers: Sequence[Tier]
) -> Moved:
    if action.since != ticket.tier_since or not due(ticket, now=now, tiers=tiers):
        raise NotAllowed("The time limit of this ticket's tier has not run out.")
    to = ticket.tier + 1
    data = _tiers_of(ticket, to, tiers) | {"since": ticket.tier_since.isoformat()}
    return _to_tier(ticket, to, now), TicketEvent(now, "escalated", CLOCK, True, data)


def _return(ticket: Ticket, action: ReturnToTier, now: datetime, tiers: Sequence[Tier]) -> Moved:
    if not FIRST_LINE <= action.to < ticket.tier:
        raise _no_such_move(ticket, tiers, "below")
    reason = _said(action.reason, "a reason")
    return _to_tier(ticket, action.to, now), _by(
        action.by,
        "returned",
        now,
        public=True,
        **_tiers_of(ticket, action.to, tiers),
        reason=reason,
        shown=action.shown,
    )


def _resolve(ticket: Ticket, action: Resolve, now: datetime, tiers: Sequence[Tier]) -> Moved:
    del tiers
    if action.resolution in WITH_ARTICLE and not action.article.strip():
        raise NotAllowed("Name the article concerned.", "Search for it and pick it, or say: gap.")
    article = action.article.strip() if action.resolution in WITH_ARTICLE else ""
    changed = replace(
        _stand(ticket, TicketStatus.RESOLVED, now),
        resolution=action.resolution,
        resolution_article=article,
        resolved_at=now,
    )
    data = {
        "resolution": action.resolution.value,
        "article": article,
        "text": action.text.rstrip(),
    }
    return changed, _by(action.by, "resolved", now, public=True, **data)


def _reopen(ticket: Ticket, action: Reopen, now: datetime, tiers: Sequence[Tier]) -> Moved:
    del tiers
    return _taken_up(ticket, now), _by(
        action.by, "reopened", now, public=True, reason=action.reason.rstrip(), shown=action.shown
    )


def _reply(ticket: Ticket, action: RequesterReply, now: datetime, tiers: Sequence[Tier]) -> Moved:
    del tiers
    reopened = ticket.status is TicketStatus.RESOLVED
    changed = _taken_up(ticket, now) if reopened else _stand(ticket, _after_reply(ticket), now)
    data = {"by": "requester", "text": _said(action.text, "a reply"), "reopened": reopened}
    return changed, TicketEvent(now, "replied", action.name or "Requester", True, data)


def _close(ticket: Ticket, action: Close, now: datetime, tiers: Sequence[Tier]) -> Moved:
    del tiers
    return replace(ticket, status=TicketStatus.CLOSED), _by(action.by, "closed", now, public=True)


_STEPS: Mapping[type[Action], Callable[[Ticket, Any, datetime, Sequence[Tier]], Moved]] = {
    Answer: _answer,
    Note: _note,
    Assign: _assign,
    Escalate: _escalate,
    AutoEscalate: _auto_escalate,
    ReturnToTier: _return,
    Resolve: _resolve,
    Reopen: _reopen,
    RequesterReply: _reply,
    Close: _close,
}


def _after_reply(ticket: Ticket) -> TicketStatus:
    """Return OPEN after waiting; a reply before anybody looked leaves the ticket new."""
    return TicketStatus.OPEN if ticket.status is TicketStatus.WAITING else ticket.status


def _stand(ticket: Ticket, status: TicketStatus, now: datetime) -> Ticket:
    """Return the ticket in `status`, the tier's clock stopped or started again.

    The time spent waiting is added to `tier_since`, so that it never counts against the tier. A
    clock that stepped back adds nothing.
    """
    waited = max(now - ticket.waiting_since, now - now) if ticket.waiting_since else now - now
    if status is TicketStatus.WAITING:
        return replace(ticket, status=status, waiting_since=ticket.waiting_since or now)
    return replace(ticket, status=status, waiting_since=None, tier_since=ticket.tier_since + waited)


def _taken_up(ticket: Ticket, now: datetime) -> Ticket:
    """Return a resolved ticket as an open one, the tier's clock at zero."""
    return replace(
        ticket,
        status=TicketStatus.OPEN,
        tier_since=now,
        waiting_since=None,
        resolution=None,
        resolution_article="",
        resolved_at=None,
    )


def _to_tier(ticket: Ticket, to: int, now: datetime) -> Ticket:
    """Return the ticket at another tier, unassigned, the clock at zero."""
    waiting = now if ticket.status is TicketStatus.WAITING else None
    return replace(ticket, tier=to, tier_since=now, waiting_since=waiting, assignee_id=None)


def _tiers_of(ticket: Ticket, to: int, tiers: Sequence[Tier]) -> dict[str, Any]:
    """Return the data of an event that moves the ticket to another tier."""
    return {"from": ticket.tier, "to": to, "to_name": named(tiers, to).name}


def _no_such_move(ticket: Ticket, tiers: Sequence[Tier], where: str) -> NotAllowed:
    name = named(tiers, ticket.tier).name
    return NotAllowed(
        f"This ticket is at tier {ticket.tier} ({name}); the tier asked for is not {where} it.",
        f"Tickets are held by tiers {FIRST_LINE} to {highest(tiers)}.",
    )


def _said(text: str, what: str) -> str:
    """Return the text as it was typed; NotAllowed when there is none."""
    if not text.strip():
        raise NotAllowed(f"Write {what} first.")
    return text


def _by(
    agent: Agent, kind: str, now: datetime, *, public: bool = False, **data: Any
) -> TicketEvent:
    """Return what the agent did as an event."""
    return TicketEvent(now, kind, agent.name, public, {"by": "agent", "agent_id": agent.id} | data)
