"""Finds duplicate articles when an index is built, so that a search shows one of each group.

Articles of one title are duplicates when their texts share nine tenths of their runs of five words;
articles of different titles only when all runs are the same, so that two from one template are not.
Similarity is estimated by MinHash (Broder 1997, "On the resemblance and containment of documents");
the same texts always make the same groups.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from search.index.manifest import mapped
from search.text.analysis import SPACELESS_LETTERS, fold
from search.types import Document

Integers = npt.NDArray[np.int32]
# One row an article: its title's hash, then its runs' lowest hash by each of HASHES functions.
Sketches = npt.NDArray[np.uint32]

HASHES, BAND = 64, 4
RUN = 5
# Fewer runs prove nothing: two notes of one line are easily alike.
FEWEST = 20
ALIKE = 0.9
_WORD = re.compile(f"[{SPACELESS_LETTERS}]|[^\\W_]+")
_CHANCE = np.random.default_rng(64)
_FACTORS = _CHANCE.integers(1, 2**63, HASHES, np.uint64) | np.uint64(1)
_ADDED = _CHANCE.integers(0, 2**63, HASHES, np.uint64)


def sketch(document: Document) -> Sketches:
    """Return an article's sketch, shape (1 + HASHES,); all 0 when its text is too short."""
    row = np.zeros(1 + HASHES, np.uint32)
    words = _hashes("\n".join(section.text for section in document.sections))
    if len(words) < RUN + FEWEST:
        return row
    windows = np.lib.stride_tricks.sliding_window_view(words, RUN)
    places = np.array([31**n for n in range(RUN)], np.uint64)
    runs = np.unique((windows * places).sum(axis=1, dtype=np.uint64))
    hashed = (runs[:, None] * _FACTORS + _ADDED) >> np.uint64(32)
    row[0] = zlib.crc32(" ".join(_words(document.title)).encode("utf-8", "replace"))
    row[1:] = hashed.min(axis=0)
    return row


def _hashes(text: str) -> npt.NDArray[np.uint64]:
    return np.fromiter(map(_hash, _words(text)), np.uint64)


@lru_cache(maxsize=65_536)  # most words are in several articles
def _hash(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "replace"))


def _words(text: str) -> list[str]:
    return _WORD.findall(fold(text))


def groups(sketches: Sketches) -> Integers:
    """Return for each article the lowest number among its duplicates and itself."""
    found = np.arange(len(sketches), dtype=np.int32)
    told = np.flatnonzero(sketches.any(axis=1))
    bands = [[0, *range(band, band + BAND)] for band in range(1, HASHES + 1, BAND)]
    for columns in (*bands, range(1, HASHES + 1)):
        for bucket in _buckets(sketches[told][:, columns]):
            _join(found, sketches, told[bucket].tolist())
    return found


def _buckets(rows: Sketches) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the indices of equal rows, two or more, ascending."""
    keys = (rows * _FACTORS[: rows.shape[1]]).sum(axis=1, dtype=np.uint64)
    order = np.argsort(keys, kind="stable")
    new = np.flatnonzero(np.diff(keys[order])) + 1
    starts = np.concatenate([[0], new])
    sizes = np.diff(np.append(starts, len(order)))
    for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True):
        yield order[start : start + size]


def _join(found: Integers, sketches: Sketches, bucket: Sequence[int]) -> None:
    """Put each article of a bucket into the group of the first one that it duplicates."""
    heads: list[int] = []
    for number in bucket:
        head = int(found[number])
        for other in heads:
            if head == other or _same(sketches[head], sketches[other]):
                if head != other:
                    found[found == max(head, other)] = min(head, other)
                break
        else:
            heads.append(head)


def _same(left: Sketches, right: Sketches) -> bool:
    least = ALIKE if left[0] == right[0] else 1.0
    return bool((left[1:] == right[1:]).mean() >= least)


def write(
    folder: Path, documents: Sequence[Document], before: Path | None, former: Integers
) -> None:
    """Write the sketches of a generation and the groups that follow from them.

    `former` is each article's number in the generation `before`, under 0 for a new or changed one.
    """
    sketches = np.zeros((len(documents), 1 + HASHES), np.uint32)
    stayed = former >= 0
    if before is not None:
        sketches[stayed] = load_sketches(before)[former[stayed]]
    for number in np.flatnonzero(~stayed).tolist():
        sketches[number] = sketch(documents[number])
    np.save(folder / "sketches.npy", sketches)
    np.save(folder / "alike.npy", groups(sketches))


def load_sketches(folder: Path) -> Sketches:
    """Return the sketches of a generation, mapped from disk."""
    found: Sketches = mapped(folder / "sketches.npy")
    return found


def load_groups(folder: Path, articles: int) -> Integers:
    """Return the groups of a generation, mapped from disk; when it was made without them, each
    article is its own group.
    """
    path = folder / "alike.npy"
    return mapped(path) if path.is_file() else np.arange(articles, dtype=np.int32)
