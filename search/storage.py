"""Articles as they lie in a generation: JSON out, frozen dataclasses in.

Promises that what is read equals what was written. Knows no index.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from search.passages import Passage
from search.types import Document, Section

_DOCUMENTS, _PASSAGES = "documents.jsonl", "passages.npy"


def save_documents(folder: Path, documents: Sequence[Document]) -> None:
    """Write one JSON object a line."""
    with (folder / _DOCUMENTS).open("w", encoding="utf-8") as file:
        for document in documents:
            file.write(json.dumps(asdict(document), ensure_ascii=False) + "\n")


def load_documents(folder: Path) -> tuple[Document, ...]:
    """Return the articles in their order."""
    with (folder / _DOCUMENTS).open(encoding="utf-8") as file:
        return tuple(_document(json.loads(line)) for line in file)


def _document(held: dict[str, Any]) -> Document:
    sections = tuple(
        Section(row["anchor"], tuple(row["path"]), row["text"]) for row in held.pop("sections")
    )
    keywords, answers = tuple(held.pop("keywords")), tuple(held.pop("answers"))
    return Document(sections=sections, keywords=keywords, answers=answers, **held)


def save_passages(folder: Path, passages: Sequence[Passage]) -> None:
    """Write the passages as an integer array (m, 4)."""
    np.save(folder / _PASSAGES, np.array(passages, np.int32).reshape(-1, 4))


def load_passages(folder: Path) -> tuple[Passage, ...]:
    """Return the passages in their order."""
    return tuple(Passage(*row) for row in np.load(folder / _PASSAGES).tolist())
