"""Term -> (articles, values) as flat arrays that map from disk.

Promises constant-time look-up and slices without copies. Knows neither what a term nor what a
value means: keyword impacts and the spelling vocabulary are both kept like this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

Ordinals = npt.NDArray[np.int32]
Values = npt.NDArray[np.float32]
_NONE = (np.empty(0, np.int32), np.empty(0, np.float32))


class Postings:
    """`keys[i]` names a (language, term); its postings are `docs[starts[i]:starts[i+1]]`."""

    def __init__(
        self, keys: Sequence[str], starts: npt.NDArray[np.int64], *, docs: Ordinals, values: Values
    ) -> None:
        self.keys = keys
        self.starts = starts
        self.docs = docs
        self.values = values

    @cached_property
    def index(self) -> dict[str, int]:
        """Where each key's postings are."""
        return {key: i for i, key in enumerate(self.keys)}

    def find(self, language: str, term: str) -> tuple[Ordinals, Values]:
        """Return the documents that hold a term and their values; empty arrays when none does."""
        at = self.index.get(key_of(language, term))
        if at is None:
            return _NONE
        span = slice(int(self.starts[at]), int(self.starts[at + 1]))
        return self.docs[span], self.values[span]

    def save(self, folder: Path, name: str) -> None:
        """Write `name.terms`, `name.starts.npy`, `name.docs.npy` and `name.values.npy`."""
        (folder / f"{name}.terms").write_text("\n".join(self.keys), "utf-8")
        np.save(folder / f"{name}.starts.npy", self.starts)
        np.save(folder / f"{name}.docs.npy", self.docs)
        np.save(folder / f"{name}.values.npy", self.values)


def key_of(language: str, term: str) -> str:
    """Return the key of a term in a language."""
    return f"{language}\t{term}"


def load_postings(folder: Path, name: str) -> Postings:
    """Return the postings saved under `name`, mapped from disk."""
    text = (folder / f"{name}.terms").read_text("utf-8")
    starts, docs, values = (
        np.load(folder / f"{name}.{part}.npy", mmap_mode="r")
        for part in ("starts", "docs", "values")
    )
    return Postings(text.split("\n") if text else [], starts, docs=docs, values=values)


def gather(rows: Mapping[str, Mapping[int, float]]) -> Postings:
    """Return postings from key -> {document: value}; documents ascend within a key."""
    return from_arrays((key, *_columns(rows[key])) for key in sorted(rows))


def _columns(row: Mapping[int, float]) -> tuple[Ordinals, Values]:
    docs = np.fromiter(row.keys(), np.int32, len(row))
    values = np.fromiter(row.values(), np.float32, len(row))
    order = np.argsort(docs, kind="stable")
    return docs[order], values[order]


def from_arrays(rows: Iterable[tuple[str, Ordinals, Values]]) -> Postings:
    """Return postings from (key, documents, values) rows, kept in the given order."""
    keys, docs, values = [], [], []
    for key, found, weights in rows:
        keys.append(key)
        docs.append(found)
        values.append(weights)
    starts = np.concatenate([[0], np.cumsum([len(d) for d in docs])]).astype(np.int64)
    return Postings(
        keys,
        starts,
        docs=np.concatenate([_NONE[0], *docs]).astype(np.int32),
        values=np.concatenate([_NONE[1], *values]).astype(np.float32),
    )
