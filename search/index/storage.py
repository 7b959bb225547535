"""Articles as stored in a generation: text read from disk on demand, facts held as columns.

What is read equals what was written. Opening ten thousand articles reads little more than their
ids.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from search.index.manifest import mapped, text_of
from search.text.passages import Passages
from search.types import Document, Section

_DOCUMENTS, _OFFSETS, _COLUMNS = "documents.jsonl", "documents.offsets.npy", "documents.json"
_DIGESTS, _PASSAGES = "documents.digests.npy", "passages.npy"
DIGEST_BYTES = 16
REMEMBERED = 256
Numbers = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """One fact of every article: article i has the value `names[numbers[i]]`."""

    names: tuple[str, ...]
    numbers: Numbers

    def among(self, wanted: Iterable[str]) -> npt.NDArray[np.bool_]:
        """Return which articles have one of the wanted values, shape (n,)."""
        chosen = frozenset(wanted)
        found = np.array([name in chosen for name in self.names], bool)
        return found[self.numbers] if len(self.names) else np.zeros(0, bool)

    def counted(self, articles: npt.NDArray[np.int64]) -> Mapping[str, int]:
        """Return for each value how many of the given articles have it, values without any left
        out.
        """
        counts = np.bincount(self.numbers[articles], minlength=len(self.names))
        return {name: int(n) for name, n in zip(self.names, counts, strict=True) if n}


def column(values: Iterable[str]) -> StoredColumn:
    """Return the column of the given values."""
    given = list(values)
    names = tuple(sorted(set(given)))
    number = {name: i for i, name in enumerate(names)}
    return StoredColumn(names, np.array([number[value] for value in given], np.int32))


@dataclass(frozen=True, slots=True)
class Packed:
    """An article as one line of bytes, with the digest by which a later build recognises it."""

    line: bytes
    digest: bytes


def packed(document: Document) -> Packed:
    """Return the article's line."""
    held = {name: getattr(document, name) for name in _FIELDS}
    held["sections"] = [section.to_row() for section in document.sections]
    line = json.dumps(held, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return Packed(line, hashlib.sha256(line).digest()[:DIGEST_BYTES])


_FIELDS = (
    *("id", "title", "summary", "language", "collection", "audience"),
    *("keywords", "answers", "changed"),
)
_FACTS = ("language", "collection", "audience")


def save_documents(folder: Path, documents: Sequence[Document], lines: Sequence[Packed]) -> None:
    """Write one JSON object a line, the offset of each, and the columns."""
    with (folder / _DOCUMENTS).open("wb") as file:
        file.writelines(row.line + b"\n" for row in lines)
    offsets = np.cumsum([0, *(len(row.line) + 1 for row in lines)], dtype=np.int64)
    np.save(folder / _OFFSETS, offsets)
    digests = np.frombuffer(b"".join(row.digest for row in lines), np.uint8)
    np.save(folder / _DIGESTS, digests.reshape(-1, DIGEST_BYTES))
    held: dict[str, Any] = {"id": [document.id for document in documents]}
    held["changed"] = [document.changed for document in documents]
    for fact in _FACTS:
        one = column(getattr(document, fact) for document in documents)
        held[fact] = {"names": one.names, "numbers": one.numbers.tolist()}
    (folder / _COLUMNS).write_text(json.dumps(held, ensure_ascii=False), "utf-8")


def load_digests(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return id -> (number, digest) of the articles in a generation."""
    ids = json.loads((folder / _COLUMNS).read_text("utf-8"))["id"]
    rows = np.load(folder / _DIGESTS)
    return {name: (i, rows[i].tobytes()) for i, name in enumerate(ids)}


class Documents(Sequence[Document]):
    """The articles of a generation in their order; text is read when an article is accessed."""

    def __init__(self, folder: Path) -> None:
        held = json.loads((folder / _COLUMNS).read_text("utf-8"))
        self.ids: tuple[str, ...] = tuple(held["id"])
        self.language, self.collection, self.audience = (
            StoredColumn(tuple(held[fact]["names"]), np.array(held[fact]["numbers"], np.int32))
            for fact in _FACTS
        )
        # Generations made before 2026-11-23 have no such column, but still serve.
        self.changed: Numbers = np.array(held.get("changed", [0] * len(self.ids)), np.int32)
        self._offsets = mapped(folder / _OFFSETS)
        self._text = text_of(folder / _DOCUMENTS)
        self._read = lru_cache(maxsize=REMEMBERED)(self._parsed)

    def __len__(self) -> int:
        """Return how many articles there are."""
        return len(self.ids)

    @overload
    def __getitem__(self, number: int) -> Document: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Document]: ...
    def __getitem__(self, number: int | slice) -> Document | Sequence[Document]:
        """Return an article, or several."""
        if isinstance(number, slice):
            return [self._read(i) for i in range(*number.indices(len(self)))]
        if not -len(self) <= number < len(self):
            raise IndexError(number)
        return self._read(number % len(self))

    def __iter__(self) -> Iterator[Document]:
        """Yield every article."""
        return (self._parsed(number) for number in range(len(self)))

    def _parsed(self, number: int) -> Document:
        start, end = self._offsets[number], self._offsets[number + 1]
        held = json.loads(self._text[start:end].decode("utf-8", "surrogatepass"))
        sections = tuple(map(Section.from_row, held.pop("sections")))
        keywords, answers = tuple(held.pop("keywords")), tuple(held.pop("answers"))
        return Document(sections=sections, keywords=keywords, answers=answers, **held)


def save_passages(folder: Path, passages: Passages) -> None:
    """Write the passages, shape (m, 4)."""
    np.save(folder / _PASSAGES, passages)


def load_passages(folder: Path) -> Passages:
    """Return the passages in their order, mapped from disk."""
    found: Passages = mapped(folder / _PASSAGES)
    return found
