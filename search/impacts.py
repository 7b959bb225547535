"""BM25F as arrays: what each term adds to each document's score, worked out once at build time.

The score of a posting does not depend on the query, so a search only adds slices. Promises the
scores of the formula below over exactly what the Whoosh index holds. Knows no analysis.

Formula: Robertson, Zaragoza, Taylor (2004), "Simple BM25 extension to multiple weighted fields":
tf' = sum over fields of weight * tf / (1 - b + b * length / mean length);
impact = idf * tf' * (k1 + 1) / (tf' + k1), idf = ln(1 + (N - df + 0.5) / (df + 0.5)).
N, df and mean lengths are those of the documents of one language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
from whoosh.index import Index
from whoosh.reading import IndexReader

from search.encoder import Progress, silent
from search.postings import Ordinals, Postings, Values, from_arrays, key_of

K1 = 2.2
Floats = npt.NDArray[np.float64]
Fields = Mapping[str, tuple[float, float]]
# field term -> documents, frequencies
_Field = dict[str, tuple[Ordinals, Values]]


def impacts_of(index: Index, fields: Fields, *, progress: Progress = silent) -> Postings:
    """Return the impacts of every (language, term) in an index whose fields are `name_language`."""
    with index.reader() as reader:
        languages = sorted({name.rpartition("_")[2] for name in reader.schema.names()})
        rows: list[tuple[str, Ordinals, Values]] = []
        for done, language in enumerate(languages, 1):
            rows.extend(_language_rows(reader, language, fields=fields))
            progress("impacts", done, len(languages))
    return from_arrays(sorted(rows, key=lambda row: row[0]))


def _language_rows(
    reader: IndexReader, language: str, *, fields: Fields
) -> Iterator[tuple[str, Ordinals, Values]]:
    size = reader.doc_count_all()
    held = {name: _read(reader, f"{name}_{language}") for name in fields}
    norms = {name: _norms(held[name], size, b=b) for name, (_, b) in fields.items()}
    present = np.zeros(size, bool)
    for field in held.values():
        for docs, _ in field.values():
            present[docs] = True
    count = int(present.sum())
    for term in sorted(set().union(*held.values())):
        docs, weighted = _weighted(term, held, norms=norms, fields=fields)
        yield key_of(language, term), docs, _impact(weighted, count)


def _read(reader: IndexReader, field: str) -> _Field:
    found: _Field = {}
    if field not in reader.schema.names():
        return found
    for term in reader.lexicon(field):
        docs, counts = _postings(reader.postings(field, term))
        found[term.decode("utf-8")] = docs, counts
    return found


def _postings(matcher: object) -> tuple[Ordinals, Values]:
    docs, counts = [], []
    while matcher.is_active():  # type: ignore[attr-defined]
        docs.append(matcher.id())  # type: ignore[attr-defined]
        counts.append(matcher.weight())  # type: ignore[attr-defined]
        matcher.next()  # type: ignore[attr-defined]
    return np.array(docs, np.int32), np.array(counts, np.float32)


def _norms(field: _Field, size: int, *, b: float) -> Floats:
    """Return 1 - b + b * length / mean length for each document."""
    lengths = np.zeros(size)
    for docs, counts in field.values():
        lengths[docs] += counts
    filled = lengths[lengths > 0]
    mean = float(filled.mean()) if filled.size else 1.0
    return np.asarray(1 - b + b * lengths / mean)


def _weighted(
    term: str, held: Mapping[str, _Field], *, norms: Mapping[str, Floats], fields: Fields
) -> tuple[Ordinals, Floats]:
    """Return the documents of a term and its weighted, normalised frequency in each."""
    parts = [(name, *held[name][term]) for name in fields if term in held[name]]
    docs = np.unique(np.concatenate([found for _, found, _ in parts]))
    total = np.zeros(len(docs))
    for name, found, counts in parts:
        total[np.searchsorted(docs, found)] += fields[name][0] * counts / norms[name][found]
    return docs, total


def _impact(weighted: Floats, count: int) -> Values:
    df = len(weighted)
    idf = np.log(1 + (count - df + 0.5) / (df + 0.5))
    return np.asarray(idf * weighted * (K1 + 1) / (weighted + K1), dtype=np.float32)
