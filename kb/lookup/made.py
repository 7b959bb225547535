"""What a generation was made of, and what is live.

Promises the small facts kept beside a library: its recipe, until when it is right, which commits
it holds, whom its problems concern. Knows neither how one is built nor who asks.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime
from pathlib import Path
from typing import Any

from kb.config import Settings
from kb.content import mirror
from kb.content.library import Library
from kb.content.rendering import RECIPE
from kb.content.schedule import next_change
from kb.content.source import Source, open_source
from kb.lookup.notices import Notice, notices
from search import generation
from search.building import recipe
from search.errors import SearchError
from search.opened import Generation

log = logging.getLogger(__name__)

RECIPE_FILE, SCHEDULE, LINEAGE, NOTICES = (
    "recipe.json", "schedule.json", "lineage.json", "notices.json",
)  # fmt: skip
FORMAT = 2  # raise it when a library is to be made anew although no article has changed
ANCESTORS = 500  # commits that a generation is known to hold; CI asks soon after its push


def place_of_articles(settings: Settings) -> Path:
    """Return where the articles are read: the mirror of a remote, or what is here."""
    return settings.mirror if settings.articles_remote else settings.articles


def open_articles(settings: Settings, ref: str = "") -> Source:
    """Return the articles that the settings name, at `ref` or the commit to be published."""
    if not settings.articles_remote:
        return open_source(settings.articles, ref or settings.articles_ref)
    shown = mirror.HEAD if settings.articles_ref == "HEAD" else settings.articles_ref
    return open_source(settings.mirror, ref or shown)


def current(root: Path) -> Generation | None:
    """Return what is live, None where nothing is or it cannot be read."""
    try:
        return generation.open_current(root)
    except SearchError:
        return None


def library_of(live: Generation | None) -> Library | None:
    """Return the library of a generation, None where it cannot be read."""
    try:
        return Library.load(live.read) if live else None
    except (OSError, SearchError, ValueError, KeyError, TypeError):
        log.warning("the library of generation %s cannot be read", live.id if live else "")
        return None


def recipe_of(settings: Settings, source: Source) -> bytes:
    """Return what decides a generation's content: the files, and how they are read."""
    read = [RECIPE, recipe(), settings.language, settings.semantic, settings.model, FORMAT]
    return json.dumps([source.content, *read]).encode()


def made_of(live: Generation) -> bytes:
    """Return the recipe of a generation, empty when it is unknown."""
    try:
        return live.read(RECIPE_FILE)
    except (OSError, SearchError):
        return b""


def content_of(live: Generation) -> str:
    """Return the name of the articles that a generation was made of, "" when unknown."""
    found = json.loads(made_of(live) or b'[""]')
    return str(found[0])


def is_due(live: Generation, now: datetime) -> bool:
    """Return whether an article of this generation should have appeared or gone by now."""
    until = _fact(live, SCHEDULE, "")
    return bool(until) and datetime.fromisoformat(until) <= now


def lineage_of(live: Generation | None) -> frozenset[str]:
    """Return the newest commits that a generation holds; nothing when that is unknown."""
    return frozenset(_fact(live, LINEAGE, [])) if live else frozenset()


def notices_of(live: Generation | None) -> tuple[Notice, ...]:
    """Return whom a generation's problems concern."""
    return tuple(Notice(**row) for row in _fact(live, NOTICES, [])) if live else ()


def _fact(live: Generation, name: str, otherwise: Any) -> Any:
    """Return one of the small facts; a generation made before there were any has none."""
    try:
        return json.loads(live.read(name))
    except (OSError, SearchError):
        return otherwise


def facts(
    source: Source, library: Library, *, before: Generation | None, now: datetime
) -> dict[str, bytes]:
    """Return the files of the small facts of a generation to be built."""
    until, lineage = next_change(library.articles.values(), now), source.lineage(ANCESTORS)
    told = notices(
        source,
        library.problems,
        known=lineage_of(before),
        fresh=lineage,
        before=notices_of(before),
    )
    found: dict[str, Any] = {
        SCHEDULE: until.isoformat() if until else "",
        LINEAGE: lineage,
        NOTICES: [notice.to_row() for notice in told],
    }
    return {name: json.dumps(each).encode() for name, each in found.items()}
