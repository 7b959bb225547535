"""What a generation was made of, and what is live.

Promises the small facts kept beside a library: its recipe, until when it is right, which commits
it holds, whom its problems concern. Knows neither how one is built nor who asks.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from kb.config.repositories import Repository
from kb.config.settings import Settings
from kb.content.article import ArticleStatus
from kb.content.frontmatter.metadata import next_change
from kb.content.library import Library
from kb.content.paths import MOUNT, is_article, mount_of
from kb.content.rendering import RECIPE
from kb.content.sources import mirror
from kb.content.sources.combined import SeveralSources, parted
from kb.content.sources.git import GitSource, branches, find_repository
from kb.content.sources.source import Source, open_mirror, open_source
from kb.errors import ContentError
from kb.lookup.notices import Notice, notices
from search import generation
from search.building import recipe
from search.errors import SearchError
from search.mapping import shared
from search.opened import Generation
from search.remains import Remains

log = logging.getLogger(__name__)

Kept = Generation | Remains  # what holds a library, whole or what is left of it
RECIPE_FILE, SCHEDULE, LINEAGE, NOTICES, WITHHELD = (
    "recipe.json", "schedule.json", "lineage.json", "notices.json", "withheld.json",
)  # fmt: skip
FORMAT = 2  # raise it when a library is to be made anew although no article has changed
MOST_WITHHELD = 200  # articles whose commits are looked up; each is a question to Git
ANCESTORS = 500  # commits that a generation is known to hold; CI asks soon after its push


def open_articles(settings: Settings, state: str = "") -> Source:
    """Return the articles that the settings name, in that state or the one to be published.

    A further repository that was never fetched has no articles yet. ContentError names the
    repository that cannot be read.
    """
    commits = parted(state)
    own = _open_own(settings, commits.pop("", ""))
    others = {
        one.name: _open_other(settings, one, commits.get(one.name, ""))
        for one in settings.repositories
        if mirror.is_fetched(settings.mirror_of(one))
    }
    return SeveralSources(own, others) if others else own


def open_repository(settings: Settings, path: str, state: str) -> tuple[GitSource, str] | None:
    """Return the repository of the article's file at `path` in that state, and the file's path in
    it; None where it keeps no history.
    """
    mount, commits = mount_of(path), parted(state)
    name = mount.strip(f"{MOUNT}/")
    if commits.get(name, "folder-").startswith("folder-"):
        return None
    one = next((one for one in settings.repositories if one.name == name), None)
    if name and one is None:
        return None
    source = _open_other(settings, one, commits[name]) if one else _open_own(settings, commits[""])
    return (source, path.removeprefix(mount)) if isinstance(source, GitSource) else None


def branches_of(settings: Settings) -> tuple[str, ...]:
    """Return the branches that could be shown: of the articles, then "hr:draft" of others."""
    own = settings.mirror if settings.articles_remote else find_repository(settings.articles)
    found = list(branches(own)) if own and own.is_dir() else []
    for one in settings.repositories:
        if mirror.is_fetched(settings.mirror_of(one)):
            found += [f"{one.name}:{branch}" for branch in branches(settings.mirror_of(one))]
    return tuple(found)


def _open_own(settings: Settings, commit: str) -> Source:
    if not settings.articles_remote:
        return open_source(settings.articles, commit or settings.articles_ref)
    ref = commit or _ref(settings.articles_ref)
    return open_mirror(settings.mirror, ref, settings.articles_path.strip("/"))


def _open_other(settings: Settings, one: Repository, commit: str) -> Source:
    try:
        return open_mirror(settings.mirror_of(one), commit or _ref(one.ref), one.path)
    except ContentError as problem:
        message = f"The repository {one.name} cannot be read: {problem.message}"
        raise type(problem)(message, problem.hint) from None


def _ref(chosen: str) -> str:
    """Return the name in a mirror of the branch, tag or commit that a setting chooses."""
    return mirror.HEAD if chosen == "HEAD" else chosen


def current(root: Path) -> Generation | None:
    """Return what is live, None where nothing is or it cannot be read."""
    try:
        return generation.open_current(root)
    except SearchError:
        return None


def library_of(live: Kept | None) -> Library | None:
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


def lineage_of(live: Kept | None) -> frozenset[str]:
    """Return the newest commits that a generation holds; nothing when that is unknown."""
    return frozenset(_fact(live, LINEAGE, [])) if live else frozenset()


def withheld_of(live: Kept | None) -> frozenset[str]:
    """Return the commits of a generation that changed an article in a way readers do not get: it
    was refused, or its time has not come.
    """
    return frozenset(_fact(live, WITHHELD, [])) if live else frozenset()


def notices_of(live: Kept | None) -> tuple[Notice, ...]:
    """Return whom a generation's problems concern."""
    return tuple(Notice(**row) for row in _fact(live, NOTICES, [])) if live else ()


def _fact(live: Kept, name: str, otherwise: Any) -> Any:
    """Return one of the small facts; a generation made before there were any has none."""
    try:
        return json.loads(live.read(name))
    except (OSError, SearchError):
        return otherwise


def facts(
    source: Source, library: Library, *, before: Kept | None, now: datetime
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
        WITHHELD: sorted(set(_withheld(source, library)) & set(lineage)),
    }
    return {name: json.dumps(each).encode() for name, each in found.items()}


def _withheld(source: Source, library: Library) -> Iterator[str]:
    """Give the commits behind what readers do not get of the articles' files."""
    by_path = {article.path: article for article in library.articles.values()}
    refused = {each.path for each in library.problems if each.refused and is_article(each.path)}
    early = {
        path
        for path, article in by_path.items()
        if article.status is ArticleStatus.DRAFT and article.wanted is ArticleStatus.PUBLISHED
    }
    for path in sorted(refused | early)[:MOST_WITHHELD]:
        shown = by_path[path].blob if path in by_path and path not in early else ""
        try:
            yield from source.unseen(path, shown, ANCESTORS)
        except ContentError as problem:  # Git took too long; no article waits for this
            log.warning("which commits of %s readers do not get is unknown: %s", path, problem)


def seed(root: Path, live: Path) -> None:
    """Begin a preview's index in `root` with the live one where it has none, for its vectors."""
    found = None if current(root) else current(live)
    if found is None:
        return
    root.mkdir(parents=True, exist_ok=True)
    shutil.copytree(found.path, root / found.path.name, copy_function=shared)
    (root / "CURRENT").write_text(found.path.name, "utf-8")
