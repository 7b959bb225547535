"""An index of all articles, including those that nobody is shown: drafts, expired, not yet due.

It lies in a folder of its own, so the readers' index is neither changed nor waited for. It carries
over what did not change, and is built only where something is unpublished. Published articles keep
their audience in it; the others get UNPUBLISHED, which no reader has.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from kb.content.article import Article, ArticleStatus
from kb.content.library import Library
from search.engine import Engine, EngineSettings, loaders_of
from search.errors import SearchError
from search.index import generation
from search.index.manifest import shared
from search.index.opened import Generation
from search.semantic.encoder import Encoder
from search.types import Document, Mode

UNPUBLISHED = "unpublished"
PATIENCE = 60.0  # seconds; nobody waits at a search box here


def unpublished(library: Library) -> list[Article]:
    """Return the articles that are written but not shown; archived ones do not count."""
    every = library.articles.values()
    return [a for a in every if a.status is not ArticleStatus.PUBLISHED and _was_wanted(a)]


def _was_wanted(article: Article) -> bool:
    return article.status is ArticleStatus.DRAFT or article.expires_at is not None


def open_unpublished(
    root: Path, live: Generation, library: Library, open_encoder: Callable[[], Encoder | None]
) -> Engine | None:
    """Return the engine over all articles, None where nothing is unpublished. The index is rebuilt
    when `live` is another generation. SearchError when the folder cannot be written.
    """
    hidden = unpublished(library)
    if not hidden:
        return None
    encoder = open_encoder() if live.meaning is not None else None
    if _made_of(root) != live.id:
        shown = [a for a in library.articles.values() if a.status is ArticleStatus.PUBLISHED]
        documents = [article.to_document() for article in shown]
        documents += [_hidden(article) for article in hidden]
        _build(root, live, documents, encoder, library)
    return quiet_engine(root, encoder)


def quiet_engine(root: Path, encoder: Encoder | None) -> Engine:
    """Return an engine that gives the model PATIENCE seconds."""
    mode = Mode.HYBRID if encoder else Mode.KEYWORD
    return Engine(
        root,
        **loaders_of(encoder),
        settings=EngineSettings(mode=mode, load_seconds=PATIENCE, query_seconds=PATIENCE),
    )


def _hidden(article: Article) -> Document:
    return replace(article.to_document(), audience=UNPUBLISHED)


def _made_of(root: Path) -> str:
    try:
        return generation.open_current(root).commit
    except SearchError:
        return ""


def _build(
    root: Path,
    live: Generation,
    documents: list[Document],
    encoder: Encoder | None,
    library: Library,
) -> None:
    if not root.exists():  # the first time, all that is live is carried over by links
        root.mkdir(parents=True)
        shutil.copytree(live.path, root / live.path.name, copy_function=shared)
    generation.build(
        documents,
        root,
        commit=live.id,
        encoder=encoder,
        synonyms=library.synonyms,
        names=library.names,
        keep=1,
    )
