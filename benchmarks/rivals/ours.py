"""Our engine, opened as the site does: `search.index.generation.build`, then
`search.engine.Engine`.

Keyword mode is built without a model, so that its size and time are those of a keyword index;
hybrid and semantic modes share one index.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.rivals.base import Ask, Corpus, encoder, load_vectors
from search.engine import Engine, EngineSettings
from search.index.generation import build
from search.semantic.encoder import Progress, Vectors, silent
from search.semantic.runtime import LightEncoder, open_runtime
from search.semantic.vectors import key
from search.types import Mode, Query

# Long enough that no query is answered by words alone because the machine was busy.
LOAD_SECONDS, QUERY_SECONDS = 120.0, 60.0


class KnownVectors:
    """An encoder that looks up vectors of texts, computed before the clock started."""

    def __init__(self, corpus: Corpus, runtime: LightEncoder) -> None:
        self._vectors = load_vectors(corpus)
        self._row = {key(text): row for row, text in enumerate(corpus.rows.texts)}
        self._runtime = runtime

    @property
    def fingerprint(self) -> str:
        """Return the fingerprint of the runtime that made the vectors."""
        return self._runtime.fingerprint

    def words(self) -> frozenset[str]:
        """Return the runtime's words."""
        return self._runtime.words()

    def encode_query(self, text: str) -> Vectors:
        """Return the runtime's vector of a query."""
        return self._runtime.encode_query(text)

    def encode_documents(self, texts: Sequence[str], progress: Progress = silent) -> Vectors:
        """Return the vectors of texts: known ones, and the runtime's for the rest."""
        strange = list(dict.fromkeys(text for text in texts if key(text) not in self._row))
        found = np.empty((len(texts), self._vectors.shape[1]), np.float32)
        fresh = dict(zip(strange, self._encoded(strange), strict=True))
        for at, text in enumerate(texts):
            row = self._row.get(key(text))
            found[at] = fresh[text] if row is None else self._vectors[row]
        progress("encode", len(texts), len(texts))
        return found

    def _encoded(self, texts: Sequence[str]) -> Sequence[Vectors]:
        return list(self._runtime.encode_documents(texts)) if texts else []


class Ours:
    """Our engine in one mode."""

    packages: tuple[str, ...] = ()

    def __init__(self, mode: Mode) -> None:
        self.mode = mode
        self.encodes = mode is not Mode.KEYWORD
        self.index = "ours-with-meaning" if self.encodes else "ours-words-only"

    def build(self, corpus: Corpus, folder: Path) -> None:
        """Build a generation; judged articles are public."""
        known = KnownVectors(corpus, encoder(corpus.cache)) if self.encodes else None
        build(corpus.documents, folder, encoder=known)

    def open(self, folder: Path, cache: Path) -> Ask:
        """Open it. Time includes a hit's snippet and spelling correction."""
        loader = partial(open_runtime, cache) if self.encodes else None
        engine = Engine(
            folder,
            encoder_loader=loader,
            settings=EngineSettings(self.mode, LOAD_SECONDS, QUERY_SECONDS),
        )
        engine.warm()

        def ask(text: str, limit: int) -> list[str]:
            results = engine.search(Query(text, limit=limit))
            if results.mode is not self.mode:
                raise RuntimeError(f"Answered as {results.mode}: {results.degraded}")
            return [name for hit in results.hits for name in (hit.id, *hit.duplicates)]

        return ask
