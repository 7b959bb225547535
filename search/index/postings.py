"""Postings as flat arrays: which documents have a term, how often, and with what BM25F score.

Tables are sorted by term, then document, then field. Opening reads nothing, look-ups are slices
without copies, and rows of unchanged documents are carried over from the table before. The score of
a posting does not depend on the query, so a search only adds slices. Titles and the spelling
vocabulary are kept in the same way as keyword scores.

Formula (Robertson, Zaragoza and Taylor 2004, "Simple BM25 extension to multiple weighted fields",
with idf and lengths as in Whoosh):

    tf' = sum over fields of weight * tf
    impact = idf * tf' * (k1 + 1) / (tf' + k1 * (1 - b + b * length / mean))
    idf = ln(N / (df + 1)) + 1

Lengths are in terms of all fields, rounded up as Whoosh stores them. The result equals Whoosh's own
`scoring.BM25F` on the same index, except that each language counts as an index of its own, where
Whoosh would divide by all documents.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from whoosh.util.numeric import byte_to_length

from search.index.manifest import mapped

# -- Postings --


Values = npt.NDArray[np.float32]
_NONE = (np.empty(0, np.int32), np.empty(0, np.float32))
REMEMBERED = 4096  # look-ups of a table: the steps of a search repeat them
_PARTS = ("terms", "starts", "docs", "values")


@dataclass(frozen=True, slots=True)
class Postings:
    """Documents and values by term: `terms[i]` is the hash of a (language, term), ascending, with
    the documents `docs[starts[i]:starts[i+1]]` and the same slice of `values`.
    """

    terms: Hashes
    starts: npt.NDArray[np.int64]
    docs: Ordinals
    values: Values
    _found: dict[tuple[str, str], tuple[Ordinals, Values]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def find(self, language: str, term: str) -> tuple[Ordinals, Values]:
        """Return the documents that have a term and their values; empty arrays when none does."""
        key = language, term
        held = self._found.get(key)
        if held is None:
            held = self._looked_up(language, term)
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            self._found[key] = held
        return held

    def _looked_up(self, language: str, term: str) -> tuple[Ordinals, Values]:
        wanted = np.uint64(hash_of(language, term))
        at = int(self.terms.searchsorted(wanted))
        if at == len(self.terms) or self.terms[at] != wanted:
            return _NONE
        span = slice(int(self.starts[at]), int(self.starts[at + 1]))
        return self.docs[span], self.values[span]

    def save(self, folder: Path, name: str) -> None:
        """Write `name.terms.npy`, `name.starts.npy`, `name.docs.npy` and, if there are values,
        `name.values.npy`.
        """
        for part in _PARTS if len(self.values) else _PARTS[:-1]:
            np.save(folder / f"{name}.{part}.npy", getattr(self, part))


def load_postings(folder: Path, name: str) -> Postings:
    """Return the postings saved under `name`, mapped from disk; of a list of documents alone the
    values are empty.
    """
    terms, starts, docs = (mapped(folder / f"{name}.{part}.npy") for part in _PARTS[:-1])
    path = folder / f"{name}.{_PARTS[-1]}.npy"
    return Postings(terms, starts, docs, mapped(path) if path.is_file() else _NONE[1])


def summed(counts: TermCounts, values: npt.NDArray[np.float64]) -> Postings:
    """Return postings whose value is the sum of a row's `values` (r,) over the fields."""
    pair = (counts.term.astype(np.int64) << 32) | counts.docs
    first = np.flatnonzero(np.concatenate([[True], pair[1:] != pair[:-1]])) if len(pair) else pair
    totals = np.add.reduceat(values, first) if len(first) else np.empty(0)
    starts = np.searchsorted(counts.term[first], np.arange(len(counts.terms) + 1))
    return Postings(
        counts.terms,
        starts.astype(np.int64),
        docs=_numbers(counts.docs[first]),
        values=totals.astype(np.float32),
    )


def _numbers(docs: Ordinals) -> Ordinals:
    """Return document numbers in two bytes each where that is enough."""
    if not len(docs) or int(docs.max()) <= MOST:
        return docs.astype(np.uint16)
    return docs.astype(np.int32)


def listed(counts: TermCounts) -> Postings:
    """Return postings without values: only which documents have a term."""
    found = summed(counts, np.zeros(len(counts.docs)))
    return Postings(found.terms, found.starts, found.docs, _NONE[1])


def counts_of(postings: Postings) -> TermCounts:
    """Return the table of which `postings` without values were made."""
    rows = len(postings.docs)
    sizes = np.diff(postings.starts)
    return TermCounts(
        postings.terms,
        np.repeat(np.arange(len(sizes), dtype=np.int32), sizes),
        np.asarray(postings.docs, np.int32),
        np.zeros(rows, np.uint8),
        np.ones(rows, np.uint16),
    )


def save_texts(folder: Path, name: str, texts: Sequence[str]) -> None:
    """Write the text of each term of a table, in the order of their hashes."""
    (folder / f"{name}.texts").write_text("\n".join(texts), "utf-8")


def load_texts(folder: Path, name: str) -> list[str]:
    """Return the text of each term of a table: "language<tab>term"."""
    text = (folder / f"{name}.texts").read_text("utf-8")
    return text.split("\n") if text else []


# -- Term counts --


Hashes = npt.NDArray[np.uint64]
Ordinals = npt.NDArray[np.int32] | npt.NDArray[np.uint16]
MOST = 65535
GONE = -1


def hash_of(language: str, term: str) -> int:
    """Return the 64-bit BLAKE2b hash of a term in a language. Collisions do not matter in practice
    (a million terms: 3 in 100 million).
    """
    held = f"{language}\t{term}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(held, digest_size=8).digest(), "little")


class _HashesOf(dict[str, int]):
    """The hash of each term of a language so far; its text is added to `texts`."""

    def __init__(self, language: str, texts: dict[int, str]) -> None:
        super().__init__()
        self._language, self._texts = language, texts

    def __missing__(self, term: str) -> int:
        held = self[term] = hash_of(self._language, term)
        self._texts[held] = f"{self._language}\t{term}"
        return held


@dataclass(slots=True)
class Collected:
    """Counts of new documents, gathered one document at a time, in any order."""

    texts: dict[int, str] = field(default_factory=dict)
    hashes: array[int] = field(default_factory=lambda: array("Q"))
    docs: array[int] = field(default_factory=lambda: array("i"))
    fields: array[int] = field(default_factory=lambda: array("B"))
    counts: array[int] = field(default_factory=lambda: array("H"))
    _known: dict[str, _HashesOf] = field(default_factory=dict)

    def add(self, document: int, part: int, *, language: str, terms: Iterable[str]) -> None:
        """Count the terms of one field of one document."""
        known = self._known.get(language)
        if known is None:
            known = self._known[language] = _HashesOf(language, self.texts)
        found = Counter(terms)
        self.hashes.extend([known[term] for term in found])
        self.docs.extend([document] * len(found))
        self.fields.extend([part] * len(found))
        self.counts.extend([min(count, MOST) for count in found.values()])


@dataclass(frozen=True, slots=True)
class TermCounts:
    """Occurrences of terms: `terms` (t,) are hashes, ascending; the other arrays (r,) have one row
    for each combination of term number, document and field, with its count.
    """

    terms: Hashes
    term: Ordinals
    docs: Ordinals
    fields: npt.NDArray[np.uint8]
    counts: npt.NDArray[np.uint16]

    def save(self, folder: Path, name: str) -> None:
        """Write `name.counts.*.npy`."""
        for part in _COUNT_PARTS:
            np.save(folder / f"{name}.counts.{part}.npy", getattr(self, part))


_COUNT_PARTS = ("terms", "term", "docs", "fields", "counts")


def load_counts(folder: Path, name: str) -> TermCounts:
    """Return the table saved under `name`, mapped from disk."""
    paths = (folder / f"{name}.counts.{part}.npy" for part in _COUNT_PARTS)
    return TermCounts(*(mapped(path) for path in paths))


def merged(
    fresh: Collected, former: TermCounts | None = None, moved: Ordinals | None = None
) -> TermCounts:
    """Return the table of the new documents and of the former ones that stayed.

    `moved[number]` is the present number of a former document, GONE when it changed or was removed;
    it must ascend among those that stayed.
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
    """Return the union of two ascending arrays; quick when `few` is short."""
    place = np.searchsorted(many, few)
    there = many[np.minimum(place, len(many) - 1)] == few if len(many) else np.zeros(len(few), bool)
    return np.insert(many, place[~there], few[~there])


def _array(values: array[int], kind: Any) -> npt.NDArray[Any]:
    return np.frombuffer(values, kind) if len(values) else np.empty(0, kind)


def _ordered(terms: Hashes, rows: list[npt.NDArray[Any]]) -> TermCounts:
    """Return the terms that some row uses, and the rows sorted."""
    order = np.argsort((rows[0].astype(np.int64) << 32) | rows[1], kind="stable")
    term, docs, fields, counts = (row[order] for row in rows)
    used = np.zeros(len(terms), bool)
    used[term] = True
    number = np.cumsum(used, dtype=np.int64) - 1
    return TermCounts(terms[used], number[term].astype(np.int32), docs, fields, counts)


# -- BM25F impacts --


Floats = npt.NDArray[np.float64]
# Whoosh keeps the length of a field in one byte; these are the lengths that it can represent.
_LENGTHS = np.array([byte_to_length(number) for number in range(256)], np.float64)


@dataclass(frozen=True, slots=True)
class Scoring:
    """The weight of a term in each field, by field number, and BM25's two parameters."""

    weights: Sequence[float]
    b: float
    k1: float


def impacts_of(counts: TermCounts, scoring: Scoring, languages: npt.NDArray[np.int32]) -> Postings:
    """Return the impact of every term on every document that holds it; `languages` (n,) is the
    number of each document's language.
    """
    weights = np.asarray(scoring.weights, np.float64)
    often = summed(counts, weights[counts.fields] * counts.counts)
    if not len(often.docs):
        return often
    held = np.diff(often.starts)
    sizes = np.bincount(languages)
    total = sizes[languages[often.docs]]
    idf = np.log(total / (np.repeat(held, held) + 1)) + 1
    norms = _norms(counts, scoring.b, languages=languages, sizes=sizes)[often.docs]
    frequency = often.values.astype(np.float64)
    shares = frequency * (scoring.k1 + 1) / (frequency + scoring.k1 * norms)
    return Postings(often.terms, often.starts, often.docs, (idf * shares).astype(np.float32))


def _norms(
    counts: TermCounts,
    b: float,
    *,
    languages: npt.NDArray[np.int32],
    sizes: npt.NDArray[np.int64],
) -> Floats:
    """Return 1 - b + b * length / mean length of each document."""
    lengths = np.bincount(counts.docs, weights=counts.counts, minlength=len(languages))
    means = np.bincount(languages, lengths, minlength=len(sizes)) / np.maximum(sizes, 1)
    stored = _LENGTHS[np.minimum(np.searchsorted(_LENGTHS, lengths), 255)]
    return np.asarray(1 - b + b * stored / np.maximum(means, 1e-9)[languages])
