"""What can be done to a ticket, one frozen dataclass each.

Promises only the data of an action; whether it is allowed is for `kb.desk.rules`. `by` names the
member of staff who acts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kb.desk.ticket import Agent, Resolution


@dataclass(frozen=True, slots=True)
class Answer:
    """Staff writes to the requester; `waiting` True when the requester has to answer."""

    by: Agent
    text: str
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Staff writes to staff."""

    by: Agent
    text: str


@dataclass(frozen=True, slots=True)
class Assign:
    """Give the ticket to a member of staff; `to` None gives it back to the queue."""

    by: Agent
    to: Agent | None


@dataclass(frozen=True, slots=True)
class Escalate:
    """Move up, to `to` or the next tier, for a reason; `shown` to the requester, or staff's own."""

    by: Agent
    reason: str
    to: int | None = None
    shown: bool = False


@dataclass(frozen=True, slots=True)
class AutoEscalate:
    """Move up by the clock. `since` is the tier_since that was seen to be overdue: a second
    worker that saw the same moment is refused.
    """

    since: datetime


@dataclass(frozen=True, slots=True)
class ReturnToTier:
    """Move down again, to `to`, for a reason; `shown` to the requester, or staff's own."""

    by: Agent
    to: int
    reason: str
    shown: bool = False


@dataclass(frozen=True, slots=True)
class Resolve:
    """End the work. `article` is the slug that solved it or must be fixed."""

    by: Agent
    resolution: Resolution
    text: str = ""
    article: str = ""


@dataclass(frozen=True, slots=True)
class Reopen:
    """Staff takes up a resolved ticket again; the reason is `shown` to the requester or not."""

    by: Agent
    reason: str = ""
    shown: bool = False


@dataclass(frozen=True, slots=True)
class RequesterReply:
    """The requester writes; reopens a resolved ticket, ends waiting."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Close:
    """Put a resolved ticket away for good."""

    by: Agent


Action = (
    Answer
    | Note
    | Assign
    | Escalate
    | AutoEscalate
    | ReturnToTier
    | Resolve
    | Reopen
    | RequesterReply
    | Close
)
