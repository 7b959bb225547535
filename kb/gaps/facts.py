"""What is known of a failed search when its cause is asked for.

Promises frozen values, JSON-able where they are kept as evidence. Knows no rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kb.gaps.gap import Cause


class Kind(StrEnum):
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
    kind: Kind = Kind.OPEN
    cosine: float = 0.0
    coverage: float = 0.0
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class Look:
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
class Facts:
    """Everything that decides. `language` is the one the words are in ("" unknown); `typed` is the
    search for the words exactly as typed, where spelling changed them; `unfiltered` the one in all
    languages, where only some were asked for; `closed` and `unpublished`
    the searches with articles that the person may not see, None where there are none; `found` the
    article that answered in the end, as it is now.
    """

    words: str
    language: str
    own: Look
    typed: Look | None = None
    unfiltered: Look | None = None
    closed: Look | None = None
    unpublished: Look | None = None
    aftermath: Aftermath = NOTHING
    found: Best | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a search failed, the article concerned ("" for none) and what shows it."""

    cause: Cause
    article: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
