"""`kb preview`: the real site on the author's own files, before anything is committed.

Promises that a saved file is on screen within a second, that nothing is recorded, sent or kept with
the live site's data, and that only this machine can look. Knows no page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from kb.app import serve_preview
from kb.authoring.following import Follower
from kb.authoring.indexing import Indexer, indexed
from kb.authoring.watching import Watch
from kb.authoring.workspace import Progress, Workspace
from kb.config.settings import Settings
from kb.content.sources.source import open_source
from kb.errors import ContentError
from kb.publishing.publisher import open_encoder
from kb.publishing.state import seed
from kb.searches.activity import ActivityRecorder
from kb.searches.service import SearchService
from kb.server.run import check_address
from kb.services import Services, build
from kb.tracking.recorder import Unrecorded
from search.encoder import Encoder
from search.errors import SearchError

HERE = "127.0.0.1"  # drafts and staff articles are shown without a sign-in: to this machine alone


def show(settings: Settings, port: int, look: Callable[[str], object]) -> None:
    """Serve the preview until stopped; `look` gets its address once it can be asked."""
    apart = _apart(settings, port)
    work, keep_up = prepare(apart, _progress())
    keep_up()
    look(f"http://{HERE}:{port}/")
    serve_preview(_parts(apart, work), work)


def _progress() -> Progress:
    """Return what shows the first reading: a line a stage, on standard error."""
    seen: set[str] = set()

    def line(stage: str, _done: int, total: int) -> None:
        if stage not in seen:
            seen.add(stage)
            click.echo(f"{stage}: {total}", err=True)

    return line


def _apart(settings: Settings, port: int) -> Settings:
    """Return the settings of the preview: a data folder and an address of its own, no state."""
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
    )  # fmt: skip
    check_address(apart)
    return apart


def _refuse_bare(articles: Path) -> None:
    """Raise ContentError where there are no files to look at."""
    if not articles.is_dir() or (articles / "HEAD").is_file():
        raise ContentError(
            f"There are no files of articles at {articles}.",
            "Preview a folder or a clone with its files: KB_ARTICLES=path/to/articles kb preview",
        )


def prepare(settings: Settings, progress: Progress) -> tuple[Workspace, Callable[[], None]]:
    """Return the articles, read and indexed, and what to call to begin following changes."""
    watch = Watch(settings.articles)  # before the first reading, so that no change falls between
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
    """Return the parts of a site that shows `work` and keeps nothing of who looks at it."""
    # An author sees the pages as most readers do: nobody is drawn for a comparison or a question.
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
