"""From a commit of articles to what readers find: library and index as one generation.

Promises that readers get a whole commit or the one before, that nothing is done when nothing
changed, and that a model which cannot be used costs meaning, not the site. Knows no page.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kb.config import Settings
from kb.content.library import Library
from kb.content.problem import Problem
from kb.content.publish import build_library
from kb.content.rendering import RECIPE
from kb.content.source import Source, open_source
from search import generation
from search.building import recipe
from search.encoder import Encoder
from search.errors import SearchError
from search.opened import Generation
from search.prepare import prepare
from search.runtime import open_runtime

log = logging.getLogger(__name__)

RECIPE_FILE = "recipe.json"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Published:
    """What is live after a publish; `changed` is False when it was live already."""

    generation: str
    commit: str
    articles: int
    problems: tuple[Problem, ...]
    degraded: str
    changed: bool


def model_path(settings: Settings) -> Path | None:
    """Return the folder of the chosen model, None for the bundled one."""
    return Path(settings.model).expanduser() if settings.model else None


def open_encoder(settings: Settings) -> Encoder:
    """Return the light runtime for queries; SearchError when it is missing or torn."""
    return open_runtime(settings.data / "model", model_path(settings))


def publish(settings: Settings, *, progress: Progress, retry: bool = False) -> Published:
    """Make the articles' present commit live and return what is.

    `retry` builds again a generation that had to do without the model. Raises ContentError when
    the articles cannot be read and SearchError when the index folder cannot be written.
    """
    source = open_source(settings.articles, settings.articles_ref)
    before = _current(settings.generations)
    if before and _same(before, source, settings) and not (retry and before.manifest.degraded):
        return _described(before, changed=False)
    return _described(_build(settings, source, before, progress), changed=True)


def _current(root: Path) -> Generation | None:
    try:
        return generation.open_current(root)
    except SearchError:
        return None


def _recipe(settings: Settings, source: Source) -> bytes:
    """Return what decides a generation's content: the files, and how they are read."""
    facts = [source.content, RECIPE, recipe(), settings.language, settings.semantic, settings.model]
    return json.dumps(facts).encode()


def _same(before: Generation, source: Source, settings: Settings) -> bool:
    try:
        return before.read(RECIPE_FILE) == _recipe(settings, source)
    except (OSError, SearchError):
        return False


def _build(
    settings: Settings, source: Source, before: Generation | None, progress: Progress
) -> Generation:
    library = build_library(
        source,
        previous=_library(before),
        progress=progress,
        default_language=settings.language,
    )
    encoder, degraded = _prepared(settings, progress)
    return generation.build(
        [a.to_document() for a in library.articles.values() if a.status == "published"],
        settings.generations,
        commit=source.commit,
        encoder=encoder,
        degraded=degraded,
        synonyms=library.synonyms,
        extra_files=library.dump() | {RECIPE_FILE: _recipe(settings, source)},
        progress=progress,
    )


def _library(before: Generation | None) -> Library | None:
    """Return the library of a generation, for what did not change since."""
    try:
        return Library.load(before.read) if before else None
    except (OSError, SearchError, ValueError, KeyError, TypeError):
        log.warning("the library before cannot be read: every article is rendered anew")
        return None


def _prepared(settings: Settings, progress: Progress) -> tuple[Encoder | None, str]:
    """Return the encoder, or None and the reason why there is none."""
    if not settings.semantic:
        return None, "Search by meaning is switched off (setting semantic)."
    try:
        prepare(settings.data / "model", model_path(settings), progress=progress)
        return open_encoder(settings), ""
    except SearchError as problem:
        log.warning("%s", problem)
        return None, str(problem)


def _described(live: Generation, *, changed: bool) -> Published:
    library = _library(live)
    return Published(
        generation=live.id,
        commit=live.commit,
        articles=live.manifest.documents,
        problems=library.problems if library else (),
        degraded=live.manifest.degraded,
        changed=changed,
    )
