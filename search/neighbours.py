"""Nearest vectors without comparing them all: a graph of neighbours (HNSW) on disk.

Formula: Malkov and Yashunin 2018, "Efficient and robust approximate nearest neighbor search using
hierarchical navigable small world graphs", as usearch has it, over 8-bit copies of the vectors.
Promises candidates only: the caller compares them exactly. Knows keys, not what they stand for.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from search.mapping import is_held

if TYPE_CHECKING:
    from usearch.index import Index

Keys = npt.NDArray[np.uint64]
LINKS = 16
# How many candidates the graph keeps in view while it is built and while it is searched.
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


def build(path: Path, keys: Keys, vectors: npt.NDArray[np.float32]) -> None:
    """Write the graph of unit vectors (n, d) under distinct keys (n,)."""
    graph = _empty(vectors.shape[1])
    graph.add(keys, vectors)
    graph.save(str(path))


def update(
    former: Path, path: Path, *, gone: Keys, keys: Keys, vectors: npt.NDArray[np.float32]
) -> bool:
    """Write a former graph without the keys in `gone` and with new ones; False when so many went
    that it should be built anew instead."""
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

    def nearest(self, vector: npt.NDArray[np.float32], count: int) -> Keys:
        """Return the keys of about the `count` nearest vectors."""
        found: Keys = self._graph.search(vector, count).keys
        return found
