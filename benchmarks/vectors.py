"""The light runtime's vectors of a judged set's passages, computed once and cached.

The cache is keyed by the texts and the recipe. How fast the runtime encodes such texts is measured
anew, whether or not the vectors were cached.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import numpy.typing as npt

from search.semantic.runtime import open_runtime
from search.semantic.vectors import texts_of
from search.text.passages import passages_of
from search.types import Document

SAMPLE, SEED = 256, 7


@dataclass(frozen=True, slots=True)
class Rows:
    """The texts that get a vector, those of one article adjacent; the number of each text's article
    and of its passage (-1: a title or summary).
    """

    texts: Sequence[str]
    documents: npt.NDArray[np.int32]
    passages: npt.NDArray[np.int32]


def rows(documents: tuple[Document, ...]) -> Rows:
    """Return the texts that our engine would encode for these articles."""
    found: list[tuple[str, int, int]] = []
    count = 0
    for number, document in enumerate(documents):
        passages = list(enumerate(passages_of(document, number), count))
        count += len(passages)
        found += [(text, number, passage) for text, passage in texts_of(document, passages)]
    texts, owners, numbers = zip(*found, strict=True) if found else ((), (), ())
    return Rows(texts, np.array(owners, np.int32), np.array(numbers, np.int32))


def vectors_of(found: Rows, cache: Path) -> Path:
    """Return the file (npy) of the texts' unit vectors, made now unless the cache has it."""
    runtime = open_runtime(cache)
    line = hashlib.sha256(runtime.fingerprint.encode())
    for text in found.texts:
        line.update(f"{len(text)}:{text}".encode())
    path = cache / "benchmark-vectors" / f"{line.hexdigest()[:16]}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npy")
        np.save(part, runtime.encode_documents(found.texts))
        os.replace(part, path)
    return path


def encoding_rate(texts: Sequence[str], cache: Path) -> float:
    """Return how many of these texts the runtime encodes a second, on a sample of them."""
    runtime = open_runtime(cache)
    sample = random.Random(SEED).sample(list(texts), min(SAMPLE, len(texts)))
    runtime.encode_documents(sample[:8])
    start = perf_counter()
    runtime.encode_documents(sample)
    return len(sample) / (perf_counter() - start)
