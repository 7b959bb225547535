"""The frozen value types of analytics: episodes, outcomes, failures, and rows of the daily counts.

`episodes`, `failures` and `outcomes` make them from events; `store` and `report_store` write and
read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Self

from kb.tracking.events import Event, EventKind

# -- Episodes, searches, tickets --


class Outcome(StrEnum):
    """How an episode ended: the first that applies, in this order."""

    TICKETED = "ticketed"
    CONFIRMED = "confirmed"
    POTENTIAL = "potential"
    ABANDONED = "abandoned"
    OPEN = "open"


class Failure(StrEnum):
    """Why a search failed: the first that applies, in this order (the rules are in failures.py).

    A member's `code` stands for it in stored daily counts: it never changes, and the code of a
    removed failure is not used again. `heading` and `definition` are quoted by reports and
    docs/metrics.md, `column` heads a column, `words` say it within a sentence.
    """

    code: int
    heading: str
    column: str
    words: str
    definition: str

    def __new__(
        cls,
        name: str,
        code: int = -1,
        heading: str = "",
        column: str = "",
        words: str = "",
        definition: str = "",
    ) -> Self:
        """Make the member of that name, stored as `code`."""
        made = str.__new__(cls, name)
        made._value_ = name
        made.code, made.heading, made.column = code, heading, column
        made.words, made.definition = words, definition
        return made

    ZERO = (
        "zero",
        0,
        "No hit",
        "No hit",
        "nothing was found",
        "The search found no article.",
    )
    WEAK = (
        "weak",
        1,
        "Weak",
        "Weak",
        "nothing came near",
        "Articles were found, but the estimated chance that one answers lies under the floor.",
    )
    VOTED_DOWN = (
        "voted_down",
        2,
        "Voted down",
        "Voted down",
        "what was read did not help",
        "An article opened from this search was voted not helpful.",
    )
    TICKETED = (
        "ticketed",
        3,
        "Ticket followed",
        "Ticket followed",
        "a ticket followed",
        "A ticket names this search, or names none and this was the episode's last search.",
    )
    BOUNCED = (
        "bounced",
        4,
        "Came straight back",
        "Came straight back",
        "opened and left at once",
        "Every article opened from it was left within 10 seconds, and other words were searched.",
    )
    REFINED = (
        "refined",
        5,
        "Asked again in other words",
        "Asked again",
        "searched again in other words",
        "Nothing was opened, and the next search of the episode has related words: a stem in "
        "common, or a spelling more than 66 % alike.",
    )
    NO_CLICK = (
        "no_click",
        6,
        "Nothing opened",
        "Nothing opened",
        "nothing was opened",
        "Nothing was opened from it and nobody said that it was solved, known once the episode "
        "has ended.",
    )

    @property
    def key(self) -> str:
        """Return the key of its definition; "ticketed" is an outcome's already."""
        return "ticketed_search" if self is Failure.TICKETED else self.value


@dataclass(frozen=True, slots=True)
class TicketSeen:
    """A ticket that may belong to a person's episode.

    It can be matched by `visitor`, `user_id` or `search_id`; any may be "".
    """

    at: datetime
    visitor: str = ""
    user_id: str = ""
    search_id: str = ""


@dataclass(frozen=True, slots=True)
class Episode:
    """One visitor's events, in order of time, without a gap longer than the setting.

    `ended_at` is the time of the last event that keeps an episode going. `asides` are
    events that are not acts of the visitor, such as the survey: they move neither start nor end.
    """

    id: str
    visitor: str
    user_id: str
    events: tuple[Event, ...]
    started_at: datetime
    ended_at: datetime
    asides: tuple[Event, ...] = ()

    def of(self, *kinds: EventKind) -> tuple[Event, ...]:
        """Return the events of these kinds, in order."""
        return tuple(event for event in self.events if event.kind in kinds)


class TicketIndex:
    """Tickets indexed by visitor, account and search."""

    def __init__(self, tickets: Iterable[TicketSeen]) -> None:
        self._by: dict[tuple[str, str], list[TicketSeen]] = {}
        for ticket in tickets:
            for key in ("visitor", "user_id", "search_id"):
                if value := getattr(ticket, key):
                    self._by.setdefault((key, value), []).append(ticket)

    def candidates(self, episode: Episode) -> tuple[TicketSeen, ...]:
        """Return the tickets that share a visitor, account or search with the episode."""
        keys = [("visitor", episode.visitor), ("user_id", episode.user_id)]
        keys += [("search_id", event.id) for event in episode.of(EventKind.SEARCH)]
        return tuple({ticket for key in keys for ticket in self._by.get(key, ())})


@dataclass(frozen=True, slots=True)
class Search:
    """One search of an episode; consecutive search events for the same words are one search.

    `ids` holds the ids of these events in order. `device`, `collection` and `ms` (the response time
    in milliseconds) are of the last event.
    """

    ids: tuple[str, ...]
    at: datetime
    words: str
    words_key: str
    language: str
    total: int
    answerable: bool
    surface: str = ""
    device: str = ""
    collection: str = ""
    ms: float | None = None

    @property
    def id(self) -> str:
        """Return the id of its first event."""
        return self.ids[0]


@dataclass(frozen=True, slots=True)
class ArticleReading:
    """An article opened from one search, or from none; `seconds` is None if unknown."""

    article: str
    search_id: str
    at: datetime
    seconds: float | None


@dataclass(frozen=True, slots=True)
class JudgedEpisode:
    """An episode with its outcome and failures as of one moment.

    `failures` maps the id of each failed search to its failure; `data` holds JSON values.
    """

    episode: Episode
    outcome: Outcome
    ended: bool
    closed: bool
    unresolved: bool
    searches: tuple[Search, ...]
    failures: Mapping[str, Failure]
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UnresolvedEpisode:
    """An ended, unresolved episode without a policy mark; the search is its last failed one."""

    id: str
    visitor: str
    user_id: str
    search_id: str
    words: str
    words_key: str
    language: str
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class QueryDemand:
    """A query that failed for several people; `words` is the wording that most of them used."""

    words_key: str
    words: str
    people: int
    searches: int
    languages: tuple[str, ...]
    first_at: datetime
    last_at: datetime
    visitors: tuple[str, ...] = ()


# -- Stored rows that the daily counts are made of --


@dataclass(frozen=True, slots=True)
class EpisodeRow:
    """A stored episode as reports need it; `definition` is the version by which it was judged."""

    id: str
    outcome: Outcome
    ended: bool
    closed: bool
    unresolved: bool
    data: Mapping[str, Any]
    visitor: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    definition: int = 0

    @property
    def day(self) -> date:
        """Return the UTC day on which it started."""
        return self.started_at.date() if self.started_at else date.min


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A stored failed search."""

    episode_id: str
    visitor: str
    failure: Failure
    words: str
    words_key: str
