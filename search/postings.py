"""Term -> (documents, values) as flat arrays that map from disk.

Promises that opening reads nothing, and look-up and slices without copies. Knows neither what a
term nor what a value means: keyword impacts, titles and the spelling vocabulary are kept like this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from search.counts import Counts, Hashes, Ordinals, hash_of
from search.mapping import mapped

Values = npt.NDArray[np.float32]
_NONE = (np.empty(0, np.int32), np.empty(0, np.float32))
_PARTS = ("terms", "starts", "docs", "values")


@dataclass(frozen=True, slots=True)
class Postings:
    """`terms[i]` is the hash of a (language, term), ascending; its postings are
    `docs[starts[i]:starts[i+1]]` and the `values` there.
    """

    terms: Hashes
    starts: npt.NDArray[np.int64]
    docs: Ordinals
    values: Values

    def find(self, language: str, term: str) -> tuple[Ordinals, Values]:
        """Return the documents that hold a term and their values; empty arrays when none does."""
        wanted = np.uint64(hash_of(language, term))
        at = int(self.terms.searchsorted(wanted))
        if at == len(self.terms) or self.terms[at] != wanted:
            return _NONE
        span = slice(int(self.starts[at]), int(self.starts[at + 1]))
        return self.docs[span], self.values[span]

    def save(self, folder: Path, name: str) -> None:
        """Write `name.terms.npy`, `name.starts.npy`, `name.docs.npy` and `name.values.npy`."""
        for part in _PARTS:
            np.save(folder / f"{name}.{part}.npy", getattr(self, part))


def load_postings(folder: Path, name: str) -> Postings:
    """Return the postings saved under `name`, mapped from disk."""
    return Postings(*(mapped(folder / f"{name}.{part}.npy") for part in _PARTS))


def summed(counts: Counts, values: npt.NDArray[np.float64]) -> Postings:
    """Return postings whose value is the sum of a row's `values` (r,) over the fields."""
    pair = (counts.term.astype(np.int64) << 32) | counts.docs
    first = np.flatnonzero(np.concatenate([[True], pair[1:] != pair[:-1]])) if len(pair) else pair
    totals = np.add.reduceat(values, first) if len(first) else np.empty(0)
    starts = np.searchsorted(counts.term[first], np.arange(len(counts.terms) + 1))
    return Postings(
        counts.terms,
        starts.astype(np.int64),
        docs=np.asarray(counts.docs[first], np.int32),
        values=totals.astype(np.float32),
    )


def plain(counts: Counts) -> Postings:
    """Return postings whose value is how often the term stands in the document."""
    return summed(counts, np.asarray(counts.counts, np.float64))


def save_texts(folder: Path, name: str, texts: Sequence[str]) -> None:
    """Write what each term of a table reads, in the order of its hashes."""
    (folder / f"{name}.texts").write_text("\n".join(texts), "utf-8")


def load_texts(folder: Path, name: str) -> list[str]:
    """Return what each term of a table reads: "language<tab>term"."""
    text = (folder / f"{name}.texts").read_text("utf-8")
    return text.split("\n") if text else []
