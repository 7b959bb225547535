"""The values that enter and leave the search engine: documents, queries, hits and results.

All are frozen. The engine knows no users: a caller says which audiences may be seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Mode(StrEnum):
    """How a search was answered."""

    HYBRID = "hybrid"
    KEYWORD = "keyword"
    SEMANTIC = "semantic"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of an article under one heading, as plain text.

    `anchor` is the heading's id in the rendered page, "" for the text before the first heading;
    `path` holds the headings that lead to it, outermost first, its own last (empty for the lead
    text).
    """

    anchor: str
    path: tuple[str, ...]
    text: str

    @property
    def heading(self) -> str:
        """The section's own heading, "" for the lead text."""
        return self.path[-1] if self.path else ""


@dataclass(frozen=True, slots=True)
class Document:
    """One article as the engine sees it. `changed` is the day of its last change as days since
    1970-01-01 (UTC), 0 when unknown.
    """

    id: str
    title: str
    sections: tuple[Section, ...]
    summary: str = ""
    language: str = "en"
    collection: str = ""
    audience: str = "public"
    keywords: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    changed: int = 0


@dataclass(frozen=True, slots=True)
class Query:
    """What a person asked, and what they may see.

    `languages` and `collections` filter when not empty. `audiences` always filters: a document of
    another audience is neither a hit, nor counted, nor a source of suggestions. `literal` switches
    spelling correction off (to return from a "did you mean").
    """

    text: str
    audiences: frozenset[str] = frozenset({"public"})
    languages: frozenset[str] = frozenset()
    collections: frozenset[str] = frozenset()
    prefer_language: str = ""
    limit: int = 10
    offset: int = 0
    literal: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """One article that answers, with the section that answers best.

    `score` is the fused score in [0, 1 + exact bonus]; `parts` holds what it consists of
    ("keyword", "semantic", "exact", ...). `snippet` is HTML, escaped by construction, in which only
    `<mark>` is markup. `duplicates` are articles that say the same and ranked lower.
    """

    id: str
    score: float
    anchor: str = ""
    heading: str = ""
    snippet: str = ""
    parts: Mapping[str, float] = field(default_factory=dict)
    duplicates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Results:
    """The answer to one query.

    `degraded` says why hybrid search could not answer, "" when nothing is missing. `confidence`
    estimates the probability that a hit answers the query; `answerable` tells whether it reaches
    the floor. `searched_for` is the text that was ranked, which differs from the query's when
    `corrected` or `shortened` (a long text was pasted) is true; `suggestion` is an alternative that
    is only offered. `languages` are those of the articles that the query may be in, without
    regions. `conditions` are those found in the text, as typed ("title:vpn -printer"), "" for none.
    `facets` maps "language" and
    "collection" to counts over all hits, before those two filters. `timings_ms` holds milliseconds
    by stage. `generation` and `commit` name the index used.
    """

    query: Query
    hits: tuple[Hit, ...]
    total: int
    mode: Mode
    degraded: str = ""
    confidence: float = 0.0
    answerable: bool = False
    searched_for: str = ""
    corrected: bool = False
    shortened: bool = False
    languages: frozenset[str] = frozenset()
    suggestion: str = ""
    conditions: str = ""
    facets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    generation: str = ""
    commit: str = ""
