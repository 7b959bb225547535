"""`kb preview`: the real site on the author's own files, kept up to date as they are saved.

A saved file is on screen within a second. Reading all articles, which links, names and findings
need, waits until the files are quiet and gives way to the next save. The index is built in a thread
of its own once the files have been quiet for a moment, so that no page waits for it; a build that
fails is logged and tried at the next change. Words are indexed first; meaning joins where the model
was prepared before.

Nothing is recorded, sent or kept with the live site's data, and only this machine can look.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from kb.app import serve_preview
from kb.authoring.working_copy import Progress, Watch, Workspace
from kb.config.settings import Settings
from kb.content.library import Library
from kb.content.sources.source import open_source
from kb.errors import ContentError, ProductError
from kb.publishing.publisher import open_encoder
from kb.publishing.state import current, library_of, seed
from kb.searches.activity import ActivityRecorder
from kb.searches.service import SearchService
from kb.server.run import check_address
from kb.services import Services, build
from kb.tracking.recorder import Unrecorded
from search.errors import SearchError
from search.index import generation
from search.semantic.encoder import Encoder, silent

# -- Following saved files --


log = logging.getLogger(__name__)

PAUSE_S = 0.15  # between two checks of the files
QUIET_S = 0.45  # for the browser to fetch the page before all articles are read again


class _Newer(Exception):
    """Another file was saved while all were being read."""


class Follower:
    """Brings `work` up to what `watch` sees, and calls `told` after each reading."""

    def __init__(self, work: Workspace, watch: Watch, told: Callable[[], None]) -> None:
        self._work, self._watch, self._told = work, watch, told
        self._waiting = False  # whether all articles are still to be read
        self._next_look = 0.0

    def start(self) -> None:
        """Follow changes in a thread, for as long as the process lives."""
        threading.Thread(target=self._run, daemon=True, name="follower").start()

    def _run(self) -> None:
        while True:
            time.sleep(QUIET_S if self._waiting else PAUSE_S)
            try:
                self._step()
            except (ProductError, RuntimeError, OSError) as problem:
                self._waiting = False
                log.warning("the change could not be read: %s", problem)

    def _step(self) -> None:
        """Show what was saved; read all when nothing was, or when one file is not enough."""
        changed = self._watch.changes()
        if len(changed) == 1 and self._work.renew(next(iter(changed))):
            self._waiting = True
            self._told()
        elif changed or self._waiting:
            self._read_all(hasty=not changed)

    def _read_all(self, *, hasty: bool) -> None:
        """Read all articles; with `hasty`, stop when something is saved meanwhile."""
        self._next_look = time.monotonic() + PAUSE_S if hasty else float("inf")
        try:
            self._work.refresh(self._look)
        except _Newer:
            return
        self._waiting = False
        self._told()

    def _look(self, _stage: str, _done: int, _total: int) -> None:
        if time.monotonic() > self._next_look:
            if self._watch.stirs():
                raise _Newer
            self._next_look = time.monotonic() + PAUSE_S


# -- The preview's own index --


INDEX_QUIET_S = 0.4  # the page that shows a change is loaded first; both share one interpreter
UNPREPARED = "The model is not prepared; `kb publish` prepares it."


def indexed(root: Path) -> Library | None:
    """Return the articles of the present index, None without one."""
    return library_of(current(root))


class Indexer:
    """Builds the index in `root` from what `workspace` holds."""

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
        """Note that the articles changed."""
        self._wanted.set()

    def _keep_up(self) -> None:
        while True:
            self._wanted.wait()
            while self._wanted.is_set():
                self._wanted.clear()
                self._wanted.wait(INDEX_QUIET_S)
            try:
                self._build(self._encoder, silent)
            except SearchError as problem:
                log.warning("the index was not brought up to date: %s", problem)

    def _build(self, encoder: Encoder | None, progress: Progress) -> None:
        shown, read = self._workspace.to_index(), self._workspace.as_read()
        given = (shown.articles, shown.synonyms, shown.names, encoder)
        if given == self._held:
            return
        generation.build(
            [article.to_document() for article in shown.articles.values()],
            self._root,
            commit=read.commit,
            encoder=encoder,
            degraded="" if encoder else UNPREPARED,
            synonyms=read.synonyms,
            names=read.names,
            extra_files=read.dump(),
            progress=progress,
        )
        self._held = given
        self._workspace.tell("index")


# -- The site --


HERE = "127.0.0.1"  # drafts and staff articles are shown without a sign-in: to this machine alone


def show(settings: Settings, port: int, look: Callable[[str], object]) -> None:
    """Serve the preview until stopped; call `look` with its address first."""
    apart = _apart(settings, port)
    work, keep_up = prepare(apart, _progress())
    keep_up()
    look(f"http://{HERE}:{port}/")
    serve_preview(_parts(apart, work), work)


def _progress() -> Progress:
    """Return a callback that prints one line per stage to standard error."""
    seen: set[str] = set()

    def line(stage: str, _done: int, total: int) -> None:
        if stage not in seen:
            seen.add(stage)
            click.echo(f"{stage}: {total}", err=True)

    return line


def _apart(settings: Settings, port: int) -> Settings:
    """Return the preview's settings: its own data folder, database and address."""
    _refuse_bare(settings.articles)
    data = settings.data / "preview"
    data.mkdir(parents=True, exist_ok=True)
    model = data / "model"
    if not model.exists() and (settings.data / "model").exists():
        model.unlink(missing_ok=True)
        model.symlink_to((settings.data / "model").resolve(), target_is_directory=True)
    seed(data / "index", settings.generations)
    apart = replace(
        settings, data=data, database_url="", host=HERE, port=port, trusted_proxies=(),
        site_url=f"http://{HERE}:{port}", trusted_hosts=(HERE, "localhost"), search_rate=100_000,
        suggest_rate=100_000,
    )  # fmt: skip # a list, several to a line
    check_address(apart)
    return apart


def _refuse_bare(articles: Path) -> None:
    """Raise ContentError where there are no files to show."""
    if not articles.is_dir() or (articles / "HEAD").is_file():
        raise ContentError(
            f"There are no files of articles at {articles}.",
            "Preview a folder or a clone with its files: KB_ARTICLES=path/to/articles kb preview",
        )


def prepare(settings: Settings, progress: Progress) -> tuple[Workspace, Callable[[], None]]:
    """Return the articles, read and indexed, and what to call to begin following changes."""
    watch = Watch(settings.articles)  # before the first reading, so that no change is missed
    work = Workspace(
        settings.articles,
        language=settings.language,
        before=indexed(settings.generations),
        changes=_changes(settings.articles),
    )
    work.refresh(progress)
    indexer = Indexer(work, settings.generations, _encoder(settings))
    indexer.begin(progress)
    return work, Follower(work, watch, indexer.wake).start


def _changes(articles: Path) -> Mapping[str, tuple[datetime, str]]:
    """Return the last commit of each file, {} where there is none."""
    try:
        source = open_source(articles)
    except ContentError:
        return {}
    try:
        return source.history()
    finally:
        source.close()


def _encoder(settings: Settings) -> Encoder | None:
    """Return the model where an earlier publish prepared it; None without it."""
    try:
        return open_encoder(settings) if settings.semantic else None
    except SearchError:
        return None


def _parts(settings: Settings, work: Workspace) -> Services:
    """Return the services of a site that shows `work` and records nothing of its visitors."""
    # The author sees the pages as most readers do: without an experiment or a survey.
    parts = build(replace(settings, holdout_share=0, survey_share=0))
    parts.db.migrate()
    recorder = Unrecorded(parts.db, settings.data / "spool")
    return replace(
        parts,
        library=work.library,
        recorder=recorder,
        asker=SearchService(parts.engine, work.library, recorder),
        record=ActivityRecorder(recorder, work.library),
    )
