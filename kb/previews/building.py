"""A branch's articles and their index, beside the live ones, brought up whenever the branch moves.

Promises that nothing of it touches what is live, that a branch which cannot be read says why and
keeps what it showed, and that what nobody previews any more leaves the disk. Knows no page.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from kb.config.settings import Settings
from kb.content.build import Progress, build_library
from kb.content.sources.source import Source
from kb.errors import ContentError, ProductError
from kb.lookup.made import RECIPE_FILE, current, library_of, made_of, open_articles, recipe_of, seed
from kb.lookup.publish import prepared_encoder
from kb.lookup.standing import alone
from kb.previews.store import Preview
from search import generation
from search.errors import SearchError

log = logging.getLogger(__name__)

COMMIT, TROUBLE = "commit.txt", "trouble.txt"


@dataclass(frozen=True, slots=True)
class Shown:
    """What this machine has of a preview: the commit shown ("" as yet) and what is wrong."""

    commit: str
    trouble: str


def folder(settings: Settings) -> Path:
    """Return the folder of all previews of this machine."""
    return settings.data / "previews"


def root_of(settings: Settings, preview_id: str) -> Path:
    """Return the folder of one preview's generations."""
    return folder(settings) / preview_id


def chosen(settings: Settings, branch: str) -> Settings:
    """Return the settings with that branch in place of what is published.

    ContentError when it names a repository that the settings do not.
    """
    name, colon, ref = branch.partition(":")
    if not colon:
        return replace(settings, articles_ref=branch)
    if name not in {one.name for one in settings.repositories}:
        raise ContentError(
            f"There is no repository {name[:60]} for the branch {branch[:80]}.",
            "Name one of the setting repositories before the colon, or only a branch.",
        )
    others = (replace(o, ref=ref) if o.name == name else o for o in settings.repositories)
    return replace(settings, repositories=tuple(others))


def refresh(
    settings: Settings, previews: Collection[Preview], *, progress: Progress, now: datetime
) -> None:
    """Bring every preview up to its branch; remove those that are no more."""
    for preview in previews:
        keep_up(settings, preview, progress=progress, now=now)
    kept = {preview.id for preview in previews}
    for place in folder(settings).glob("*"):
        if place.name not in kept:
            shutil.rmtree(place, ignore_errors=True)


def keep_up(settings: Settings, preview: Preview, *, progress: Progress, now: datetime) -> Shown:
    """Return what is shown of the branch, after building what is new in it."""
    root = root_of(settings, preview.id)
    root.mkdir(parents=True, exist_ok=True)
    with alone(root):
        trouble = ""
        try:
            source = open_articles(chosen(settings, preview.branch))
            try:
                changed = source.changed_since(_published(settings))
                _build(settings, root, source, changed, progress=progress, now=now)
            finally:
                source.close()
        except (ProductError, SearchError) as problem:
            trouble = str(problem)
            log.warning("the preview of %s was not brought up: %s", preview.branch, trouble)
        _note(root / TROUBLE, trouble)
    return shown(settings, preview)


def shown(settings: Settings, preview: Preview) -> Shown:
    """Return what this machine has of a preview now."""
    root = root_of(settings, preview.id)
    return Shown(_noted(root / COMMIT), _noted(root / TROUBLE))


def _noted(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError:
        return ""


def _note(file: Path, text: str) -> None:
    if _noted(file) != text:
        file.write_text(text, "utf-8")


def _published(settings: Settings) -> str:
    """Return the commit that the settings publish, whatever is live at this moment."""
    source = open_articles(settings)
    source.close()
    return source.commit


def _build(
    settings: Settings,
    root: Path,
    source: Source,
    changed: Collection[str],
    *,
    progress: Progress,
    now: datetime,
) -> None:
    """Build the branch, with the drafts among the files that it changed and no others: a link is
    given to people who review the branch, not all that is unfinished.
    """
    recipe = json.dumps([*json.loads(recipe_of(settings, source)), sorted(changed)]).encode()
    held = current(root)
    done = held is not None and held.commit == source.commit == _noted(root / COMMIT)
    if held is not None and done and made_of(held) == recipe:
        return
    seed(root, settings.generations)
    library = build_library(
        source,
        previous=library_of(current(root)),
        progress=progress,
        default_language=settings.language,
        now=now,
        drafts=changed,
    )
    encoder, degraded = prepared_encoder(settings, progress)
    generation.build(
        [a.to_document() for a in library.articles.values() if a.status == "published"],
        root,
        commit=source.commit,
        encoder=encoder,
        degraded=degraded,
        synonyms=library.synonyms,
        extra_files=library.dump() | {RECIPE_FILE: recipe},
        progress=progress,
        keep=2,
    )
    _note(root / COMMIT, source.commit)
