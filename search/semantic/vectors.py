"""Vectors of titles, answered questions and passages, and the search for those nearest to a query.

The result is the cosine of the query with the nearest vector of each article and of each passage.
With few vectors all are compared; with many only candidates from a graph of neighbours, which are
then compared exactly. The graph is that of Malkov and Yashunin 2018, "Efficient and robust
approximate nearest neighbor search using hierarchical navigable small world graphs", as in usearch,
over 8-bit copies of the vectors. Vectors are mapped from disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from search.index.manifest import is_held, mapped
from search.semantic.encoder import Vectors
from search.text.passages import Passage, passage_text
from search.types import Document

if TYPE_CHECKING:
    from usearch.index import Index


# -- The graph of neighbours (HNSW) --


NeighbourKeys = npt.NDArray[np.uint64]
LINKS = 16
# How many candidates the graph considers while it is built and while it is searched.
BUILDING, SEARCHING = 96, 128
# Deleted vectors stay as waypoints; beyond this share the graph is built anew.
MOST_DELETED = 0.3


def _empty(width: int) -> Index:
    from usearch.index import Index  # a site of a few hundred articles never needs it

    return Index(
        ndim=width,
        metric="ip",
        dtype="i8",
        connectivity=LINKS,
        expansion_add=BUILDING,
        expansion_search=SEARCHING,
    )


def build(path: Path, keys: NeighbourKeys, vectors: npt.NDArray[np.float32]) -> None:
    """Write the graph of unit vectors (n, d) under distinct keys (n,)."""
    graph = _empty(vectors.shape[1])
    graph.add(keys, vectors)
    graph.save(str(path))


def update(
    former: Path,
    path: Path,
    *,
    gone: NeighbourKeys,
    keys: NeighbourKeys,
    vectors: npt.NDArray[np.float32],
) -> bool:
    """Write a former graph without the keys in `gone` and with new ones; False when so many are
    gone that it should be built anew instead.
    """
    graph = _empty(vectors.shape[1])
    graph.load(str(former))
    held = len(graph)
    if len(gone) > MOST_DELETED * max(1, held):
        return False
    if len(gone):
        graph.remove(gone)
    if len(keys):
        graph.add(keys, vectors)
    graph.save(str(path))
    return True


class Neighbours:
    """A graph opened for reading; a large one is mapped from disk."""

    def __init__(self, path: Path, width: int) -> None:
        self._graph = _empty(width)
        if is_held(path.stat().st_size):
            self._graph.load(str(path))
        else:
            self._graph.view(str(path))

    def nearest(self, vector: npt.NDArray[np.float32], count: int) -> NeighbourKeys:
        """Return the keys of about the `count` nearest vectors."""
        found: NeighbourKeys = self._graph.search(vector, count).keys
        return found


# -- Vectors as stored: few as they are, many in 8 bits a number --


# Rows of float32, shape (n, d), or of int8, shape (n, d + 4): the last four bytes of a row are the
# float32 by which its numbers are multiplied. A cosine changes by less than 0.005.
StoredRows = npt.NDArray[np.float32] | npt.NDArray[np.int8]
_SCALE = 4
_MOST = 127


def empty(path: Path, count: int, width: int) -> np.memmap[Any, Any]:
    """Return a new file's rows for `count` vectors of `width` numbers, mapped for writing."""
    if count > EXACT_UP_TO:
        return np.lib.format.open_memmap(path, "w+", np.int8, (count, width + _SCALE))
    return np.lib.format.open_memmap(path, "w+", np.float32, (count, width))


def put(stored: StoredRows, rows: Sequence[int] | npt.NDArray[np.int64], vectors: Vectors) -> None:
    """Write vectors (n, d), or one (1, d) several times, into these rows."""
    if stored.dtype != np.int8:
        stored[rows] = vectors
        return
    scales = np.abs(vectors).max(axis=1, keepdims=True).astype(np.float32) / _MOST
    numbers = np.round(vectors / np.maximum(scales, 1e-12)).astype(np.int8)
    stored[rows] = np.concatenate([numbers, scales.view(np.int8)], axis=1)


def floats(stored: StoredRows) -> Vectors:
    """Return stored rows (n, …) as vectors: float32, shape (n, d)."""
    if stored.dtype != np.int8:
        return np.asarray(stored, np.float32)
    scales = np.ascontiguousarray(stored[:, -_SCALE:]).view(np.float32)
    found: Vectors = stored[:, :-_SCALE].astype(np.float32)
    found *= scales
    return found


# -- The semantic index --


NO_PASSAGE = -1
KEY_BYTES = 16
# Up to this many vectors, comparing all is quicker than the graph and the exact comparison after it
# (`python -m benchmarks switching`).
EXACT_UP_TO = 8_000
CANDIDATES = 128
# Articles compared besides the candidates, to estimate the median cosine of this query.
SAMPLED = 100
# An audience that may see a smaller share of the articles gets exact search: it may not see most of
# the graph's candidates.
MOSTLY_OPEN = 0.5
_GRAPH = "vectors.hnsw"
# The vectors, and the key, article and passage of each.
FILES = ("vectors.npy", "vectors.keys.npy", "vectors.documents.npy", "vectors.passages.npy")
Integers = npt.NDArray[np.int32]
Keys = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class VectorRows:
    """What each vector stands for: the key of its text, its article, its passage (-1: title,
    answered question or summary). The rows of an article are adjacent, in article order.
    """

    keys: Keys
    documents: Integers
    passages: Integers


@dataclass(frozen=True, slots=True)
class Nearest:
    """Cosines: the best of each article (n,) and that of each passage (m,), both 0 where none was
    computed; `median` is an estimate over articles.
    """

    articles: Vectors
    passages: Vectors
    median: float


def texts_of(document: Document, passages: Sequence[tuple[int, Passage]]) -> list[tuple[str, int]]:
    """Return the texts of an article that get a vector, each with its passage's number."""
    whole = [document.title, *document.answers, document.summary]
    found = [(text, NO_PASSAGE) for text in whole if text.strip()]
    found += [(passage_text(document, passage), number) for number, passage in passages]
    return found or [(document.id, NO_PASSAGE)]


def key(text: str) -> bytes:
    """Return the key of a text among vectors of one recipe."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:KEY_BYTES]


def _short(keys: Keys) -> npt.NDArray[np.uint64]:
    """Return the first 64 bits of each key, which the graph uses as its keys."""
    return np.ascontiguousarray(keys[:, :8]).view(np.uint64).ravel()


def save(folder: Path, rows: VectorRows, vectors: StoredRows, former: Path | None = None) -> None:
    """Write what the vectors in `vectors.npy` stand for, and the graph when there are many.

    `former` is the folder of an earlier generation whose graph may be updated.
    """
    np.save(folder / "vectors.documents.npy", rows.documents)
    np.save(folder / "vectors.passages.npy", rows.passages)
    np.save(folder / "vectors.keys.npy", rows.keys)
    if len(vectors) > EXACT_UP_TO:
        _save_graph(folder, rows, vectors, former)


def _save_graph(folder: Path, rows: VectorRows, vectors: StoredRows, former: Path | None) -> None:
    keys, first = np.unique(_short(rows.keys), return_index=True)
    if former is not None and (former / _GRAPH).is_file():
        before = np.unique(_short(np.load(former / "vectors.keys.npy")))
        new = ~np.isin(keys, before)
        if update(
            former / _GRAPH,
            folder / _GRAPH,
            gone=before[~np.isin(before, keys)],
            keys=keys[new],
            vectors=floats(vectors[first[new]]),
        ):
            return
    build(folder / _GRAPH, keys, floats(vectors[first]))


def load_rows(folder: Path) -> VectorRows:
    """Return what the vectors of a generation stand for."""
    return VectorRows(
        np.load(folder / "vectors.keys.npy"),
        np.load(folder / "vectors.documents.npy"),
        np.load(folder / "vectors.passages.npy"),
    )


def load_vectors(folder: Path) -> StoredRows:
    """Return the vectors of a generation as stored, mapped from disk."""
    found: StoredRows = mapped(folder / "vectors.npy")
    return found


class SemanticIndex:
    """The vectors of an opened generation of `articles` articles and `passages` passages."""

    def __init__(self, folder: Path, *, articles: int, passages: int) -> None:
        self._vectors = load_vectors(folder)
        self._documents: Integers = mapped(folder / "vectors.documents.npy")
        self._passages: Integers = mapped(folder / "vectors.passages.npy")
        self._starts = np.searchsorted(self._documents, np.arange(articles + 1))
        self._sizes = articles, passages
        self._graph: Neighbours | None = None
        if (folder / _GRAPH).is_file():
            self._graph = Neighbours(folder / _GRAPH, floats(self._vectors[:1]).shape[1])
            short = _short(mapped(folder / "vectors.keys.npy"))
            self._order = np.argsort(short, kind="stable")
            self._keys = short[self._order]
            self._sample = np.sort(np.random.default_rng(0).permutation(articles)[:SAMPLED])
            rows = _ranges(self._starts[self._sample], self._starts[self._sample + 1])
            self._sample_vectors = floats(self._vectors[rows])

    def first(self, article: int) -> Vectors:
        """Return an article's first vector: its title's, where it has one."""
        vector: Vectors = floats(self._vectors[self._starts[article], None])[0]
        return vector

    def of(self, articles: npt.NDArray[np.int64]) -> Vectors:
        """Return the vectors of articles by number: float32, shape (n, d)."""
        rows = _ranges(self._starts[articles], self._starts[articles + 1])
        return floats(self._vectors[rows])

    def nearest(
        self, vector: Vectors, *, allowed: Mask, wanted: Callable[[], npt.NDArray[np.int64]]
    ) -> Nearest:
        """Return cosines of a query vector with articles and passages.

        `wanted()` names articles to compare whatever the graph finds, such as those that contain
        the words.
        """
        if not self._sizes[0] or not allowed.any():
            articles, passages = self._sizes
            return Nearest(np.zeros(articles, np.float32), np.zeros(passages, np.float32), 0.0)
        if self._graph is None:
            return self._exact(vector, allowed)
        if allowed.mean() < MOSTLY_OPEN:
            found = self._looked_at(vector, np.flatnonzero(allowed[self._documents]))
            return replace(found, median=float(np.median(found.articles[allowed])))
        near = self._rows_of(self._graph.nearest(vector, CANDIDATES))
        named = wanted()
        whole = _ranges(self._starts[named], self._starts[named + 1])
        found = self._looked_at(vector, np.union1d(near, whole))
        return replace(found, median=self._median(vector, allowed))

    def _exact(self, vector: Vectors, allowed: Mask) -> Nearest:
        cosines = floats(self._vectors) @ vector
        best = np.maximum.reduceat(cosines, self._starts[:-1])
        passages = np.zeros(self._sizes[1], np.float32)
        of_passages = self._passages >= 0
        passages[self._passages[of_passages]] = cosines[of_passages]
        return Nearest(best, passages, float(np.median(best[allowed])))

    def _rows_of(self, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        """Return the rows whose texts have these keys: articles may share a text."""
        first = np.searchsorted(self._keys, keys, "left")
        last = np.searchsorted(self._keys, keys, "right")
        rows: npt.NDArray[np.int64] = self._order[_ranges(first, last)]
        return rows

    def _looked_at(self, vector: Vectors, rows: npt.NDArray[np.int64]) -> Nearest:
        """Return the cosines of the vectors in these rows (ascending), with no median."""
        articles, passages = (np.zeros(size, np.float32) for size in self._sizes)
        if len(rows):
            cosines, documents = floats(self._vectors[rows]) @ vector, self._documents[rows]
            heads = np.flatnonzero(np.diff(documents, prepend=-1))
            articles[documents[heads]] = np.maximum.reduceat(cosines, heads)
            numbers = self._passages[rows]
            passages[numbers[numbers >= 0]] = cosines[numbers >= 0]
        return Nearest(articles, passages, 0.0)

    def _median(self, vector: Vectors, allowed: Mask) -> float:
        """Return the median over articles of their best cosine, from a sample of those allowed."""
        sizes = self._starts[self._sample + 1] - self._starts[self._sample]
        best = _highest(self._sample_vectors @ vector, sizes)[allowed[self._sample]]
        return float(np.median(best)) if len(best) else 0.0


def _highest(cosines: Vectors, sizes: npt.NDArray[np.int64]) -> Vectors:
    """Return the highest of each run of cosines; `sizes` are the lengths of adjacent runs."""
    heads = np.cumsum(sizes) - sizes
    found: Vectors = np.maximum.reduceat(cosines, heads)
    return found


def _ranges(first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the numbers of all ranges first..last (last excluded), concatenated."""
    sizes = last - first
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    found: npt.NDArray[np.int64] = np.arange(total) + np.repeat(first - (ends - sizes), sizes)
    return found
