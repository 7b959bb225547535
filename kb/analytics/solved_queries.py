"""Queries that solved a need, offered to others while they type.

A wording is offered only if `k` distinct visitors searched for it and then said that the same
article solved their need or helped. The worker writes the offers to a small file; web processes
read it again when it has changed, so that no request reads the event log. A missing or damaged file
offers nothing until the next round writes it.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from kb.analytics import store
from kb.analytics.episodes import approvals, episodes
from kb.analytics.model import Episode
from kb.database import Database
from kb.tracking.events import TYPED, Event, EventKind
from kb.tracking.query_text import favourite
from search.suggest.suggester import Queries

# -- Finding solved queries in events --


MOST = 1000  # queries offered, those with most people
LONGEST = 100  # characters; longer text is a message, not a query
_REDACTED = re.compile(r"\[[a-z]+\]")


@dataclass(frozen=True, slots=True)
class Use:
    """A visitor's query and the article that they said answered it; forgotten `words` are None."""

    words_key: str
    article: str
    words: str | None
    visitor: str


@dataclass(frozen=True, slots=True)
class SolvedQuery:
    """A query in its most frequent wording, and the article that solved it for `people`."""

    words: str
    article: str
    people: int


def uses(events: Iterable[Event], gap: timedelta) -> tuple[Use, ...]:
    """Return the solved queries in the events of any visitors, a visitor's repeats included.

    "Solved" events and final helpful votes belong to the search that they name, else to the last
    search before them in the episode. Searches made while typing are ignored, and so are events
    that `episodes` leaves out.
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
    """Return the queries that one article solved for `k` or more visitors, most visitors first.

    Queries with redacted parts and those longer than LONGEST are left out.
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


# -- The file of solved queries --


log = logging.getLogger(__name__)

BATCH = 400  # visitors whose events are in memory at once


class SolvedSettings(Protocol):
    """The settings that decide which queries may be offered."""

    @property
    def episode_gap(self) -> timedelta:
        """Silence that ends an episode."""
        ...

    @property
    def retention(self) -> timedelta:
        """How long words are kept."""
        ...

    @property
    def k_anonymity(self) -> int:
        """People needed before their words are shown."""
        ...


def solved(db: Database, settings: SolvedSettings, now: datetime) -> tuple[SolvedQuery, ...]:
    """Return the queries of the retention period that may be offered, most people first."""
    since = now - settings.retention
    found: list[Use] = []
    with db.read() as connection:
        visitors = store.approving(connection, since)
    for start in range(0, len(visitors), BATCH):
        some = visitors[start : start + BATCH]
        with db.read() as connection:
            events = store.events_of(connection, some, dict.fromkeys(some, since))
        found += uses(events, settings.episode_gap)
    return solved_queries(found, settings.k_anonymity)


def refresh(db: Database, settings: SolvedSettings, now: datetime, *, file: Path) -> int:
    """Replace the file atomically by what may be offered now; return how many.

    Raises OSError when writing fails.
    """
    offered = solved(db, settings, now)
    rows = [[query.words, query.article] for query in offered]
    held = {"queries": rows, "people": [query.people for query in offered]}
    text = json.dumps(held, ensure_ascii=False, indent=0)
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, file)
    return len(offered)


class SolvedQueries:
    """The queries to offer, read from the file by calling it. Safe to share between threads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._held: tuple[tuple[int, int] | None, Queries] = (None, Queries())

    def __call__(self) -> Queries:
        """Return the queries in the file, which is read again only if it has changed."""
        stamp, held = _stamp(self._file), self._held
        if stamp != held[0]:
            held = self._held = (stamp, self._read())
        return held[1]

    def _read(self) -> Queries:
        try:
            held = json.loads(self._file.read_text(encoding="utf-8"))
            pairs = [(str(words), str(article)) for words, article in held["queries"]]
            people = held.get("people")  # files of before have none
            return Queries(pairs, None if people is None else [int(count) for count in people])
        except FileNotFoundError:
            return Queries()
        except (OSError, ValueError, KeyError, TypeError):
            log.exception("the solved queries cannot be read; none are offered")
            return Queries()


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
