"""Questions asked again of what is live, many at once.

Promises what a reader would find now, with vectors that are kept from one replay to the next, and
an end where something newer goes live meanwhile. Knows no database row but the vectors'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from kb.config.settings import Settings
from kb.database import Database
from kb.gaps import store
from kb.gaps.answers.rules import LOOKED_AT, Question
from kb.publishing.publisher import open_encoder
from search.advanced import constraints
from search.encoder import Encoder, Progress, Vectors, silent
from search.engine import Engine
from search.engine import Settings as EngineSettings
from search.errors import SearchError
from search.opened import Generation
from search.querying import bounded
from search.runtime import LightEncoder
from search.types import Mode, Query, Results

# Nobody waits at a search box here: the model gets the time it needs. In seconds.
PATIENCE = 60.0
# Widest last: who may read one may read those before it.
_AUDIENCES = ("public", "signed-in", "staff")


def read_by(audience: str) -> frozenset[str]:
    """Return the audiences of the articles that somebody of this one may read."""
    known = audience if audience in _AUDIENCES else _AUDIENCES[0]
    return frozenset(_AUDIENCES[: _AUDIENCES.index(known) + 1])


class Remembering:
    """An encoder of queries that has read many of them before."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: dict[str, Vectors] = {}

    @property
    def fingerprint(self) -> str:
        """Return the model's."""
        return self._encoder.fingerprint

    def words(self) -> frozenset[str]:
        """Return the model's words."""
        return self._encoder.words()

    def encode_documents(self, texts: Sequence[str], progress: Progress = silent) -> Vectors:
        """Return one unit vector a text: float32, shape (n, d)."""
        return self._encoder.encode_documents(texts, progress)

    def encode_query(self, text: str) -> Vectors:
        """Return the unit vector of a query, (d,)."""
        found = self._known.get(text)
        return self._encoder.encode_query(text) if found is None else found

    def learn(self, texts: Sequence[str]) -> list[Vectors]:
        """Return the vectors of queries, in order, and remember them."""
        if isinstance(self._encoder, LightEncoder) and texts:
            made = list(self._encoder.encode_queries(texts))
        else:
            made = [self._encoder.encode_query(text) for text in texts]
        self.know(dict(zip(texts, made, strict=True)))
        return made

    def know(self, vectors: Mapping[str, Vectors]) -> None:
        """Remember vectors that were made before, by text."""
        self._known.update(vectors)


class Asking:
    """Asks questions of the generation that serves; without `keep` nothing is written."""

    def __init__(
        self, db: Database, engine: Engine, encoder: Remembering | None, *, keep: bool
    ) -> None:
        self._db = db
        self._keep = keep
        self._engine = engine
        self._encoder = encoder

    def vectors(self, words: Mapping[str, str], now: datetime) -> Mapping[str, Vectors]:
        """Return the vectors of questions (words by key) by key; {} where words alone answer."""
        encoder = self._encoder
        if encoder is None:
            return {}
        with self._db.read() as connection:
            held = store.vectors(connection, encoder.fingerprint, words)
        encoder.know({_text(words[key]): row for key, row in held.items()})
        missing = sorted(words.keys() - held.keys())
        made = dict(zip(missing, encoder.learn([_text(words[k]) for k in missing]), strict=True))
        if made and self._keep:
            with self._db.begin() as connection:
                store.add_vectors(self._db, connection, encoder.fingerprint, made, now)
        return held | made

    @property
    def generation(self) -> Generation:
        """The generation that answers."""
        return self._engine.generation

    def ask(self, question: Question, words: str) -> Results:
        """Return what somebody who asks this finds first."""
        query = Query(
            words,
            audiences=read_by(question.audience),
            prefer_language=question.language,
            limit=LOOKED_AT,
        )
        return self._engine.search(query)


def _text(words: str) -> str:
    """Return what the engine has the model read of these words, unless it corrects them."""
    return constraints(bounded(words)).text


@contextmanager
def asking(db: Database, settings: Settings, fingerprint: str, *, keep: bool) -> Iterator[Asking]:
    """Give what asks the generation that serves; with meaning where it has a `fingerprint`.

    SearchError where the model that made it cannot be had: words alone would find other things.
    """
    encoder = _encoder(settings, fingerprint)
    engine = Engine(
        settings.generations,
        encoder_loader=(lambda: encoder) if encoder else None,
        settings=EngineSettings(
            mode=Mode.HYBRID if encoder else Mode.KEYWORD,
            load_seconds=PATIENCE,
            query_seconds=PATIENCE,
        ),
    )
    yield Asking(db, engine, encoder, keep=keep)


def _encoder(settings: Settings, fingerprint: str) -> Remembering | None:
    """Return the model that made the index; SearchError where it cannot be had now."""
    if not settings.semantic or not fingerprint:
        return None
    found = open_encoder(settings)
    if found.fingerprint != fingerprint:
        raise SearchError("The index was built with another model.", "Run `kb publish`.")
    return Remembering(found)
