"""Publishes a commit of articles: library and index become live together, as one generation.

Readers get a whole commit or the one before, and nothing is done when nothing changed. A publish
that would take away more than half of the live articles is refused: the usual cause is a wrong
branch or folder, not an intention. A rollback stays until there is something newer. A model that
cannot be used costs search by meaning, not the site.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from kb.config.repositories import read_remote
from kb.config.settings import Settings
from kb.content.article import Article, ArticleStatus
from kb.content.build import build_library
from kb.content.frontmatter.metadata import EARLIEST
from kb.content.library import Library
from kb.content.problem import Problem
from kb.content.sources import mirror
from kb.content.sources.combined import shortened
from kb.content.sources.source import Source
from kb.errors import BranchGone, ContentError, PublishRefused
from kb.publishing.state import (
    RECIPE_FILE,
    Kept,
    Pin,
    Refusal,
    current,
    facts,
    is_due,
    library_of,
    made_of,
    open_articles,
    publish_lock,
    read_state,
    recipe_of,
    write_state,
)
from search.errors import SearchError
from search.index import generation as index_generation
from search.index.building import remains
from search.index.manifest import Manifest
from search.index.opened import Generation
from search.prepare import prepare, prepare_both, prepare_multilingual
from search.semantic.encoder import Encoder
from search.semantic.runtime import LightEncoder, open_multilingual, open_runtime
from search.text.analysis import base_language

# -- Refusing the loss of most articles --


MOST = 0.5  # share of the live articles that may go at once


def lost(before: Library, after: Library) -> list[str]:
    """Return the slugs that readers find now and would lose. Moved articles are still found, and
    those that an author ended by `expires_at` are meant to go.
    """
    return [
        slug
        for slug, article in before.articles.items()
        if article.status is ArticleStatus.PUBLISHED and not _stays(after, slug)
    ]


def _stays(after: Library, slug: str) -> bool:
    target = after.get(after.resolve(slug) or "")
    return target is not None and (target.status is ArticleStatus.PUBLISHED or _timed(target))


def _timed(article: Article) -> bool:
    return article.wanted is ArticleStatus.PUBLISHED


def refuse_loss(before: Library, after: Library) -> None:
    """Raise PublishRefused if more than half of the live articles would be gone."""
    gone = lost(before, after)
    live = sum(article.status is ArticleStatus.PUBLISHED for article in before.articles.values())
    if len(gone) > live * MOST:
        commit = shortened(after.commit)
        raise PublishRefused(
            f"The commit {commit} would take away {len(gone)} of {live} live articles.",
            "Check the branch and the folder. If it is meant, run: kb publish --force",
        )


# -- Publishing --


log = logging.getLogger(__name__)
OFF = "off"  # the setting `multilingual_model` for no such model

RECENT = 100  # newest commits noted as live, including those that changed no article
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Published:
    """What is live after a publish. `changed` is False when it was live already, `pinned` says that
    a rollback chose it, `unfetched` why a remote could not be fetched, `degraded` why there is no
    search by meaning.
    """

    generation: str
    commit: str
    articles: int
    problems: tuple[Problem, ...]
    degraded: str
    changed: bool
    pinned: bool = False
    unfetched: str = ""


def model_path(settings: Settings) -> Path | None:
    """Return the folder of the chosen model, None for the bundled one."""
    return Path(settings.model).expanduser() if settings.model else None


def open_encoder(settings: Settings) -> LightEncoder:
    """Return the light runtime, with the multilingual one beside it where that is prepared;
    SearchError when it is missing or damaged.
    """
    encoder = open_main_encoder(settings)
    with suppress(SearchError):  # it is prepared only where articles need it
        encoder.other = open_multilingual_encoder(settings)
    return encoder


def open_main_encoder(settings: Settings) -> LightEncoder:
    """Return the light runtime alone; SearchError when it is missing or damaged."""
    return open_runtime(settings.data / "model", model_path(settings))


def multilingual_path(settings: Settings) -> Path | None:
    """Return the folder of the chosen multilingual model, None for the bundled one and for none."""
    chosen = settings.multilingual_model
    return Path(chosen).expanduser() if chosen not in ("", OFF) else None


def open_multilingual_encoder(settings: Settings) -> LightEncoder:
    """Return the runtime for queries in other languages than English; SearchError when it is
    missing, damaged or switched off.
    """
    if settings.multilingual_model == OFF:
        raise SearchError("The model for other languages is switched off.")
    return open_multilingual(settings.data / "model", multilingual_path(settings))


def publish(
    settings: Settings,
    *,
    progress: Progress,
    retry: bool = False,
    force: bool = False,
    now: datetime = EARLIEST,
) -> Published:
    """Publish the articles as they are at `now` and return what is live.

    `retry` rebuilds a generation that was built without the model; `force` publishes what would
    be refused. Raises ContentError when the articles cannot be read, PublishRefused when most would
    be lost, and SearchError when the index folder cannot be written.
    """
    with publish_lock(settings.data) as lock:
        work = _Publishing(settings, progress, now)
        return work.run(lock, retry=retry, force=force)


def keep_time(settings: Settings, *, progress: Progress, now: datetime) -> Published:
    """Publish the live commit again as it is at `now`: articles appear and expire at their time.

    Newer commits are not looked for; a folder without history that changed meanwhile is left alone.
    """
    with publish_lock(settings.data):
        return _Publishing(settings, progress, now).again()


def rebuild_index(
    settings: Settings, *, progress: Progress, now: datetime, served: str = ""
) -> Published:
    """Restore what was live before its files were damaged, from the same commit, or from the
    present articles if that commit cannot be read any more. A generation that was built without the
    model is rebuilt if there is one now. `served` is the commit that was live, if the caller knows
    it. No network is used.

    Raises as `publish` does.
    """
    with publish_lock(settings.data):
        lost = index_generation.lost_commit(settings.generations)
        work = _Publishing(settings, progress, now)
        pinned, newest = work.standing.pin, "".join(work.standing.seen[:1])
        return work.mended(pinned.commit if pinned else lost or served or newest)


class _Publishing:
    """One publish, by the holder of the lock."""

    def __init__(self, settings: Settings, progress: Progress, now: datetime) -> None:
        self.settings, self.progress, self.now = settings, progress, now
        self.root = settings.generations
        self.standing = read_state(settings.data)
        self.before = current(self.root)

    def run(self, lock: int, *, retry: bool, force: bool) -> Published:
        try:
            return self._run(lock, retry=retry, force=force)
        except PublishRefused:
            self.standing = replace(self.standing, trouble="", gone=False)
            raise
        except (ContentError, SearchError) as problem:
            gone = isinstance(problem, BranchGone)
            self.standing = replace(self.standing, trouble=str(problem), gone=gone)
            raise
        finally:
            write_state(self.settings.data, self.standing)

    def _run(self, lock: int, *, retry: bool, force: bool) -> Published:
        unfetched = self._fetch(lock)
        self.standing = replace(self.standing, unfetched=unfetched)
        source = open_articles(self.settings)
        if (pinned := self._pinned(source)) is not None:
            live = pinned
        elif self._is_live(source, retry=retry):
            live = self._described(changed=False)
        else:
            live = self._newer(source, force=force)
        seen = () if live.pinned else source.lineage(RECENT)
        self.standing = replace(
            self.standing,
            refusal=None,
            seen=seen,
            generation=live.generation,
            trouble="",
            gone=False,
        )
        return replace(live, unfetched=unfetched)

    def again(self) -> Published:
        """Publish the live commit as it is now, whatever the branch says."""
        live = index_generation.open_current(self.root)
        kept = live.commit.startswith("folder-")  # a folder has one state, today's
        source = open_articles(self.settings, "" if kept else live.commit)
        if source.commit != live.commit or not is_due(live, self.now):
            return self._described(changed=False)
        self._build(source)
        fresh, pin, seen_in = self.before, self.standing.pin, self.standing.generation
        assert fresh is not None
        if pin and pin.generation == live.id:
            pin = replace(pin, generation=fresh.id)
        seen_in = fresh.id if seen_in == live.id else seen_in
        write_state(self.settings.data, replace(self.standing, pin=pin, generation=seen_in))
        return self._described(changed=True)

    def mended(self, lost: str) -> Published:
        """Make an intact generation of the commit `lost` live, or build it again."""
        live = self.before
        if live and live.commit == lost and not self._wants_model(live.manifest):
            self._settle()
            return self._described(changed=False)
        source = self._found_again(lost)
        if (held := self._kept(source)) is not None:
            self._point(held)
        else:
            self._build(source, guarded=live is not None and source.commit != lost)
        self._settle()
        return self._described(changed=True)

    def _found_again(self, lost: str) -> Source:
        """Return the articles of a commit, or the present ones if it is unknown or gone."""
        if lost and not lost.startswith("folder-"):  # a folder has one state, today's
            try:
                return open_articles(self.settings, lost)
            except ContentError as problem:
                log.warning("%s is not there any more: %s", shortened(lost), problem)
        return open_articles(self.settings)

    def _settle(self) -> None:
        """Make the pointer, and a rollback, name the live generation."""
        assert self.before is not None
        if index_generation.current(self.root) != self.before.path.name:
            index_generation.make_current(self.root, self.before)
        pin = self.standing.pin
        if pin and pin.commit == self.before.commit and pin.generation != self.before.id:
            pin = replace(pin, generation=self.before.id)
            write_state(self.settings.data, replace(self.standing, pin=pin))

    def _fetch(self, lock: int) -> str:
        """Fetch the mirrors; return why any could not be fetched, "" when all were."""
        settings, troubles = self.settings, []
        if settings.articles_remote:
            trouble = _fetched(settings.articles_remote, settings.mirror, lock)
            if trouble and self.before is None:
                raise trouble
            troubles += [str(trouble)] if trouble else []
        for one in settings.repositories:
            if trouble := _fetched(one.source, settings.mirror_of(one), lock):
                troubles.append(f"{one.name}: {trouble}")
        return " ".join(troubles)

    def _is_live(self, source: Source, *, retry: bool) -> bool:
        live = self.before
        return (
            live is not None
            and made_of(live) == recipe_of(self.settings, source)
            and not is_due(live, self.now)
            and not (retry and self._wants_model(live.manifest))
        )

    def _wants_model(self, made: Manifest) -> bool:
        """Return whether a generation was built without the model that the settings ask for."""
        return self.settings.semantic and bool(made.degraded)

    # A rollback

    def _pinned(self, source: Source) -> Published | None:
        """Return the state that a rollback chose; None if there is none or something is newer."""
        pin = self.standing.pin
        if pin is None:
            return None
        if pin.away != source.content:
            log.info("the rollback to %s ends: there is something newer", shortened(pin.commit))
            self.standing = replace(self.standing, pin=None)
            return None
        try:
            held = index_generation.open_one(self.root, pin.generation)
        except (SearchError, OSError, ValueError):
            return self._pinned_anew(pin)
        if is_due(held, self.now) and not held.commit.startswith("folder-"):
            return self._pinned_anew(pin)
        changed = self.before is None or self.before.id != held.id
        self._point(held)
        return self._described(changed=changed)

    def _pinned_anew(self, pin: Pin) -> Published:
        """Rebuild the commit of a rollback whose generation is lost or out of date."""
        self._build(open_articles(self.settings, pin.commit))
        assert self.before is not None
        self.standing = replace(
            self.standing, pin=replace(pin, generation=self.before.id, commit=self.before.commit)
        )
        return self._described(changed=True)

    # Something newer

    def _newer(self, source: Source, *, force: bool) -> Published:
        if (held := self._kept(source)) is not None:
            self._point(held)
            return self._described(changed=True)
        refusal = self.standing.refusal
        if refusal and refusal.content == source.content and not force:
            raise PublishRefused(refusal.reason, refusal.hint)
        try:
            self._build(source, guarded=not force)
        except PublishRefused as why:
            refusal = Refusal(source.commit, source.content, why.message, why.hint)
            self.standing = replace(self.standing, refusal=refusal)
            raise
        return self._described(changed=True)

    def _kept(self, source: Source) -> Generation | None:
        """Return a kept generation of exactly this commit, or None. Another commit with the same
        files has a different history.
        """
        wanted = recipe_of(self.settings, source)
        for one in index_generation.kept(self.root):
            alike = index_generation.peek(self.root, one.id, RECIPE_FILE) == wanted
            if one.commit != source.commit or not alike or self._wants_model(one):
                continue
            try:
                held = index_generation.open_one(self.root, one.id)
            except (SearchError, OSError, ValueError):
                continue
            if not is_due(held, self.now):
                return held
        return None

    def _point(self, held: Generation) -> None:
        if self.before is None or self.before.id != held.id:
            index_generation.make_current(self.root, held)
        self.before = held

    def _build(self, source: Source, *, guarded: bool = False) -> None:
        """Make the source's articles live."""
        previous = library_of(self._former())
        library = build_library(
            source,
            previous=previous,
            progress=self.progress,
            default_language=self.settings.language,
            now=self.now,
        )
        if guarded and previous is not None:
            refuse_loss(previous, library)
        languages = frozenset(article.language for article in library.articles.values())
        encoder, degraded = prepared_encoder(self.settings, self.progress, languages)
        self.before = index_generation.build(
            [a.to_document() for a in library.articles.values() if a.status == "published"],
            self.root,
            commit=source.commit,
            encoder=encoder,
            degraded=degraded,
            synonyms=library.synonyms,
            names=library.names,
            extra_files=self._files(source, library),
            progress=self.progress,
            keep=self.settings.keep_generations,
        )

    def _former(self) -> Kept | None:
        """Return what is live, else what remains of a former generation, None for nothing."""
        return self.before or next(iter(remains(self.root)), None)

    def _files(self, source: Source, library: Library) -> dict[str, bytes]:
        """Return the files of the library and of the facts kept beside it."""
        try:
            small = facts(source, library, before=self._former(), now=self.now)
        finally:
            source.close()
        return library.dump() | small | {RECIPE_FILE: recipe_of(self.settings, source)}

    def _described(self, *, changed: bool) -> Published:
        live = self.before
        assert live is not None
        library = library_of(live)
        return Published(
            generation=live.id,
            commit=live.commit,
            articles=live.manifest.documents,
            problems=library.problems if library else (),
            degraded=live.manifest.degraded,
            changed=changed,
            pinned=self.standing.pin is not None,
        )


def _fetched(remote: str, place: Path, lock: int) -> ContentError | None:
    """Fetch one remote into its mirror; return why that failed, None if it did not."""
    try:
        mirror.fetch(read_remote(remote), place, lock=lock)
    except ContentError as problem:
        return problem
    return None


def prepared_encoder(
    settings: Settings, progress: Progress, languages: frozenset[str]
) -> tuple[Encoder | None, str]:
    """Return the encoder, prepared if need be, and ""; or None and the reason why there is none.
    With articles in other languages than English it has the multilingual one beside it.
    """
    if not settings.semantic:
        return None, "Search by meaning is switched off (setting semantic)."
    foreign = any(base_language(each) != "en" for each in languages)
    wanted = foreign and settings.multilingual_model != OFF
    place, main, other = settings.data / "model", model_path(settings), multilingual_path(settings)
    try:
        if wanted:
            prepare_both(place, main, other, progress=progress)
        prepare(place, main, progress=progress)
        encoder = open_main_encoder(settings)
    except SearchError as problem:
        log.warning("%s", problem)
        return None, str(problem)
    encoder.other, encoder.other_missing = None, ""
    if wanted:
        try:
            encoder.other = prepare_multilingual(place, other, progress=progress)
        except SearchError as problem:
            log.warning("The model for English compares articles in every language. %s", problem)
            encoder.other_missing = str(problem)
    return encoder, ""
