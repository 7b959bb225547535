"""The preview's own index, kept up with the author's articles in the background.

Promises that a build never stands in the way of a page: it runs in a thread of its own, begins when
the files have been quiet for a moment, and one that fails is logged and tried at the next change.
Words are indexed first; meaning joins where the model was prepared before. Knows no page.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from kb.authoring.workspace import Progress, Workspace
from kb.content.library import Library
from kb.publishing.state import current, library_of
from search import generation
from search.encoder import Encoder, silent
from search.errors import SearchError

log = logging.getLogger(__name__)

QUIET_S = 0.4  # the page that shows a change is loaded first; both share one interpreter
UNPREPARED = "The model is not prepared; `kb publish` prepares it."


def indexed(root: Path) -> Library | None:
    """Return the articles of the index as it is, None without one."""
    return library_of(current(root))


class Indexer:
    """Builds the index in `root` of what `workspace` holds."""

    def __init__(self, workspace: Workspace, root: Path, encoder: Encoder | None) -> None:
        self._workspace, self._root, self._encoder = workspace, root, encoder
        self._held: tuple[object, ...] = ()  # what the last build was given
        self._wanted = threading.Event()
        self._thread = threading.Thread(target=self._keep_up, daemon=True, name="indexer")

    def begin(self, progress: Progress) -> None:
        """Index the articles now, by words at least, and keep up from here on."""
        found, encoder = current(self._root), self._encoder
        known = found.manifest.fingerprint if found else ""
        ready = encoder is not None and known == encoder.fingerprint
        self._build(encoder if ready else None, progress)
        self._thread.start()
        if encoder and not ready:
            self._wanted.set()

    def wake(self) -> None:
        """Say that the articles changed."""
        self._wanted.set()

    def _keep_up(self) -> None:
        while True:
            self._wanted.wait()
            while self._wanted.is_set():
                self._wanted.clear()
                self._wanted.wait(QUIET_S)
            try:
                self._build(self._encoder, silent)
            except SearchError as problem:
                log.warning("the index was not brought up to date: %s", problem)

    def _build(self, encoder: Encoder | None, progress: Progress) -> None:
        shown, read = self._workspace.to_index(), self._workspace.as_read()
        given = (shown.articles, shown.synonyms, encoder)
        if given == self._held:
            return
        generation.build(
            [article.to_document() for article in shown.articles.values()],
            self._root,
            commit=read.commit,
            encoder=encoder,
            degraded="" if encoder else UNPREPARED,
            synonyms=read.synonyms,
            extra_files=read.dump(),
            progress=progress,
        )
        self._held = given
        self._workspace.tell("index")
