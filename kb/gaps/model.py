"""The values of gaps: groups of failed searches, their history, and why each search failed.

All are frozen; what is kept as history or evidence is JSON-able.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

# -- Gaps and failed searches --


class GapStatus(StrEnum):
    """The state of the work on a gap."""

    NEW = "new"
    ASSIGNED = "assigned"
    WATCHING = "watching"
    ANSWERED = "answered"
    DECLINED = "declined"


class RootCause(StrEnum):
    """Why the searches of a gap fail; `kb.gaps.diagnosis` tests the causes in its own order."""

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


MACHINE = "grouping"  # the actor of events that nobody caused by hand


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
    """Failed searches that ask for the same thing.

    `number` is its name to people and never changes. `title` is given by hand, `label` is made of
    words that enough people used; either may be "". `became_id` is the gap it was merged into.
    Counts cover the window of the last grouping. `data` holds the trend and the evidence of the
    diagnosis.
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
        """Return whether a person has changed it, or an article has answered it."""
        return self.status is not GapStatus.NEW or bool(self.title or self.owner_id)

    @property
    def trend(self) -> tuple[int, int]:
        """Return the number of people in the last period and in the one before."""
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


# -- Diagnoses --


class Visibility(StrEnum):
    """Whether the person could have seen an article."""

    OPEN = "open"
    CLOSED = "closed"  # published, for other eyes
    UNPUBLISHED = "unpublished"  # a draft, not yet due, or expired


@dataclass(frozen=True, slots=True)
class Best:
    """The first article of a ranking. `cosine` is that of its nearest passage, `coverage` the share
    of the query's information that its words hold; both in [0, 1].
    """

    slug: str
    language: str
    kind: Visibility = Visibility.OPEN
    cosine: float = 0.0
    coverage: float = 0.0
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class SearchAttempt:
    """What a search finds now: the `confidence` that it is answered, the `floor` below which
    nothing counts as an answer, the first slugs in `order`, and the words that were searched for.
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
class AfterFailure:
    """What people did after the search. `found` is the article that answered them in the end, `how`
    says what shows it, `later` are the words that led to it. `refuted` maps each article that was
    opened from the search and did not help to the reason given ("" for none).
    """

    found: str = ""
    how: str = ""  # said, read, ticket
    later: str = ""
    refuted: Mapping[str, str] = field(default_factory=dict)


NOTHING = AfterFailure()


@dataclass(frozen=True, slots=True)
class DiagnosisFacts:
    """The facts on which a diagnosis is based. `language` is the one the words are in ("" if
    unknown); `typed` is the search for the words exactly as typed, where spelling correction
    changed them; `unfiltered` the one in all languages, where only some were asked for; `closed`
    and `unpublished` the searches that include articles the person may not see, None where there
    are none; `found` is the article that answered in the end, as it is now.
    """

    words: str
    language: str
    own: SearchAttempt
    typed: SearchAttempt | None = None
    unfiltered: SearchAttempt | None = None
    closed: SearchAttempt | None = None
    unpublished: SearchAttempt | None = None
    aftermath: AfterFailure = NOTHING
    found: Best | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a search failed, the article concerned ("" for none) and what shows it."""

    cause: RootCause
    article: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


OPEN = frozenset({GapStatus.NEW, GapStatus.ASSIGNED, GapStatus.WATCHING})
