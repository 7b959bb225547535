"""The live library in this process, always of the generation that answers searches.

A new generation is noticed by one look at a file's date. If it cannot be read, the previous library
keeps serving.
"""

from __future__ import annotations

import logging
import threading

from kb.access import LibraryGetter
from kb.content.library import Library
from search.engine import Engine
from search.errors import SearchError

log = logging.getLogger(__name__)


def at_hand(library: LibraryGetter) -> Library:
    """Return the live library, or an empty one while the index is being repaired. For pages that
    mention articles only in passing, as the ticket form does.
    """
    try:
        return library()
    except SearchError:
        return Library(commit="")


class LiveLibrary:
    """Call it for the library; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._held: tuple[str, Library] | None = None

    def __call__(self) -> Library:
        """Return the live library, or the last one read while the index is being repaired.
        SearchError when this process has read none yet.
        """
        held = self._held
        try:
            live = self._engine.generation
        except SearchError:
            if held is None:
                raise
            return held[1]
        if held is not None and held[0] == live.id:
            return held[1]
        with self._lock:
            return self._load()

    def _load(self) -> Library:
        live, held = self._engine.generation, self._held
        if held is not None and held[0] == live.id:
            return held[1]
        try:
            library = Library.load(live.read)
        except (OSError, SearchError, ValueError, KeyError, TypeError) as problem:
            if held is None and isinstance(problem, SearchError):
                raise
            if held is None:
                raise SearchError("The articles of the index cannot be read.") from problem
            log.exception("the library of generation %s cannot be read", live.id)
            return held[1]  # and try again at the next call
        self._held = (live.id, library)
        return library
