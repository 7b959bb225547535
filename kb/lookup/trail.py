"""The path that led to a ticket: what was searched, what came, what was read.

Promises a JSON-able account of the visitor's episode so far, in redacted words, that an agent can
take in at a glance. A database that is away gives an empty trail, never an error. Knows no page.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from kb.db import Database
from kb.insight import episodes as rules
from kb.insight.facts import Episode, Search
from kb.insight.failures import failures
from kb.lookup import store
from kb.lookup.events import Event, EventKind
from kb.lookup.live import LibraryGetter
from kb.lookup.recording import DATABASE_FAULTS

log = logging.getLogger(__name__)

TOP = 3
MOST_SEARCHES = 20
LOOK_BACK = timedelta(hours=24)
_WINDOW = timedelta(hours=24)


class Trails:
    """Tells trails; `gap` is the silence that ends an episode."""

    def __init__(self, db: Database, library: LibraryGetter, *, gap: timedelta) -> None:
        self._db = db
        self._library = library
        self._gap = gap

    def trail(self, visitor: str, search_id: str | None, now: datetime) -> dict[str, Any]:
        """Return the episode that holds the search, else the visitor's current one.

        Keys: started_at, ended_at (ISO 8601), searches (at, words, language, hits, top (slug,
        title), answerable, failure), articles (slug, title, seconds or null, vote, solved). Empty
        lists when nothing is known.
        """
        try:
            events = self._events(visitor, search_id, now)
        except DATABASE_FAULTS as problem:
            log.warning("No trail for a ticket: %s", problem)
            events = ()
        episode = _wanted(rules.episodes(events, self._gap), search_id)
        return describe(episode, self._titles(episode)) if episode else dict(_NOTHING)

    def _events(self, visitor: str, search_id: str | None, now: datetime) -> tuple[Event, ...]:
        """Return the events to look at; a search may have been another pseudonym's."""
        owner = store.search_visitor(self._db, search_id) if search_id else None
        return store.of_visitor(self._db, owner or visitor, now - LOOK_BACK)

    def _titles(self, episode: Episode) -> Mapping[str, str]:
        """Return the titles of the live articles that the episode mentions."""
        library = self._library()
        slugs = {event.article for event in episode.events if event.article}
        slugs |= {slug for event in episode.of(EventKind.SEARCH) for slug in _top(event)}
        found = {slug: library.get(slug) for slug in slugs}
        return {slug: article.title for slug, article in found.items() if article is not None}


_NOTHING: dict[str, Any] = {"started_at": None, "ended_at": None, "searches": [], "articles": []}


def _wanted(found: Iterable[Episode], search_id: str | None) -> Episode | None:
    """Return the episode with the search, else the last one."""
    episodes = list(found)
    holding = [e for e in episodes if search_id and any(x.id == search_id for x in e.events)]
    best = holding or episodes
    return best[-1] if best else None


def describe(episode: Episode, titles: Mapping[str, str]) -> dict[str, Any]:
    """Return the episode as a ticket carries it; its searches are judged as if it had ended."""
    found = rules.searches(episode)
    why = failures(episode, (), ended=True, window=_WINDOW)
    forms = {event.id: event for event in episode.of(EventKind.SEARCH)}
    return {
        "started_at": episode.started_at.isoformat(),
        "ended_at": episode.ended_at.isoformat(),
        "searches": [
            _search(search, forms[search.ids[-1]], why.get(search.id, ""), titles)
            for search in found[-MOST_SEARCHES:]
        ],
        "articles": _articles(episode, titles),
    }


def _search(search: Search, form: Event, why: str, titles: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": search.id,
        "at": search.at.isoformat(),
        "words": search.words,
        "language": search.language,
        "hits": search.total,
        "answerable": search.answerable,
        "failure": str(why),
        "top": [{"slug": slug, "title": titles.get(slug, slug)} for slug in _top(form)],
    }


def _top(search: Event) -> list[str]:
    return [str(slug) for slug, _ in search.data.get("hits", [])[:TOP]]


def _articles(episode: Episode, titles: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the articles opened, each once, with the longest time seen on it."""
    votes = rules.votes(episode)
    solved = {event.article for event in episode.of(EventKind.SOLVED)}
    rows: dict[str, dict[str, Any]] = {}
    for reading in rules.readings(episode):
        row = rows.setdefault(reading.article, {"seconds": None})
        seconds = [s for s in (row["seconds"], reading.seconds) if s is not None]
        vote = votes.get(reading.article)
        row |= {
            "slug": reading.article,
            "title": titles.get(reading.article, reading.article),
            "seconds": max(seconds, default=None),
            "vote": "" if vote is None else ("helpful" if rules.is_helpful(vote) else "unhelpful"),
            "solved": reading.article in solved,
        }
    return list(rows.values())
