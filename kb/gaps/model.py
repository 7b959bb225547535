"""The values of gaps: groups of failed searches, their events, and why each search failed.

Promises frozen values. Knows no rule and no database.

Promises frozen values, JSON-able where they are kept as evidence. Knows no rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

# -- The shapes that the rules of gaps speak of --


class GapStatus(StrEnum):
    """What is done about a gap."""

    NEW = "new"
    ASSIGNED = "assigned"
    WATCHING = "watching"
    ANSWERED = "answered"
    DECLINED = "declined"


class RootCause(StrEnum):
    """Why searches fail although, or because: the first that holds."""

    TYPO = "typo"
    NOT_PERMITTED = "not_permitted"
    DRAFT = "draft"
    LANGUAGE = "language"
    WORDING = "wording"
    RANKS_LOW = "ranks_low"
    TRUE_GAP = "true_gap"


class GapEventKind(StrEnum):
    """What happened to a gap."""

    MADE = "made"
    MERGED = "merged"
    ABSORBED = "absorbed"
    SPLIT = "split"
    LEFT = "left"
    FADED = "faded"
    RENAMED = "renamed"
    ASSIGNED = "assigned"
    STATUS = "status"
    MOVED = "moved"


MACHINE = "grouping"  # the actor of what nobody did by hand


@dataclass(frozen=True, slots=True)
class FailedQuery:
    """A search that failed in an episode that has ended; `ticketed`: a ticket followed it."""

    search_id: str
    at: datetime
    visitor: str
    words: str
    words_key: str
    language: str
    failure: str
    ticketed: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """Failed searches that ask for one thing.

    `number` is what people call it by and never changes. `title` was given by hand, `label` is made
    of words that enough people used, either may be "". `became_id` is the gap it was merged into.
    Counts are of the last grouping's window. `data` holds the trend, and the diagnosis' evidence.
    """

    id: str
    number: int
    status: GapStatus = GapStatus.NEW
    title: str = ""
    label: str = ""
    language: str = ""
    owner_id: str = ""
    became_id: str = ""
    came_from_id: str = ""
    people: int = 0
    searches: int = 0
    tickets: int = 0
    cause: str = ""
    model: str = ""
    first_at: datetime | None = None
    last_at: datetime | None = None
    answered_at: datetime | None = None
    answered_commit: str = ""
    answered_article: str = ""
    updated_at: datetime | None = None
    version: int = 1
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def touched(self) -> bool:
        """Return whether a person, or an answer, has given it a meaning of its own."""
        return self.status is not GapStatus.NEW or bool(self.title or self.owner_id)

    @property
    def trend(self) -> tuple[int, int]:
        """Return the people of the last period and of the one before."""
        now, before = self.data.get("trend", (0, 0))
        return int(now), int(before)


@dataclass(frozen=True, slots=True)
class GapEvent:
    """One line of a gap's history; `data` is JSON-able and holds no searched word."""

    gap_id: str
    at: datetime
    kind: str
    actor: str
    data: Mapping[str, Any] = field(default_factory=dict)


# -- What is known of a failed search when its cause is asked for --


class Visibility(StrEnum):
    """Whether the person could have seen an article."""

    OPEN = "open"
    CLOSED = "closed"  # published, for other eyes
    UNPUBLISHED = "unpublished"  # a draft, not yet due, or expired


@dataclass(frozen=True, slots=True)
class Best:
    """The first article of a ranking. `cosine` of its nearest passage; `coverage`: the share of
    the query's information that it holds in words; both in [0, 1].
    """

    slug: str
    language: str
    kind: Visibility = Visibility.OPEN
    cosine: float = 0.0
    coverage: float = 0.0
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class SearchAttempt:
    """What a search finds now: `confidence` that it is answered, `floor` under which it is called
    doubtful, the first slugs in order, the words that were searched for.
    """

    confidence: float
    floor: float
    order: tuple[str, ...] = ()
    best: Best | None = None
    text: str = ""

    def rank(self, slug: str) -> int:
        """Return the place of an article, from 1; 0 when it is not among the first."""
        return self.order.index(slug) + 1 if slug in self.order else 0


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What people did after the search. `found` is the article that answered them in the end, by
    `how` that is known; `later` the words that led to it. `refuted` are articles opened from the
    search that did not help, with the reason ("" for none).
    """

    found: str = ""
    how: str = ""  # said, read, ticket
    later: str = ""
    refuted: Mapping[str, str] = field(default_factory=dict)


NOTHING = Aftermath()


@dataclass(frozen=True, slots=True)
class DiagnosisFacts:
    """Everything that decides. `language` is the one the words are in ("" unknown); `typed` is the
    search for the words exactly as typed, where spelling changed them; `unfiltered` the one in all
    languages, where only some were asked for; `closed` and `unpublished`
    the searches with articles that the person may not see, None where there are none; `found` the
    article that answered in the end, as it is now.
    """

    words: str
    language: str
    own: SearchAttempt
    typed: SearchAttempt | None = None
    unfiltered: SearchAttempt | None = None
    closed: SearchAttempt | None = None
    unpublished: SearchAttempt | None = None
    aftermath: Aftermath = NOTHING
    found: Best | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a search failed, the article concerned ("" for none) and what shows it."""

    cause: RootCause
    article: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


OPEN = frozenset({GapStatus.NEW, GapStatus.ASSIGNED, GapStatus.WATCHING})
