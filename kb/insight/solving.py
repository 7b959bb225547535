"""Queries that people made and solved: what may be offered to others while they type.

Promises wordings that `k` distinct visitors made, each of whom then said that the same article
solved it or helped. Pure; knows no database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from kb.insight.episodes import approvals, episodes
from kb.insight.facts import Episode
from kb.tracking.events import TYPED, Event, EventKind
from kb.tracking.query_text import favourite

MOST = 1000  # queries offered, those of most people
LONGEST = 100  # characters; longer words are a letter and no query
_REDACTED = re.compile(r"\[[a-z]+\]")


@dataclass(frozen=True, slots=True)
class Use:
    """One visitor's query and the article that they said answered it; `words` None: forgotten."""

    words_key: str
    article: str
    words: str | None
    visitor: str


@dataclass(frozen=True, slots=True)
class SolvedQuery:
    """A query in the wording that most used, and an article that solved it for `people`."""

    words: str
    article: str
    people: int


def uses(events: Iterable[Event], gap: timedelta) -> tuple[Use, ...]:
    """Return the solved queries in the events of any visitors, a visitor's repeats included.

    "Solved" and a last vote that is helpful speak of the search that they name, else of the last
    one before them in the episode. Searches still being typed are none; nor is what `episodes`
    leaves out.
    """
    found = episodes(events, gap)
    searches = {e.id: e for one in found for e in one.of(EventKind.SEARCH)}
    return tuple(
        Use(search.words_key, said.article, search.words, said.visitor)
        for one in found
        for said in approvals(one)
        if (search := searches.get(said.search_id or "") or _before(one, said.at))
        and said.article
        and search.words_key
        and search.visitor == said.visitor
        and search.surface not in TYPED
    )


def _before(episode: Episode, at: datetime) -> Event | None:
    earlier = [search for search in episode.of(EventKind.SEARCH) if search.at <= at]
    return earlier[-1] if earlier else None


def solved_queries(found: Iterable[Use], k: int) -> tuple[SolvedQuery, ...]:
    """Return the queries that `k` or more distinct visitors solved by one article, most first.

    Those with something redacted in them, and those longer than LONGEST, are left out.
    """
    groups: dict[tuple[str, str], list[Use]] = {}
    for use in found:
        groups.setdefault((use.words_key, use.article), []).append(use)
    offered = sorted(_common(groups, k), key=lambda q: (-q.people, q.words, q.article))
    return tuple(offered[:MOST])


def _common(groups: dict[tuple[str, str], list[Use]], k: int) -> Iterator[SolvedQuery]:
    for (_, article), made in groups.items():
        people = len({use.visitor for use in made})
        words = favourite((use.words, use.visitor) for use in made)
        if people >= k and 0 < len(words) <= LONGEST and not _REDACTED.search(words):
            yield SolvedQuery(words, article, people)
