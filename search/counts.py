"""How often each term stands in each field of each document: the raw numbers behind scores.

Promises flat arrays sorted by term, then document, then field, and that what an unchanged document
holds is carried over from a former table instead of being read again. Knows no formula.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from search.mapping import mapped

Hashes = npt.NDArray[np.uint64]
Ordinals = npt.NDArray[np.int32]
MOST = 65535
GONE = -1


def hash_of(language: str, term: str) -> int:
    """Return the 64-bit BLAKE2b hash of a term in a language; two terms never share one in
    practice (a million terms: 3 in 100 million)."""
    held = f"{language}\t{term}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(held, digest_size=8).digest(), "little")


@dataclass(slots=True)
class Collected:
    """Counts of new documents, gathered one document at a time, in any order."""

    texts: dict[int, str] = field(default_factory=dict)
    hashes: array[int] = field(default_factory=lambda: array("Q"))
    docs: array[int] = field(default_factory=lambda: array("i"))
    fields: array[int] = field(default_factory=lambda: array("B"))
    counts: array[int] = field(default_factory=lambda: array("H"))
    _known: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, document: int, part: int, *, language: str, terms: Iterable[str]) -> None:
        """Count the terms of one field of one document."""
        for term, count in Counter(terms).items():
            key = language, term
            held = self._known.get(key)
            if held is None:
                held = self._known[key] = hash_of(language, term)
                self.texts[held] = f"{language}\t{term}"
            self.hashes.append(held)
            self.docs.append(document)
            self.fields.append(part)
            self.counts.append(min(count, MOST))


@dataclass(frozen=True, slots=True)
class Counts:
    """`terms` (t,) are hashes, ascending; the other arrays (r,) name one row each: the number of
    its term, its document, its field, and how often the term stands there.
    """

    terms: Hashes
    term: Ordinals
    docs: Ordinals
    fields: npt.NDArray[np.uint8]
    counts: npt.NDArray[np.uint16]

    def save(self, folder: Path, name: str) -> None:
        """Write `name.counts.*.npy`."""
        for part in _PARTS:
            np.save(folder / f"{name}.counts.{part}.npy", getattr(self, part))


_PARTS = ("terms", "term", "docs", "fields", "counts")


def load_counts(folder: Path, name: str) -> Counts:
    """Return the table saved under `name`, mapped from disk."""
    paths = (folder / f"{name}.counts.{part}.npy" for part in _PARTS)
    return Counts(*(mapped(path) for path in paths))


def merged(fresh: Collected, former: Counts | None = None, moved: Ordinals | None = None) -> Counts:
    """Return the table of the fresh documents and of the former ones that stayed.

    `moved[number]` is the present number of a former document, GONE when it changed or went; it
    must ascend among those that stayed.
    """
    hashes = _array(fresh.hashes, np.uint64)
    docs, fields, counts = _array(fresh.docs, np.int32), fresh.fields, fresh.counts
    terms, term = np.unique(hashes, return_inverse=True)
    parts = [(term, docs, _array(fields, np.uint8), _array(counts, np.uint16))]
    if former is not None and moved is not None and len(former.docs):
        there = moved[former.docs]
        stayed = np.flatnonzero(there != GONE)
        every = _joined(former.terms, terms)
        old = np.searchsorted(every, former.terms)[former.term[stayed]]
        parts = [
            (old, there[stayed], former.fields[stayed], former.counts[stayed]),
            (np.searchsorted(every, terms)[term], *parts[0][1:]),
        ]
        terms = every
    rows: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return _ordered(terms, rows)


def _joined(many: Hashes, few: Hashes) -> Hashes:
    """Return both ascending arrays as one, each hash once; quick when `few` is short."""
    place = np.searchsorted(many, few)
    there = many[np.minimum(place, len(many) - 1)] == few if len(many) else np.zeros(len(few), bool)
    return np.insert(many, place[~there], few[~there])


def _array(values: array[int], kind: Any) -> npt.NDArray[Any]:
    return np.frombuffer(values, kind) if len(values) else np.empty(0, kind)


def _ordered(terms: Hashes, rows: list[npt.NDArray[Any]]) -> Counts:
    """Return the rows sorted, and only the terms that some row has."""
    order = np.argsort((rows[0].astype(np.int64) << 32) | rows[1], kind="stable")
    term, docs, fields, counts = (row[order] for row in rows)
    used = np.zeros(len(terms), bool)
    used[term] = True
    number = np.cumsum(used, dtype=np.int64) - 1
    return Counts(terms[used], number[term].astype(np.int32), docs, fields, counts)
