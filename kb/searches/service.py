"""Answers a person's search with articles that they may read, and records the search.

No hit is shown that is removed, a draft or for another audience, and the total is corrected
accordingly. A search is answered whether or not it could be recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from kb.access import LibraryGetter, readable
from kb.accounts.roles import Viewer
from kb.content.article import Article
from kb.content.library import Library
from kb.redaction.redactor import Redactor, added
from kb.redaction.redactor import redact as redact_secrets
from kb.tracking import store as tracking_store
from kb.tracking.events import Event, EventKind, Surface, new_search_id
from kb.tracking.query_text import LONGEST_WORDS, bounded, words_key
from kb.tracking.recorder import Recorder
from search.engine import Engine
from search.types import Hit, Query, Results

HITS_KEPT = 10
SAME_SEARCH = timedelta(minutes=30)  # a further page requested later is a new search


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """The answer to a search: `hits` pairs each hit with its live article; `words` are as recorded.

    Clicks, votes and tickets refer to `search_id`. `recorded` is False while neither database nor
    spool takes searches. `redacted` counts by kind what was hidden in the words.
    """

    search_id: str
    results: Results
    hits: tuple[tuple[Hit, Article], ...]
    words: str
    recorded: bool = True
    redacted: Mapping[str, int] = field(default_factory=dict)


class SearchService:
    """Searches on behalf of a viewer."""

    def __init__(
        self,
        engine: Engine,
        library: LibraryGetter,
        recorder: Recorder,
        *,
        redact: Redactor = redact_secrets,
    ) -> None:
        self._engine = engine
        self._library = library
        self._recorder = recorder
        self._redact = redact

    def ask(self, viewer: Viewer, query: Query, *, surface: str, now: datetime) -> SearchAnswer:
        """Return the answer to `query` for this viewer; their own audiences always apply."""
        results = self._engine.search(replace(query, audiences=viewer.audiences))
        results, hits = self._live(results, viewer)
        words, redacted = storable_words(query.text, LONGEST_WORDS, self._redact)
        answer = SearchAnswer(new_search_id(now), results, hits, words, redacted=redacted)
        if earlier := self._earlier(viewer, words, query, now):
            return replace(answer, search_id=earlier)
        event = self._event(viewer, answer, Surface(surface), now)
        return replace(answer, recorded=self._recorder.record(event))

    def _live(
        self, results: Results, viewer: Viewer
    ) -> tuple[Results, tuple[tuple[Hit, Article], ...]]:
        """Return the results without the hits that this viewer may not see now."""
        library = self._library()
        found = [(hit, readable(library, hit.id, viewer)) for hit in results.hits]
        kept = tuple((hit, article) for hit, article in found if article is not None)
        dropped = len(found) - len(kept)
        if dropped:
            results = replace(
                results,
                hits=tuple(hit for hit, _ in kept),
                total=max(results.total - dropped, len(kept)),
                answerable=results.answerable and bool(kept),
            )
        return results, kept

    def _earlier(self, viewer: Viewer, words: str, query: Query, now: datetime) -> str | None:
        """Return the id of the search that this is a further page of, None for a new search."""
        if query.offset <= 0:
            return None
        key, since = words_key(words), now - SAME_SEARCH
        return self._recorder.look(
            lambda db: tracking_store.latest_search(db, viewer.visitor, key, since),
            visitor=viewer.visitor,
        )

    def _event(
        self, viewer: Viewer, answer: SearchAnswer, surface: Surface, now: datetime
    ) -> Event:
        return Event(
            id=answer.search_id,
            at=now,
            kind=EventKind.SEARCH,
            visitor=viewer.visitor,
            user_id=viewer.user_id or None,
            search_id=answer.search_id,
            words=answer.words,
            words_key=words_key(answer.words),
            left_out=viewer.left_out,
            data=_facts(answer, self._redact)
            | _asked(answer.results.query, self._library())
            | {
                "surface": surface.value,
                "device": viewer.device,
                "collection": _collection(answer, self._library()),
            }
            | redaction_facts(answer.redacted),
        )


def _asked(query: Query, library: Library) -> dict[str, Any]:
    """Return the language and the filters, limited to values that some article has: other text in
    the address can be anything and is not kept.
    """
    languages = _known(query.languages, library, "language")
    return {
        "language": query.prefer_language or next(iter(languages), ""),
        "filters": {
            "languages": languages,
            "collections": _known(query.collections, library, "collection"),
        },
    }


def _collection(answer: SearchAnswer, library: Library) -> str:
    """Return the only collection searched in, else that of the first hit, "" without hits."""
    if len(chosen := _known(answer.results.query.collections, library, "collection")) == 1:
        return chosen[0]
    return next((article.collection for _, article in answer.hits), "")


def _known(wanted: frozenset[str], library: Library, name: str) -> list[str]:
    """Return those of the wanted values that some article has."""
    return sorted(wanted & {getattr(each, name) for each in library.values()}) if wanted else []


def storable_words(text: str, limit: int, redact: Redactor) -> tuple[str, dict[str, int]]:
    """Return words as they may be stored, and how many things of each kind were hidden.

    They are redacted before they are shortened, so that no cut leaves half a secret.
    """
    redacted = redact.explained(bounded(text, 4 * limit))
    return bounded(redacted.text, limit), redacted.counts


def redaction_facts(*counts: Mapping[str, int]) -> dict[str, Any]:
    """Return redaction counts by kind as an event's data holds them; empty for none."""
    total = added(*counts)
    return {"redacted": total} if total else {}


def _facts(answer: SearchAnswer, redact: Redactor) -> dict[str, Any]:
    """Return what the event log keeps of the results: JSON-able, words redacted."""
    results, query = answer.results, answer.results.query
    as_typed = results.searched_for == query.text  # already redacted
    return {
        "mode": results.mode.value,
        "degraded": results.degraded,
        "hits": [[hit.id, round(hit.score, 4)] for hit in results.hits[:HITS_KEPT]],
        "total": results.total,
        "confidence": round(results.confidence, 4),
        "answerable": results.answerable,
        "ms": round(_elapsed(results), 1),
        "commit": results.commit,
        "searched_for": answer.words if as_typed else _kept(results.searched_for, redact),
        "suggestion": _kept(results.suggestion, redact),
        "page": query.offset // max(query.limit, 1) + 1,
    }


def _kept(text: str, redact: Redactor) -> str:
    return storable_words(text, LONGEST_WORDS, redact)[0] if text else ""


def _elapsed(results: Results) -> float:
    timings = results.timings_ms
    return timings["total"] if "total" in timings else sum(timings.values())
