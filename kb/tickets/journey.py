"""The journey before a ticket: what was searched, what was found, what was read.

It is the visitor's episode so far, JSON-able, in redacted words and short enough to take in at a
glance. A database that cannot be reached gives an empty journey, never an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from kb.access import LibraryGetter
from kb.analytics import episodes as analytics_episodes
from kb.analytics.failures import failures
from kb.analytics.model import Episode, Search
from kb.database import Database
from kb.publishing.live_library import at_hand
from kb.tracking import store as tracking_store
from kb.tracking.events import Event, EventKind
from kb.tracking.recorder import Recorder

TOP = 3
MOST_SEARCHES = 20
LOOK_BACK = timedelta(hours=24)
USUAL_GAP = timedelta(minutes=30)
_WINDOW = timedelta(hours=24)


def journey(
    recorder: Recorder,
    visitor: str,
    search_id: str | None,
    *,
    now: datetime,
    library: LibraryGetter | None = None,
    gap: timedelta = USUAL_GAP,
) -> dict[str, Any]:
    """Return the episode that holds the search, else the visitor's current one.

    Keys: started_at, ended_at (ISO 8601), searches (id, at, words, language, hits, answerable,
    failure, top: slug and title), articles (slug, title, seconds or null, vote, solved). Empty
    lists when nothing is known. `library` gives titles; without it a slug stands for its title.
    """
    recorder.flush()
    events = recorder.look(lambda db: _events(db, visitor, search_id, now)) or ()
    episode = _wanted(analytics_episodes.episodes(events, gap), search_id)
    if episode is None:
        return dict(_NOTHING)
    return describe(episode, _titles(episode, library) if library else {})


def _events(db: Database, visitor: str, search_id: str | None, now: datetime) -> tuple[Event, ...]:
    """Return the events to look at; a search may have been made under another pseudonym."""
    search = tracking_store.search_of(db, search_id) if search_id else None
    since = min(now, search.at) if search else now
    found = tracking_store.of_visitor(db, search.visitor if search else visitor, since - LOOK_BACK)
    return tuple(replace(event, left_out="") for event in found)  # also for an agent's own ticket


def _titles(episode: Episode, library: LibraryGetter) -> Mapping[str, str]:
    """Return the titles of the live articles that the episode mentions."""
    live = at_hand(library)
    slugs = {event.article for event in episode.events if event.article}
    slugs |= {slug for event in episode.of(EventKind.SEARCH) for slug in _top(event)}
    found = {slug: live.get(slug) for slug in slugs}
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
    found = analytics_episodes.searches(episode)
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
    votes = analytics_episodes.votes(episode)
    solved = {event.article for event in episode.of(EventKind.SOLVED)}
    rows: dict[str, dict[str, Any]] = {}
    for reading in analytics_episodes.readings(episode):
        row = rows.setdefault(reading.article, {"seconds": None})
        seconds = [s for s in (row["seconds"], reading.seconds) if s is not None]
        vote = votes.get(reading.article)
        row |= {
            "slug": reading.article,
            "title": titles.get(reading.article, reading.article),
            "seconds": max(seconds, default=None),
            "vote": ""
            if vote is None
            else ("helpful" if analytics_episodes.is_helpful(vote) else "unhelpful"),
            "solved": reading.article in solved,
        }
    return list(rows.values())
