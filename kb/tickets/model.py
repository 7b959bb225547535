"""A ticket, its events, the actions on it, the queue's filter, and offers.

All are frozen values: `kb.tickets.transitions` says what is allowed and turns a ticket into a new
one. `by` names the member of staff who acts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from kb.errors import InvalidInput

# -- Tickets, events and drafts --


FIRST_LINE = 1  # tier 0 is self-service: no ticket is there
FIRST_NUMBER = 1001  # four digits from the start: nobody is told "you are ticket 1"
_NUMBER = re.compile(r"(?:T-?)?(\d{1,9})", re.IGNORECASE)


class TicketStatus(StrEnum):
    """The status of a ticket. While WAITING for the requester, the tier's clock is stopped."""

    NEW = "new"
    OPEN = "open"
    WAITING = "waiting"
    RESOLVED = "resolved"
    CLOSED = "closed"


# A ticket in one of these owns its need: no second one is opened for it.
ACTIVE = frozenset({TicketStatus.NEW, TicketStatus.OPEN, TicketStatus.WAITING})


class Origin(StrEnum):
    """Who caused the ticket: the person, the policy for unresolved episodes, or demand."""

    ASKED = "asked"
    POLICY = "policy"
    DEMAND = "demand"


class Resolution(StrEnum):
    """What a resolved ticket says about the knowledge base."""

    LINKED_ARTICLE = "linked_article"
    ARTICLE_TO_FIX = "article_to_fix"
    GAP = "gap"
    NO_KNOWLEDGE = "no_knowledge"


# These name the article concerned.
WITH_ARTICLE = frozenset({Resolution.LINKED_ARTICLE, Resolution.ARTICLE_TO_FIX})


@dataclass(frozen=True, slots=True)
class Requester:
    """The person a ticket is for; all empty for a ticket of the team. `user_id` is "" for a
    person without an account.
    """

    name: str = ""
    email: str = ""
    user_id: str = ""

    @property
    def shown(self) -> str:
        """Return the name to show for the person in a history."""
        return self.name or self.email or "Requester"


@dataclass(frozen=True, slots=True)
class Agent:
    """The member of staff who acts."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class TicketDraft:
    """What a form or a policy provides. `trail` is the journey, JSON-able; `words_key` stands for
    the words searched ("" when there was no search); `different`: the person says that this is
    another problem than their open ticket with the same words; `filed_by` is the account that asks
    for somebody else, "" where the requester asks.
    """

    subject: str
    body: str = ""
    requester: Requester = Requester()
    visitor: str = ""
    search_id: str | None = None
    language: str = "en"
    trail: Mapping[str, Any] = field(default_factory=dict)
    words_key: str = ""
    different: bool = False
    filed_by: str = ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One ticket at one version. `tier_since` moves with every change of tier, and forward by the
    time spent waiting for the requester; `waiting_since` is None unless the status is WAITING.
    """

    id: str
    number: int
    origin: Origin
    need_key: str
    words_key: str
    subject: str
    body: str
    status: TicketStatus
    tier: int
    tier_since: datetime
    requester: Requester
    visitor: str
    search_id: str | None
    language: str
    trail: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    assignee_id: str | None = None
    waiting_since: datetime | None = None
    resolution: Resolution | None = None
    resolution_article: str = ""
    resolved_at: datetime | None = None
    version: int = 1
    filed_by: str | None = None

    @property
    def active(self) -> bool:
        """Return whether somebody still has to do something."""
        return self.status in ACTIVE

    @property
    def proven(self) -> bool:
        """Return whether the requester's own account asked, and nobody else in its name."""
        return bool(self.requester.user_id) and not self.filed_by

    def as_opened(self) -> Ticket:
        """Return the ticket as it was when it was opened: at the first line, untouched."""
        return replace(
            self,
            status=TicketStatus.NEW,
            tier=FIRST_LINE,
            updated_at=self.created_at,
            resolution_article="",
        )

    def given_back(self, now: datetime) -> Ticket:
        """Return the ticket unassigned."""
        return replace(self, assignee_id=None, version=self.version + 1, updated_at=now)

    @property
    def display_number(self) -> str:
        """Return the number as people say it, "T-1001"."""
        return display_number(self.number)


@dataclass(frozen=True, slots=True)
class TicketEvent:
    """One line of a ticket's history, append-only. `actor` is a name to show; `public` says
    whether the requester may read it; `data` is JSON-able, by kind.
    """

    at: datetime
    kind: str
    actor: str
    public: bool
    data: Mapping[str, Any]


def open_to_requester(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the requester may read of the data of a public event: a reason only where the
    agent chose to show it.
    """
    return {name: value for name, value in data.items() if name != "reason" or data.get("shown")}


def display_number(number: int) -> str:
    """Return the number as people say it, "T-1001"."""
    return f"T-{number}"


def parse_number(text: str) -> int:
    """Return the number in "T-1001", "t1001" or "1001"; InvalidInput for anything else."""
    match = _NUMBER.fullmatch(text.strip())
    if not match or not match[1].isascii():
        message = "A ticket number looks like T-1001."
        raise InvalidInput(message, "Check the number in our message.", fields={"number": message})
    return int(match[1])


# -- Actions --


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
    """Move up, to `to` or the next tier; `shown`: the requester may read the reason, not staff
    alone.
    """

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
    """Move down again, to `to`; `shown`: the requester may read the reason, not staff alone."""

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
    """Staff reopens a resolved ticket; `shown`: the requester may read the reason."""

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


# -- The queue --


NOBODY = ""  # as assignee: unassigned tickets


class Order(StrEnum):
    """How the queue is sorted."""

    OLDEST = "oldest"
    NEWEST = "newest"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which tickets. None means any; `assignee` NOBODY means unassigned; `words` are looked for
    in subjects, or name a ticket's number; `before` keeps tickets opened before that time.
    """

    status: frozenset[TicketStatus] = ACTIVE
    tier: int | None = None
    assignee: str | None = None
    origin: Origin | None = None
    words: str = ""
    before: datetime | None = None
    order: Order = Order.OLDEST
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Queue:
    """One page of tickets, and how many there are in all."""

    tickets: tuple[Ticket, ...]
    total: int


# -- Offers --


class OfferState(StrEnum):
    """OPEN until the person has answered."""

    OPEN = "open"
    TAKEN = "taken"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Offer:
    """The question to a signed-in person, after an unresolved episode, whether they still need
    help; `words` are redacted.
    """

    id: str
    user_id: str
    episode_id: str
    need_key: str
    search_id: str
    words: str
    state: OfferState
    created_at: datetime
