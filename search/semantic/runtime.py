"""The light runtime: the model's own weights through onnxruntime, loaded in a fraction of a second.

It gives the vectors of the full model (checked when it was prepared) without importing torch, and
refuses a file whose SHA-256 is not the recorded one. `prepare` makes its folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
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
from search.semantic.multilingual import WEIGHTS_SHA256
from search.text.tokens import composed

FULL, QUICK, TOKENIZER = "model.onnx", "model.int8.onnx", "tokenizer.json"
# A SentencePiece model instead of the tokenizer: a large vocabulary takes a fifth of the memory.
PIECES = "pieces.model"
# The recipe of the multilingual model that is bundled as a package.
MULTILINGUAL = "multilingual.json"
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


def open_multilingual(cache: Path, model: Path | None = None) -> LightEncoder:
    """Return the prepared runtime of a multilingual model (default: the bundled one).

    SearchError when the runtime is missing or damaged.
    """
    return LightEncoder(*check_multilingual(cache, model))


def check_multilingual(cache: Path, model: Path | None = None) -> tuple[Path, Recipe]:
    """Return the folder of the prepared runtime of a multilingual model and its recipe, after
    reading every file. SearchError as for `open_multilingual`.
    """
    recipe = read_recipe(model_folder(model), bundled=False) if model else _recorded(cache)
    folder = runtime_folder(cache, recipe)
    verify(folder, recipe)
    return folder, recipe


def _recorded(cache: Path) -> Recipe:
    """Return the recipe of the bundled multilingual model, as noted when it was prepared."""
    try:
        held = json.loads((cache / MULTILINGUAL).read_text("utf-8"))
        if held.pop("package") != WEIGHTS_SHA256:
            raise ValueError("package")
        return Recipe(**held)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SearchError(
            "The model for other languages is not prepared yet.", "Run `kb publish`."
        ) from error


def record(cache: Path, recipe: Recipe) -> None:
    """Note the recipe of the bundled multilingual model, from which it is opened."""
    held = {"package": WEIGHTS_SHA256, **asdict(recipe)}
    fresh = cache / f"{MULTILINGUAL}.new"
    fresh.write_text(json.dumps(held, indent=1), "utf-8")
    os.replace(fresh, cache / MULTILINGUAL)


def verify(folder: Path, recipe: Recipe) -> None:
    """Raise SearchError unless the runtime in `folder` is whole and of this recipe."""
    hint = "Prepare it again: run `kb publish`, or `python -m search.prepare CACHE`."
    try:
        held: dict[str, Any] = json.loads((folder / "runtime.json").read_text("utf-8"))
    except FileNotFoundError as error:
        raise SearchError("The model's light runtime is not prepared yet.", hint) from error
    except (OSError, ValueError) as error:
        raise SearchError("The model's light runtime cannot be read.", hint) from error
    if held.get("fingerprint") != recipe.fingerprint:
        raise SearchError("The light runtime belongs to another model.", hint)
    hashes = held.get("sha256", {})
    needed = {FULL if QUICK not in hashes else QUICK, TOKENIZER if PIECES not in hashes else PIECES}
    for name in needed | set(hashes):
        path = folder / name
        if not path.is_file() or file_sha256(path) != hashes.get(name):
            raise SearchError(f"The light runtime's {name} is missing or damaged.", hint)


class _Tokens:
    """The tokenizer of a model from its `tokenizer.json`."""

    def __init__(self, folder: Path, longest: int) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self._tokenizer.enable_truncation(longest)
        self._tokenizer.no_padding()

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the numbers of the tokens of each text."""
        return [one.ids for one in self._tokenizer.encode_batch(list(texts))]

    def words(self) -> frozenset[str]:
        """Return the alphabetic vocabulary entries of four letters or more."""
        found = self._tokenizer.get_vocab()
        return frozenset(w for w in found if len(w) >= 4 and w.isalpha())


class _Pieces:
    """The tokenizer of a model with a SentencePiece vocabulary."""

    def __init__(self, folder: Path, longest: int) -> None:
        from sentencepiece import SentencePieceProcessor

        self._processor = SentencePieceProcessor(model_file=str(folder / PIECES))
        self._longest = longest

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the numbers of the tokens of each text."""
        first, last = self._processor.bos_id(), self._processor.eos_id()
        found = self._processor.encode([composed("NFKC", text) for text in texts])
        return [[first, *row[: self._longest - 2], last] for row in found]

    def words(self) -> frozenset[str]:
        """Return nothing: the pieces are of a hundred languages."""
        return frozenset()


class LightEncoder:
    """Vectors through onnxruntime: full weights for documents, 8-bit weights for queries where a
    trial found them as good; a compact runtime has 8-bit weights alone. `quick` (True or False)
    overrides the weights for queries. `other` encodes texts in other languages than English.
    """

    other: LightEncoder | None = None
    other_missing: str = ""  # why there is none although it is wanted

    def __init__(self, folder: Path, recipe: Recipe, *, quick: bool | None = None) -> None:
        self.recipe = recipe
        self._folder = folder
        few = (folder / QUICK).is_file() if quick is None else quick
        self._query_weights = QUICK if few else FULL
        self._document_weights = FULL if (folder / FULL).is_file() else QUICK
        self._sessions: dict[tuple[str, int], Any] = {}
        self._session(self._query_weights, threads=1)
        kind = _Pieces if (folder / PIECES).is_file() else _Tokens
        self._tokenizer = kind(folder, recipe.max_length)

    def _session(self, name: str, *, threads: int) -> Any:
        if (name, threads) not in self._sessions:
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = threads
            options.log_severity_level = 3
            self._sessions[name, threads] = onnxruntime.InferenceSession(
                str(self._folder / name), options, providers=["CPUExecutionProvider"]
            )
        return self._sessions[name, threads]

    @property
    def fingerprint(self) -> str:
        """Return the recipe's fingerprint."""
        return self.recipe.fingerprint

    def words(self) -> frozenset[str]:
        """Return the whole words of four letters or more that a model of one language knows."""
        return self._tokenizer.words()

    def encode_query(self, text: str) -> Vectors:
        """Return the unit vector of a query: float32, shape (d,)."""
        ids = self._tokenizer.ids([self.recipe.query_prefix + text])
        vector: Vectors = self._run(self._query_weights, ids, threads=1)[0]
        return vector

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a query, as `encode_query` makes it: float32, shape (n, d)."""
        prefix = self.recipe.query_prefix
        return self._batched(self._query_weights, [prefix + text for text in texts], threads=1)

    def encode_documents(self, texts: Sequence[str], progress: Progress = silent) -> Vectors:
        """Return one unit vector a text."""
        prefixed = [self.recipe.document_prefix + text for text in texts]
        return self._batched(self._document_weights, prefixed, progress, threads=THREADS)

    def _batched(
        self, weights: str, texts: Sequence[str], progress: Progress = silent, *, threads: int
    ) -> Vectors:
        """Batches hold texts of like length: little padding."""
        ids = self._tokenizer.ids(texts)
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        rows: dict[int, Vectors] = {}
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            made = self._run(weights, [ids[i] for i in batch], threads=threads)
            rows.update(zip(batch, made, strict=True))
            progress("encode", len(rows), len(texts))
        return np.stack([rows[i] for i in range(len(texts))]).astype(np.float32)

    def _run(self, weights: str, ids: Sequence[Sequence[int]], *, threads: int) -> Vectors:
        session = self._session(weights, threads=threads)
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
