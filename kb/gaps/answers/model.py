"""The values of answers to failed searches; all are frozen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class GapAnswer:
    """The article that answers a search, and the commit that brought it."""

    article: str
    commit: str


@dataclass(frozen=True, slots=True)
class AnsweredSearch:
    """A failed search that an article answers."""

    search_id: str
    visitor: str
    words: str
    words_key: str
    at: datetime
    answered_at: datetime
    commit: str
    article: str


@dataclass(frozen=True, slots=True)
class SearchOfGap:
    """A failed search of a gap; `commit` and `article` are "" where nothing answers it."""

    visitor: str
    at: datetime
    commit: str
    article: str
