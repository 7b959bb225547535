"""Made-up readers' searches, answered by the real engine.

Promises that what the record keeps of a search is what the engine found at that state of the
articles; the same words of the same kind of reader are asked once a state. Records nothing.
"""

from __future__ import annotations

from datetime import datetime

from kb.accounts.roles import Role, Viewer
from kb.demonstration.readers import Shown
from kb.searches.service import SearchService
from kb.tracking.events import Event
from kb.tracking.recorder import Unrecorded
from search.types import Query

HITS = 10


class Kept(Unrecorded):
    """A recorder that keeps the last event in memory and none on disk."""

    last: Event | None = None

    def record(self, *events: Event) -> bool:
        """Hold the event; nothing is written."""
        self.last = events[-1]
        return True


class Searching:
    """Searches on behalf of readers who do not exist."""

    def __init__(self, asker: SearchService, kept: Kept, now: datetime) -> None:
        self._asker, self._kept, self._now = asker, kept, now
        self._known: dict[tuple[str, str, bool], Shown] = {}

    def __call__(self, words: str, language: str, signed_in: bool) -> Shown:
        """Return what these words show now."""
        key = (words, language, signed_in)
        if key not in self._known:
            self._known[key] = self._asked(words, language, signed_in)
        return self._known[key]

    def forget(self) -> None:
        """Ask everything anew from now on: other articles are live."""
        self._known.clear()

    def _asked(self, words: str, language: str, signed_in: bool) -> Shown:
        viewer = Viewer("", Role.READER if signed_in else Role.ANONYMOUS)
        query = Query(text=words, prefer_language=language, limit=HITS)
        answer = self._asker.ask(viewer, query, surface="page", now=self._now)
        event = self._kept.last
        assert event is not None
        collection = next((article.collection for _, article in answer.hits), "")
        data = dict(event.data) | {"collection": collection}
        slugs = tuple(hit.id for hit, _ in answer.hits)
        return Shown(slugs, answer.results.answerable, data)
