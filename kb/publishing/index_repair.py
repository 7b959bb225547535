"""Watches the index and the model while the site serves, and rebuilds what is damaged.

The index is rebuilt from the articles of its own commit, the model from its package; neither needs
the network. What is being repaired is noted in the data folder, for `/readyz`.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kb.config.settings import Settings
from kb.errors import ProductError
from kb.publishing.publisher import OFF, model_path, multilingual_path, rebuild_index
from search.engine import Engine
from search.errors import SearchError
from search.index import generation, watching
from search.prepare import prepare
from search.semantic.encoder import model_folder, silent
from search.semantic.runtime import check, check_multilingual

log = logging.getLogger(__name__)

FILE = "repairs.json"
LOOK_S = 1.0
READ_EVERY = timedelta(hours=1)  # all files are read, to find damage that dates do not show
AGAIN_S, SELDOM_S = 10.0, 600.0  # first and longest pause after a failed repair; doubled each time


def repairs(data: Path) -> dict[str, str]:
    """Return what is being repaired ("index", "model") and why; empty while nothing is damaged."""
    try:
        held = json.loads((data / FILE).read_text("utf-8"))
        return {str(name): str(why) for name, why in held.items()}
    except (OSError, ValueError, AttributeError):
        return {}


class _Part:
    """One watched part: `trouble` returns what is wrong with it, `repair` rebuilds it."""

    def __init__(self, name: str, trouble: Callable[[], str], repair: Callable[[], None]) -> None:
        self.name, self.wrong = name, ""
        self._trouble, self._repair = trouble, repair
        self._failed = ""
        self._next, self._pause = 0.0, AGAIN_S

    def look(self, noted: Callable[[], None]) -> None:
        """Check the part, and repair it if it is damaged and due; call `noted` on each change."""
        self.wrong = self._trouble()
        if not self.wrong:
            self._next, self._pause = 0.0, AGAIN_S
            return noted()
        noted()
        if time.monotonic() < self._next:
            return None
        log.warning("the %s is repaired: %s", self.name, self.wrong)
        try:
            self._repair()
            failed = ""
        except (ProductError, SearchError, OSError) as problem:
            failed = str(problem)
        if failed and failed != self._failed:
            log.error("the %s could not be repaired: %s", self.name, failed)
        self._failed = failed
        self.wrong = self._trouble()
        if not self.wrong:
            log.warning("the %s is whole again", self.name)
            return noted()
        self._next = time.monotonic() + self._pause
        self._pause = min(SELDOM_S, 2 * self._pause)
        return None


class IndexRepair:
    """Watches and repairs the files in one data folder. For one thread."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings, self._engine = settings, engine
        self._now = datetime.min.replace(tzinfo=UTC)
        self._looked, self._served = 0.0, ""
        self._read_at: datetime | None = None
        self._model: dict[str, watching.Looks] = {}
        self._noted: dict[str, str] = {}
        self._parts = [_Part("index", self._index_trouble, self._mend_index)]
        if settings.semantic:
            self._parts.append(_Part("model", self._model_trouble, self._prepare_model))

    def look(self, now: datetime) -> None:
        """Check every part and repair what is damaged; at most once in LOOK_S."""
        if time.monotonic() - self._looked < LOOK_S:
            return
        self._now = now
        if self._read_at is None:  # opening the index just read all of it
            self._read_at = now
        elif now - self._read_at >= READ_EVERY:
            self._read_all()
            self._read_at = now
        for part in self._parts:
            part.look(self._note)
        self._looked = time.monotonic()

    def _note(self) -> None:
        """Write what is wrong to the file that the web processes read."""
        wrong = {part.name: part.wrong for part in self._parts if part.wrong}
        file = self._settings.data / FILE
        if wrong == self._noted and file.exists() == bool(wrong):
            return
        try:
            if wrong:
                fresh = file.with_name(f"{FILE}.new")
                fresh.write_text(json.dumps(wrong, ensure_ascii=False), "utf-8")
                os.replace(fresh, file)
            else:
                file.unlink(missing_ok=True)
            self._noted = wrong
        except OSError as problem:
            log.warning("%s cannot be written: %s", file, problem.strerror)

    def _read_all(self) -> None:
        """Read every file of the kept generations now, and of the model at the next look."""
        self._model = {}
        for one in generation.kept(self._settings.generations):
            generation.set_aside_if_damaged(self._settings.generations, one.id)

    def _index_trouble(self) -> str:
        try:
            damage = self._engine.damaged()
            self._served = self._engine.generation.commit
        except SearchError as problem:
            return problem.message
        named = generation.current(self._settings.generations)
        if not damage and not (named and (self._settings.generations / named).is_dir()):
            return "the pointer to what is live is lost"
        return damage

    def _mend_index(self) -> None:
        live = rebuild_index(self._settings, progress=silent, now=self._now, served=self._served)
        log.info("generation %s of %s is live", live.generation, live.commit)

    def _model_trouble(self) -> str:
        """Return why the model cannot be loaded; its files are read only if their dates changed."""
        seen = self._model_looks()
        if seen and seen == self._model:
            return ""
        try:
            check(self._settings.data / "model", model_path(self._settings))
            if self._needs_multilingual():
                check_multilingual(self._settings.data / "model", multilingual_path(self._settings))
        except (SearchError, OSError) as problem:
            return getattr(problem, "message", str(problem))
        self._model = seen
        return ""

    def _needs_multilingual(self) -> bool:
        if self._settings.multilingual_model == OFF:  # an index of before may still have it
            return False
        try:
            return bool(self._engine.generation.manifest.other_fingerprint)
        except SearchError:
            return False

    def _model_looks(self) -> dict[str, watching.Looks]:
        folders = [self._settings.data / "model"]
        try:
            folders.append(model_folder(model_path(self._settings)))
        except SearchError:
            return {}
        return {
            f"{folder}/{name}": looks
            for folder in folders
            for name, looks in watching.looks(folder).items()
        }

    def _prepare_model(self) -> None:
        prepare(self._settings.data / "model", model_path(self._settings), progress=silent)
        # What was built without it is built anew, which also prepares the multilingual one.
        rebuild_index(self._settings, progress=silent, now=self._now)
