"""What a ticket's events add up to: answers, moves, resolutions.

Promises that every event counts once under the same rule, so that the sums on the ticket equal its
history. Pure; knows no database.
"""

from __future__ import annotations

from kb.desk.ticket import TicketEvent

COLUMNS = frozenset({
    "answered_at", "answers", "raised_by_clock", "raised_by_hand", "returned", "resolutions",
})  # fmt: skip


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
    """Return whether the requester hears from staff by it."""
    return event.kind in ("answered", "resolved")
