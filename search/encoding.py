"""The vectors of many texts, made once each: known ones carried over, new ones kept as they come.

Promises that a build that was stopped begins again where it was: every finished batch is written
to a journal beside the generations, and what a torn write left there is not believed. Knows no
article: keys and texts in, vectors out.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from search.encoder import Encoder, Progress, Vectors

# Texts handed to the model at a time: little memory, little lost by a kill.
BATCH = 256
KEY_BYTES = 16


class Journal:
    """Vectors of one recipe as they are made: records of key, vector and checksum."""

    def __init__(self, root: Path, fingerprint: str) -> None:
        self._path = root / f"encoding-{fingerprint}.part"

    def read(self) -> dict[bytes, Vectors]:
        """Return what an earlier build had finished; {} when there is nothing or nothing sound."""
        try:
            held = self._path.read_bytes()
            width = int.from_bytes(held[:4], "little")
        except OSError:
            return {}
        size = KEY_BYTES + 4 * width + 4
        rows = (held[at : at + size] for at in range(4, len(held) - size + 1, size))
        sound = (row for row in rows if zlib.crc32(row[:-4]) == int.from_bytes(row[-4:], "little"))
        return {row[:KEY_BYTES]: np.frombuffer(row[KEY_BYTES:-4], np.float32) for row in sound}

    def write(self, rows: Mapping[bytes, Vectors]) -> None:
        """Begin the journal with what is known already."""
        self._path.unlink(missing_ok=True)
        if rows:
            self.add(list(rows), np.stack(list(rows.values())))

    def add(self, keys: list[bytes], vectors: Vectors) -> None:
        """Append finished vectors (n, d) under their keys."""
        with self._path.open("ab") as file:
            if file.tell() == 0:
                file.write(vectors.shape[1].to_bytes(4, "little"))
            for name, vector in zip(keys, vectors, strict=True):
                record = name + np.asarray(vector, np.float32).tobytes()
                file.write(record + zlib.crc32(record).to_bytes(4, "little"))


def fill(
    vectors: Vectors,
    missing: Mapping[bytes, tuple[str, list[int]]],
    encoder: Encoder,
    *,
    journal: Journal,
    progress: Progress,
) -> None:
    """Write the vectors of texts into their rows.

    `missing` maps a text's key to the text and its rows. Texts of like length go together.
    """
    if not missing:
        return
    known = {name: row for name, row in journal.read().items() if name in missing}
    journal.write(known)
    for name, row in known.items():
        vectors[missing[name][1]] = row
    left = sorted((name for name in missing if name not in known), key=lambda k: len(missing[k][0]))
    done = len(known)
    progress("encode", done, len(missing))
    for batch in _batches(left):
        made = encoder.encode_documents([missing[name][0] for name in batch])
        journal.add(batch, made)
        for name, row in zip(batch, made, strict=True):
            vectors[missing[name][1]] = row
        done += len(batch)
        progress("encode", done, len(missing))


def _batches(names: list[bytes]) -> Iterator[list[bytes]]:
    for start in range(0, len(names), BATCH):
        yield names[start : start + BATCH]
