"""The values of analytics: episodes, outcomes, failures.

Promises frozen values. Knows no rule: `episodes`, `failures` and `report` make and read these.

Promises frozen values as `figures.store` reads them. Knows no rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Self

from kb.tracking.events import Event, EventKind

# -- The shapes that the rules of insight speak of --


class Outcome(StrEnum):
    """How an episode ended; the first that holds."""

    TICKETED = "ticketed"
    CONFIRMED = "confirmed"
    POTENTIAL = "potential"
    ABANDONED = "abandoned"
    OPEN = "open"


class Failure(StrEnum):
    """Why a search failed; the first that holds.

    The number beside each name stands for it in the kept counts of days: it never changes, and a
    class that is dropped leaves its number unused.
    """

    code: int

    def __new__(cls, name: str, code: int = -1) -> Self:
        """Make the class of that name, kept as `code`."""
        made = str.__new__(cls, name)
        made._value_ = name
        made.code = code
        return made

    ZERO = "zero", 0
    WEAK = "weak", 1
    VOTED_DOWN = "voted_down", 2
    TICKETED = "ticketed", 3
    BOUNCED = "bounced", 4
    REFINED = "refined", 5
    NO_CLICK = "no_click", 6


@dataclass(frozen=True, slots=True)
class TicketSeen:
    """A ticket that a person got: at once, or for their need later on.

    `visitor`, `user_id` and `search_id` are what it can be matched by; any may be "".
    """

    at: datetime
    visitor: str = ""
    user_id: str = ""
    search_id: str = ""


@dataclass(frozen=True, slots=True)
class Episode:
    """One visitor's events with no gap longer than the setting, in order of time.

    `ended_at` is the time of the last event that keeps an episode going. `asides` are what the
    site noted meanwhile and what a survey heard: they are no acts, and move neither end.
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
    """Tickets by what they can be matched by."""

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
    """One search of an episode: the same words asked again at once are the same search.

    `ids` holds the search ids of all its forms, the first of them in front. `device`, `collection`
    and `ms`, the time in milliseconds that the answer took, are those of the last form.
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
        """Return the id of its first form."""
        return self.ids[0]


@dataclass(frozen=True, slots=True)
class ArticleReading:
    """One article opened from one search, or from none; `seconds` None: not known how long."""

    article: str
    search_id: str
    at: datetime
    seconds: float | None


@dataclass(frozen=True, slots=True)
class JudgedEpisode:
    """An episode with everything the definitions say of it at one moment.

    `failures` maps the first id of each failed search to its class; `data` is JSON-able.
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
    """An ended, unresolved episode that no policy has looked at; the search is the last failed."""

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
    """Distinct people who failed on the same words; `words` is the form most of them used."""

    words_key: str
    words: str
    people: int
    searches: int
    languages: tuple[str, ...]
    first_at: datetime
    last_at: datetime
    visitors: tuple[str, ...] = ()


# -- The rows that a day's counts are made of --


@dataclass(frozen=True, slots=True)
class EpisodeRow:
    """A stored episode, as reports need it; `definition` is the version it was judged by."""

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
