"""A trial index: the one that the articles would make, beside the one that is live.

Promises that what is live is neither changed nor waited for: its newest generation is linked into a
folder of its own, what did not change is carried over from there, and the folder is gone
afterwards. Knows no question.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kb.config.settings import Settings
from kb.content.article import ArticleStatus
from kb.content.library import Library
from kb.publishing.publisher import open_encoder
from kb.publishing.state import current, library_of
from search import generation
from search.encoder import Encoder
from search.engine import Engine
from search.engine import Settings as EngineSettings
from search.errors import SearchError
from search.mapping import shared
from search.opened import Generation
from search.types import Mode

# Nobody waits at a search box here: the model gets the time it needs.
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Trial:
    """The engines `now` and `before`, None where nothing was published; `library` is the live one,
    `without` says why meaning takes no part, "" when it does.
    """

    now: Engine
    before: Engine | None
    library: Library | None
    without: str


@contextmanager
def trial(library: Library, settings: Settings, *, meaning: bool | None) -> Iterator[Trial]:
    """Give the engines over `library` and over what is live.

    `meaning` None uses the model when the live index does, True always, False never.
    """
    live = current(settings.generations)
    encoder, without = _encoder(settings, live, meaning)
    with tempfile.TemporaryDirectory(prefix="kb-check-") as place:
        root = Path(place)
        if live:
            shutil.copytree(live.path, root / live.path.name, copy_function=shared)
        generation.build(
            [
                a.to_document()
                for a in library.articles.values()
                if a.status is ArticleStatus.PUBLISHED
            ],
            root,
            encoder=encoder,
            degraded=without,
            synonyms=library.synonyms,
            sure_as=live,  # ranks do not hang on it, and both engines must call the same doubtful
        )
        before = _engine(settings.generations, encoder) if live else None
        yield Trial(_engine(root, encoder), before, library_of(live), without)


def _encoder(
    settings: Settings, live: Generation | None, meaning: bool | None
) -> tuple[Encoder | None, str]:
    if meaning is False or not settings.semantic:
        return None, "Questions were asked by words only, as was wanted."
    try:
        encoder = open_encoder(settings)
    except SearchError:
        return None, "Questions were asked by words only: the model is prepared by kb publish."
    if meaning or (live is not None and live.manifest.fingerprint == encoder.fingerprint):
        return encoder, ""
    return None, "Questions were asked by words only: the live index has no meaning to carry over."


def _engine(root: Path, encoder: Encoder | None) -> Engine:
    mode = Mode.HYBRID if encoder else Mode.KEYWORD
    engine = Engine(
        root,
        encoder_loader=(lambda: encoder) if encoder else None,
        settings=EngineSettings(mode=mode, load_seconds=_PATIENCE, query_seconds=_PATIENCE),
    )
    engine.warm()
    return engine
