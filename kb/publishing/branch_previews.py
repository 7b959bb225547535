"""Previews of branches before they are published, compared with what is live.

A preview never touches what is live. If its branch cannot be read, it says why and keeps what it
showed. The files of ended previews are deleted. The comparison names each article that is new,
changed, removed or still a draft once.
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
from kb.content.article import Article, ArticleStatus
from kb.content.build import Progress, build_library
from kb.content.library import Library
from kb.content.problem import Problem
from kb.content.sources.source import Source
from kb.errors import ContentError, ProductError
from kb.publishing.publisher import prepared_encoder
from kb.publishing.state import (
    RECIPE_FILE,
    current,
    library_of,
    made_of,
    open_articles,
    publish_lock,
    recipe_of,
    seed,
)
from kb.publishing.store import Preview
from search.errors import SearchError
from search.index import generation

# -- Comparing a branch with what is live --


SHOWN = ("title", "html", "summary", "language", "collection", "audience", "answers", "keywords")


@dataclass(frozen=True, slots=True)
class PreviewChange:
    """One changed article: `what` is "new", "changed" or "removed"; `draft` is whether publishing
    the branch would not show it, or not yet.
    """

    slug: str
    title: str
    what: str
    draft: bool = False


def differences(
    live: Library, branch: Library, audiences: Collection[str], now: datetime
) -> tuple[PreviewChange, ...]:
    """Return what readers of these audiences would find changed, by slug."""
    before, after = _open(live, audiences), _open(branch, audiences)
    found = [PreviewChange(slug, before[slug].title, "removed") for slug in before.keys() - after]
    for slug, article in after.items():
        old = before.get(slug)
        if old is None or any(getattr(old, name) != getattr(article, name) for name in SHOWN):
            what = "changed" if old else "new"
            found.append(PreviewChange(slug, article.title, what, is_draft(article, now)))
    return tuple(sorted(found, key=lambda each: each.slug))


def _open(library: Library, audiences: Collection[str]) -> dict[str, Article]:
    return {
        slug: article
        for slug, article in library.articles.items()
        if article.status is ArticleStatus.PUBLISHED and article.audience.value in audiences
    }


def is_draft(article: Article, now: datetime) -> bool:
    """Return whether a branch shows an article that publishing it would not show, or not yet."""
    begins = article.publish_at
    return article.wanted is ArticleStatus.DRAFT or (begins is not None and begins > now)


def new_problems(live: Library, branch: Library) -> tuple[Problem, ...]:
    """Return the problems of the branch that are not live ones too; refused articles come first."""
    known = {(problem.path, problem.code, problem.message) for problem in live.problems}
    found = (p for p in branch.problems if (p.path, p.code, p.message) not in known)
    return tuple(sorted(found, key=lambda each: (not each.refused, each.path)))


# -- Building previews --


log = logging.getLogger(__name__)

COMMIT, TROUBLE = "commit.txt", "trouble.txt"


@dataclass(frozen=True, slots=True)
class ShownCommit:
    """The state of a preview on this machine: the commit shown ("" if none yet) and any trouble."""

    commit: str
    trouble: str


def folder(settings: Settings) -> Path:
    """Return the folder of all previews on this machine."""
    return settings.data / "previews"


def root_of(settings: Settings, preview_id: str) -> Path:
    """Return the folder of one preview's generations."""
    return folder(settings) / preview_id


def chosen(settings: Settings, branch: str) -> Settings:
    """Return the settings with that branch in place of the published one.

    ContentError when it names a repository that is not in the settings.
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
    """Bring every preview up to date with its branch; remove the files of ended ones."""
    for preview in previews:
        keep_up(settings, preview, progress=progress, now=now)
    kept = {preview.id for preview in previews}
    for place in folder(settings).glob("*"):
        if place.name not in kept:
            shutil.rmtree(place, ignore_errors=True)


def keep_up(
    settings: Settings, preview: Preview, *, progress: Progress, now: datetime
) -> ShownCommit:
    """Bring one preview up to date with its branch and return what it shows."""
    root = root_of(settings, preview.id)
    root.mkdir(parents=True, exist_ok=True)
    with publish_lock(root):
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


def shown(settings: Settings, preview: Preview) -> ShownCommit:
    """Return the current state of a preview on this machine."""
    root = root_of(settings, preview.id)
    return ShownCommit(_noted(root / COMMIT), _noted(root / TROUBLE))


def _noted(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError:
        return ""


def _note(file: Path, text: str) -> None:
    if _noted(file) != text:
        file.write_text(text, "utf-8")


def _published(settings: Settings) -> str:
    """Return the commit that the settings would publish, whatever is live now."""
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
    """Build the branch. Of drafts, only those that it changed are included: its reviewers get the
    link, and need not see everything unfinished.
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
    languages = frozenset(article.language for article in library.articles.values())
    encoder, degraded = prepared_encoder(settings, progress, languages)
    generation.build(
        [a.to_document() for a in library.articles.values() if a.status == "published"],
        root,
        commit=source.commit,
        encoder=encoder,
        degraded=degraded,
        synonyms=library.synonyms,
        names=library.names,
        extra_files=library.dump() | {RECIPE_FILE: recipe},
        progress=progress,
        keep=2,
    )
    _note(root / COMMIT, source.commit)
