"""The light runtime: the model's own weights through onnxruntime, loaded in a fraction of a second.

It gives the vectors of the full model (checked when it was prepared) without importing torch, and
refuses a file whose SHA-256 is not the recorded one. `prepare` makes its folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from search.errors import SearchError
from search.semantic.encoder import (
    Progress,
    Recipe,
    Vectors,
    file_sha256,
    model_folder,
    read_recipe,
    silent,
)

FULL, QUICK, TOKENIZER = "model.onnx", "model.int8.onnx", "tokenizer.json"
BATCH = 32
# More than two threads do not speed up a batch of short texts, and slow other processes down.
THREADS = min(2, os.cpu_count() or 1)


def runtime_folder(cache: Path, recipe: Recipe) -> Path:
    """Return the folder for the runtime of a recipe under the cache folder."""
    return cache / f"runtime-{recipe.fingerprint}"


def open_runtime(cache: Path, model: Path | None = None) -> LightEncoder:
    """Return the prepared runtime of `model` (default: the bundled one).

    SearchError when the model or the runtime is missing or damaged.
    """
    return LightEncoder(*check(cache, model))


def check(cache: Path, model: Path | None = None) -> tuple[Path, Recipe]:
    """Return the folder of the prepared runtime of `model` and its recipe, after reading every
    file.

    SearchError when the model or the runtime is missing or damaged.
    """
    recipe = read_recipe(model_folder(model), bundled=model is None)
    folder = runtime_folder(cache, recipe)
    verify(folder, recipe)
    return folder, recipe


def verify(folder: Path, recipe: Recipe) -> None:
    """Raise SearchError unless the runtime in `folder` is whole and of this recipe."""
    hint = "Prepare it again: run `kb publish`, or `python -m search.prepare CACHE`."
    try:
        record: dict[str, Any] = json.loads((folder / "runtime.json").read_text("utf-8"))
    except FileNotFoundError as error:
        raise SearchError("The model's light runtime is not prepared yet.", hint) from error
    except (OSError, ValueError) as error:
        raise SearchError("The model's light runtime cannot be read.", hint) from error
    if record.get("fingerprint") != recipe.fingerprint:
        raise SearchError("The light runtime belongs to another model.", hint)
    hashes = record.get("sha256", {})
    for name in {FULL, TOKENIZER, *hashes}:
        path = folder / name
        if not path.is_file() or file_sha256(path) != hashes.get(name):
            raise SearchError(f"The light runtime's {name} is missing or damaged.", hint)


class LightEncoder:
    """Vectors through onnxruntime: full weights for documents, 8-bit weights for queries where a
    trial found them as good. `quick` (True or False) overrides the weights for queries.
    """

    def __init__(self, folder: Path, recipe: Recipe, *, quick: bool | None = None) -> None:
        from tokenizers import Tokenizer

        self.recipe = recipe
        self._folder = folder
        few = (folder / QUICK).is_file() if quick is None else quick
        self._query_weights = QUICK if few else FULL
        self._sessions: dict[str, Any] = {}
        self._session(self._query_weights)
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self._tokenizer.enable_truncation(recipe.max_length)
        self._tokenizer.no_padding()

    def _session(self, name: str) -> Any:
        if name not in self._sessions:
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1 if name == self._query_weights else THREADS
            options.log_severity_level = 3
            self._sessions[name] = onnxruntime.InferenceSession(
                str(self._folder / name), options, providers=["CPUExecutionProvider"]
            )
        return self._sessions[name]

    @property
    def fingerprint(self) -> str:
        """Return the recipe's fingerprint."""
        return self.recipe.fingerprint

    def words(self) -> frozenset[str]:
        """Return the alphabetic vocabulary entries of four letters or more."""
        found = self._tokenizer.get_vocab()
        return frozenset(w for w in found if len(w) >= 4 and w.isalpha())

    def encode_query(self, text: str) -> Vectors:
        """Return the unit vector of a query: float32, shape (d,)."""
        encoded = self._tokenizer.encode(self.recipe.query_prefix + text)
        vector: Vectors = self._run(self._query_weights, [encoded.ids])[0]
        return vector

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a query, as `encode_query` makes it: float32, shape (n, d)."""
        prefix = self.recipe.query_prefix
        return self._batched(self._query_weights, [prefix + text for text in texts])

    def encode_documents(self, texts: Sequence[str], progress: Progress = silent) -> Vectors:
        """Return one unit vector a text."""
        prefix = self.recipe.document_prefix
        return self._batched(FULL, [prefix + text for text in texts], progress)

    def _batched(self, weights: str, texts: Sequence[str], progress: Progress = silent) -> Vectors:
        """Batches hold texts of like length: little padding."""
        ids = [e.ids for e in self._tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        rows: dict[int, Vectors] = {}
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            rows.update(zip(batch, self._run(weights, [ids[i] for i in batch]), strict=True))
            progress("encode", len(rows), len(texts))
        return np.stack([rows[i] for i in range(len(texts))]).astype(np.float32)

    def _run(self, weights: str, ids: Sequence[Sequence[int]]) -> Vectors:
        session = self._session(weights)
        width = max(len(row) for row in ids)
        tokens = np.zeros((len(ids), width), dtype=np.int64)
        mask = np.zeros((len(ids), width), dtype=np.int64)
        for i, row in enumerate(ids):
            tokens[i, : len(row)] = row
            mask[i, : len(row)] = 1
        given = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}
        wanted = {one.name for one in session.get_inputs()}
        feed = {name: value for name, value in given.items() if name in wanted}
        return np.asarray(session.run(None, feed)[0], dtype=np.float32)
