"""What is live, and since when readers could read each part of it.

Promises the same times whichever worker looks: they are kept in the database, and states that came
and went since the last look are read from the generations that are still kept. Where nothing is
known yet, Git's time of an article stands for it. A machine that has not yet followed the others
changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from kb.content.article import Article
from kb.content.library import Library
from kb.database import Database
from kb.gaps.answers import store
from kb.gaps.answers.parts import NEVER, Known, Since, known, published, since, state_of, times
from kb.publishing.state import library_of
from search import generation
from search.errors import SearchError
from search.opened import Generation


@dataclass(frozen=True, slots=True)
class Live:
    """What serves: `since` and `known` by slug; `newest` is when the last part came; `fingerprint`
    is the model's, "" without one.
    """

    generation: str
    fingerprint: str
    library: Library
    replay: store.Replay
    since: Mapping[str, Since]
    known: Mapping[str, Known]
    newest: datetime


def live_now(db: Database, root: Path, *, keep: bool = True) -> Live | None:
    """Return what is live in the index folder `root`, and keep its times unless `keep` is False.

    None where nothing is published, or where another machine is ahead of this one.
    """
    try:
        live_at = _swapped(root)  # first: should it move now, times are too early, never too late
        serving = generation.open_current(root)
    except (SearchError, OSError):
        return None
    library = library_of(serving)
    if library is None:
        return None
    with db.read() as connection:
        held, last = store.known(connection), store.last(connection)
    held_then: Mapping[str, Known] = held if last else _first(root, serving, library)
    for between, then in _between(root, serving, last):
        held_then = _next(between, held_then, then)
    now = _next(library, held_then, live_at.timestamp())
    fingerprint = serving.manifest.fingerprint
    state = state_of(library.commit, now, fingerprint)
    if last is not None and last.state != state and last.live_at > live_at:
        return None
    replay = store.Replay(state, library.commit[:64], live_at)
    if keep and (last is None or last.state != state):
        changed = {slug: each for slug, each in now.items() if held.get(slug) != each}
        with db.begin() as connection:
            store.begin(db, connection, replay, changed, held.keys() - now.keys())
    found = {a.slug: since(a, now[a.slug]) for a in published(library.articles.values())}
    newest = max((each.latest for each in found.values()), default=NEVER)
    return Live(serving.id, fingerprint, _lean(library), replay, found, now, _moment(newest))


def _lean(library: Library) -> Library:
    """Return the library without its pages and pictures: it is held between two looks."""
    articles = {slug: replace(article, html="") for slug, article in library.articles.items()}
    return replace(library, articles=articles, media={})


def _first(root: Path, serving: Generation, library: Library) -> dict[str, Known]:
    """Return what is known without an earlier look: when Git says that each article changed."""
    older = [facts.id for facts in generation.kept(root) if facts.id < serving.id]
    oldest = _library(root, older[-1]) if older else library
    then = oldest or library
    return {
        article.slug: known(article, None, {}, live_at=_changed(article), commit=then.commit)
        for article in published(then.articles.values())
    }


def _changed(article: Article) -> float:
    return article.changed_at.timestamp() if article.changed_at else NEVER


def _next(library: Library, held: Mapping[str, Known], live_at: float) -> dict[str, Known]:
    earlier = times(held.values())
    return {
        article.slug: known(
            article, held.get(article.slug), earlier, live_at=live_at, commit=library.commit
        )
        for article in published(library.articles.values())
    }


def _between(
    root: Path, serving: Generation, last: store.Replay | None
) -> Iterator[tuple[Library, float]]:
    """Yield the states after the last that was looked at and before this one, the oldest first."""
    seen = last.live_at if last else _moment(NEVER)
    for facts in reversed(generation.kept(root)):
        built = _built(root, facts.id)
        if facts.id >= serving.id or built is None or built <= seen:
            continue
        if (library := _library(root, facts.id)) is not None:
            yield library, built.timestamp()


def _library(root: Path, name: str) -> Library | None:
    try:
        return library_of(generation.open_one(root, name))
    except (SearchError, OSError, ValueError):
        return None


def _built(root: Path, name: str) -> datetime | None:
    manifest = root / generation.folder_name(name) / "manifest.json"
    try:
        return _moment(manifest.stat().st_mtime)
    except OSError:
        return None


def _swapped(root: Path) -> datetime:
    """Return when the generation that serves began to: when the pointer was written."""
    return _moment((root / "CURRENT").stat().st_mtime)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
