"""From which number of vectors the graph of neighbours pays: `python -m benchmarks.switching`.

Compares exact search with search by the graph and exact comparison of its candidates, at growing
numbers of unit vectors in clusters (384 dimensions, made with a fixed seed); an article has four.
Prints milliseconds a query (p50), the share of the true ten nearest articles that the graph finds,
and the seconds to build it. `search.semantic.vectors.EXACT_UP_TO` is set by this.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import perf_counter
from unittest import mock

import numpy as np
import numpy.typing as npt

from search.evaluation.measures import percentile
from search.semantic import vectors as semantic_vectors
from search.semantic.vectors import SemanticIndex, VectorRows

WIDTH, EACH, QUERIES, TOP = 384, 4, 200, 10
SIZES = (2_000, 4_000, 8_000, 16_000, 40_000, 120_000)
Floats = npt.NDArray[np.float32]


def main() -> None:
    """Print a row for each size."""
    print("vectors  exact ms  graph ms  found  build s")
    for size in SIZES:
        vectors, queries = made(size)
        with tempfile.TemporaryDirectory() as place:
            exact, truth = asked(Path(place), vectors, queries, graph=False)
        with tempfile.TemporaryDirectory() as place:
            start = perf_counter()
            prepare(Path(place), vectors, graph=True)
            built = perf_counter() - start
            quick, found = asked(Path(place), vectors, queries, graph=True)
        share = np.mean([len(a & b) / TOP for a, b in zip(truth, found, strict=True)])
        print(f"{size:7,}  {exact:8.2f}  {quick:8.2f}  {share:.3f}  {built:7.1f}", flush=True)


def made(size: int) -> tuple[Floats, Floats]:
    """Return unit vectors around centres, and queries near some of them."""
    chance = np.random.default_rng(1)
    centres = chance.standard_normal((max(20, size // 40), WIDTH))
    rows = centres[chance.integers(len(centres), size=size)]
    vectors = unit(rows + 0.7 * chance.standard_normal(rows.shape))
    near = vectors[chance.integers(size, size=QUERIES)]
    return vectors, unit(near + 0.04 * chance.standard_normal(near.shape))


def unit(rows: npt.NDArray[np.float64] | Floats) -> Floats:
    """Return the rows normalised to length one."""
    found: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return found


def prepare(folder: Path, vectors: Floats, *, graph: bool) -> None:
    """Write the vectors in the form a generation has."""
    size = len(vectors)
    keys = np.random.default_rng(2).integers(0, 256, (size, semantic_vectors.KEY_BYTES), np.uint8)
    owners = np.repeat(np.arange(size // EACH), EACH).astype(np.int32)
    np.save(folder / "vectors.npy", vectors)
    with mock.patch.object(semantic_vectors, "EXACT_UP_TO", 0 if graph else size):
        semantic_vectors.save(
            folder, VectorRows(keys, owners, np.arange(size, dtype=np.int32)), vectors
        )


def asked(
    folder: Path, vectors: Floats, queries: Floats, *, graph: bool
) -> tuple[float, list[set[int]]]:
    """Return the milliseconds of a query and the nearest articles of each."""
    if not graph:
        prepare(folder, vectors, graph=False)
    articles = len(vectors) // EACH
    meaning = SemanticIndex(folder, articles=articles, passages=len(vectors))
    allowed, nobody = np.ones(articles, bool), np.empty(0, np.int64)
    times, found = [], []
    for query in queries:
        start = perf_counter()
        near = meaning.nearest(query, allowed=allowed, wanted=lambda: nobody)
        times.append((perf_counter() - start) * 1000)
        found.append(set(np.argsort(-near.articles)[:TOP].tolist()))
    return percentile(times, 0.5), found


if __name__ == "__main__":
    main()
