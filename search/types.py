"""The values that enter and leave the search engine: documents, queries, hits and results.

All are frozen. The engine knows no users: a caller says which audiences may be seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


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
    text). `shape` says what each line of the text is (see `search.text.shape`), "" when all are
    paragraphs.
    """

    anchor: str
    path: tuple[str, ...]
    text: str
    shape: str = ""

    @property
    def heading(self) -> str:
        """The section's own heading, "" for the lead text."""
        return self.path[-1] if self.path else ""

    def to_row(self) -> list[Any]:
        """Return the section as a JSON-able list; plain ones are as before there were shapes."""
        row = [self.anchor, self.path, self.text]
        return [*row, self.shape] if self.shape else row

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Section:
        """Return the section that `to_row` wrote, in this version or one without shapes."""
        anchor, path, text, *shape = row
        return cls(anchor, tuple(path), text, *shape)


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
class SnippetBlock:
    """A part of a snippet that keeps its shape. `kind` is "text", "steps", "points", "row" or
    "code"; `lines` are sentences, steps, points, the cells of one row or lines of code, as HTML in
    which only `<mark>` is markup. `start` is the number of the first step, `heads` hold the heading
    of each cell ("" for none), `indents` the spaces before each line of code.
    """

    kind: str
    lines: tuple[str, ...]
    start: int = 0
    heads: tuple[str, ...] = ()
    indents: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """One article that answers, with the section that answers best.

    `score` is the fused score in [0, 1 + exact bonus]; `parts` holds what it consists of
    ("keyword", "semantic", "exact", ...). `snippet` is HTML on one line, escaped by construction,
    in which only `<mark>` is markup; `blocks` are the same words in the shape that they have in the
    article. `duplicates` are articles that say the same and ranked lower.
    """

    id: str
    score: float
    anchor: str = ""
    heading: str = ""
    snippet: str = ""
    blocks: tuple[SnippetBlock, ...] = ()
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
