"""The light runtime's vectors of a judged set's passages, computed once and kept.

Promises the vectors of exactly these texts by exactly this recipe, and the seconds that they took
when they were computed.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.children import forget_peak, peak
from search.encoder import silent
from search.passages import passages_of
from search.runtime import open_runtime
from search.semantic import Rows, rows_of
from search.types import Document


@dataclass(frozen=True, slots=True)
class Encoded:
    """Where the vectors lie, and what they cost: seconds and the largest resident MB."""

    path: Path
    seconds: float
    megabytes: float
    kept: bool


def rows(documents: tuple[Document, ...]) -> Rows:
    """Return what our engine would encode of these articles."""
    passages = [p for number, d in enumerate(documents) for p in passages_of(d, number)]
    return rows_of(documents, passages)


def vectors_of(found: Rows, cache: Path) -> Encoded:
    """Return the vectors of the texts, from the cache when it has them."""
    runtime = open_runtime(cache)
    line = hashlib.sha256(runtime.fingerprint.encode())
    for text in found.texts:
        line.update(f"{len(text)}:{text}".encode())
    path = cache / "benchmark-vectors" / f"{line.hexdigest()[:16]}.npy"
    facts = path.with_suffix(".json")
    if path.exists() and facts.exists():
        return Encoded(path, **json.loads(facts.read_text("utf-8")), kept=True)
    forget_peak()
    start = perf_counter()
    vectors = runtime.encode_documents(found.texts, silent)
    cost = {"seconds": perf_counter() - start, "megabytes": peak()}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npy")
    np.save(part, vectors)
    os.replace(part, path)
    facts.write_text(json.dumps(cost), "utf-8")
    return Encoded(path, **cost, kept=False)
