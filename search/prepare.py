"""Exports the model once to the light runtime, checks it against the full model and caches it.

The cached runtime gives the full model's vectors (cosine at least 0.999 on a sample); queries use
8-bit weights only where a trial shows no loss. A killed preparation leaves nothing that could be
taken for a finished one. It runs in a process of its own, so that no server keeps torch in memory;
`python -m search.prepare CACHE [MODEL] [--multilingual]` does it by hand. One such process makes
two models, `python -m search.prepare CACHE [MODEL] --with-multilingual[=MODEL]`: to load torch and
sentence-transformers takes longer than to export the smaller one.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt

from search.errors import SearchError
from search.evaluation.measures import ndcg
from search.semantic.encoder import (
    Progress,
    Recipe,
    SentenceEncoder,
    Vectors,
    file_sha256,
    model_folder,
    read_recipe,
    silent,
)
from search.semantic.multilingual import Floats, unpack, weights
from search.semantic.runtime import (
    FULL,
    PIECES,
    QUICK,
    TOKENIZER,
    LightEncoder,
    open_multilingual,
    record,
    runtime_folder,
    verify,
)

AGREEMENT = 0.999
# Limits for 8-bit weights on the trial: lowest cosine of a query, and loss of nDCG@10.
QUICK_AGREEMENT, QUICK_LOSS = 0.98, 0.01
OPSET = 17
LARGE_TENSOR = 1_000_000  # bytes
_ALONE, _BOTH = "--multilingual", "--with-multilingual"
ROWS = 10_000  # of a table, quantised at a time
_TRACED = ["a b c", "d"]
_SAMPLE = (
    "I forgot my password",
    "The printer in room 4 says 0x80070005 and prints nothing at all, what now?",
    "VPN",
    "¿Cómo restablezco la contraseña de mi correo electrónico?",
    "日本語のキーボードを追加する",
    "Choose Settings, then Accounts. " * 60,
)


def prepare(cache: Path, model: Path | None = None, *, progress: Progress = silent) -> Path:
    """Return the folder of the model's light runtime, made now unless it is there and whole.

    SearchError when the model is missing, damaged, or does not export faithfully.
    """
    recipe = read_recipe(model_folder(model), bundled=model is None)
    folder = runtime_folder(cache, recipe)
    try:
        verify(folder, recipe)
    except SearchError:
        progress("prepare", 0, 1)
        _in_child(cache, model)
        verify(folder, recipe)
        progress("prepare", 1, 1)
    return folder


def prepare_multilingual(
    cache: Path, model: Path | None = None, *, progress: Progress = silent
) -> LightEncoder:
    """Return the compact runtime of a multilingual model (default: the bundled one), made now
    unless it is there and whole. SearchError as for `prepare`.
    """
    try:
        return open_multilingual(cache, model)
    except SearchError:
        if model is None:
            weights()  # says what to install before much is done
        progress("prepare", 0, 1)
        _in_child(cache, model, _ALONE)
        progress("prepare", 1, 1)
    return open_multilingual(cache, model)


def prepare_both(
    cache: Path, model: Path | None, multilingual: Path | None, *, progress: Progress = silent
) -> None:
    """Make the runtimes of both models in one process where the cache folder has none yet. What
    fails is left to `prepare` and `prepare_multilingual`, which tell why.
    """
    if any(cache.glob("runtime-*")):
        return
    progress("prepare", 0, 1)
    with contextlib.suppress(SearchError):
        _in_child(cache, model, _BOTH + (f"={multilingual.resolve()}" if multilingual else ""))
    progress("prepare", 1, 1)


def _in_child(cache: Path, model: Path | None, *options: str) -> None:
    """Export in a process of its own: torch takes half a gigabyte that the caller would keep."""
    command = [sys.executable, "-m", "search.prepare", str(cache.resolve())]
    command += [str(model.resolve())] if model else []
    command += options
    places = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, places))}
    cache.mkdir(parents=True, exist_ok=True)
    # torch leaves a folder where temporary files go.
    with tempfile.TemporaryDirectory(prefix="preparing-", dir=cache) as aside:
        environment["TMPDIR"] = str(Path(aside).resolve())
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)  # noqa: S603
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise SearchError(f"The model could not be prepared: {last}", "Run it by hand to see more.")


def make(cache: Path, model: Path | None = None) -> Path:
    """Return the folder of a runtime made now, in this process."""
    recipe = read_recipe(model_folder(model), bundled=model is None)
    folder = runtime_folder(cache, recipe)
    _make(folder, recipe, model=model)
    return folder


def make_multilingual(cache: Path, model: Path | None = None) -> Path:
    """Return the folder of the compact runtime of a multilingual model made now, in this
    process.
    """
    unpacked = model or unpack(cache)
    recipe = read_recipe(unpacked, bundled=False)
    folder = runtime_folder(cache, recipe)
    _make(folder, recipe, model=unpacked, compact=True)
    if model is None:
        record(cache, recipe)
        shutil.rmtree(unpacked, ignore_errors=True)
    return folder


def _make(folder: Path, recipe: Recipe, *, model: Path | None, compact: bool = False) -> None:
    """Make the runtime of a model. A compact one has 8-bit weights alone, its table of words, the
    largest part of a multilingual model, among them.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="preparing-", dir=folder.parent))
    try:
        full = SentenceEncoder(model)
        if compact:
            _export_in_two(full, work)
        else:
            _export(full, work / FULL)
            _quantise(work, "MatMul")
        shutil.copyfile(model_folder(model) / "tokenizer.json", work / TOKENIZER)
        if compact and (model_folder(model) / PIECES).is_file():
            shutil.copyfile(model_folder(model) / PIECES, work / PIECES)
        light, quick = (LightEncoder(work, recipe, quick=quick) for quick in (False, True))
        _check(full, light)
        trial = _trial(light, quick)
        if trial["cosine"] < QUICK_AGREEMENT or trial["ndcg_loss"] > QUICK_LOSS:
            _drop(work, QUICK)
        elif compact:
            _drop(work, FULL)
            if (work / PIECES).is_file():
                _drop(work, TOKENIZER)
        _publish(work, folder, recipe, trial)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _drop(work: Path, name: str) -> None:
    """Delete a file and the one with its large tensors."""
    for each in (name, f"{name}.data"):
        (work / each).unlink(missing_ok=True)


def _export_in_two(full: SentenceEncoder, work: Path) -> None:
    """Export and quantise a model with the first rows of its table of words, then put the whole
    table in: neither step then takes the time and the memory of the largest part.
    """
    inner: Any = full.model[0].auto_model
    table = inner.get_input_embeddings()
    whole = table.weight
    try:
        sample = full.model.tokenizer(_TRACED, padding=True)["input_ids"]
        table.weight = type(whole)(whole.data[: 1 + max(map(max, sample))], requires_grad=False)
        _export(full, work / FULL)
        _quantise(work, "MatMul", "Gather")
        [name] = [name for name, held in inner.named_parameters() if held is table.weight]
    finally:
        table.weight = whole
    words: Floats = whole.detach().numpy()
    _put(work / FULL, {f"inner.{name}": words})
    scale, zero, small = _in_bytes(words)
    parts = {"scale": scale, "zero_point": zero, "quantized": small}
    _put(work / QUICK, {f"inner.{name}_{part}": value for part, value in parts.items()})


def _in_bytes(words: Floats) -> tuple[Any, Any, npt.NDArray[np.uint8]]:
    """Return the scale, the zero point and the values that the quantiser gives a table, which it
    takes for an input: made some rows at a time.
    """
    from onnx import TensorProto
    from onnxruntime.quantization import quant_utils

    kind = TensorProto.UINT8
    zero, scale = quant_utils.compute_data_quant_params(words, kind, False)
    small = np.empty(words.shape, np.uint8)
    for at in range(0, len(words), ROWS):
        rows = words[at : at + ROWS]
        small[at : at + ROWS] = quant_utils.quantize_nparray(kind, rows, scale, zero)
    return scale, zero, small


def _put(file: Path, tensors: dict[str, npt.NDArray[Any]]) -> None:
    """Put tensors in the place of those of the same names. The large ones are in a file of their
    own, which processes map and share instead of reading it.
    """
    import onnx

    held = onnx.load(str(file))
    places = {one.name: one for one in held.graph.initializer}
    for name, values in tensors.items():
        made = onnx.numpy_helper.from_array(values, name)
        if name not in places or places[name].data_type != made.data_type:
            raise SearchError(f"The exported model has no {name} of that kind.", "Report this.")
        places[name].CopyFrom(made)
    file.unlink()
    onnx.save_model(
        held,
        str(file),
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=f"{file.name}.data",
        size_threshold=LARGE_TENSOR,
    )


def _export(full: SentenceEncoder, target: Path) -> None:
    import torch

    inner: Any = full.model[0].auto_model
    sample = full.model.tokenizer(_TRACED, padding=True, return_tensors="pt")
    names = [n for n in ("input_ids", "attention_mask", "token_type_ids") if n in sample]
    pooled = _pooled(inner, names, full.recipe.pooling)
    axes = {name: {0: "batch", 1: "length"} for name in names} | {"vector": {0: "batch"}}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter warns of constants that are constant here
        torch.onnx.export(
            pooled.eval(),
            tuple(sample[name] for name in names),
            str(target),
            input_names=names,
            output_names=["vector"],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )


def _pooled(inner: Any, names: list[str], pooling: str) -> Any:
    """Return a torch module from token ids to unit vectors."""
    import torch

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, *given: Any) -> Any:
            named = dict(zip(names, given, strict=True))
            states = self.inner(**named).last_hidden_state
            if pooling == "cls":
                vector = states[:, 0]
            else:
                mask = named["attention_mask"].unsqueeze(-1).to(states.dtype)
                vector = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(vector, dim=-1)

    return Pooled()


def _check(full: SentenceEncoder, light: LightEncoder) -> None:
    ours, theirs = light.encode_documents(_SAMPLE), full.encode_documents(_SAMPLE)
    agreement = float(np.min(np.sum(ours * theirs, axis=1)))
    if agreement < AGREEMENT:
        raise SearchError(
            f"The exported model disagrees with the full one (cosine {agreement:.4f}).",
            "Use another model, or report this with the model's name.",
        )


def _quantise(work: Path, *operations: str) -> None:
    """Make 8-bit weights of these operations, for queries."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.disable(logging.WARNING)  # the quantiser advises a pre-processing that changes nothing
    try:
        quantize_dynamic(
            str(work / FULL),
            str(work / QUICK),
            weight_type=QuantType.QInt8,
            op_types_to_quantize=list(operations),
            per_channel=True,
        )
    finally:
        logging.disable(logging.NOTSET)


def _trial(full: LightEncoder, quick: LightEncoder) -> dict[str, Any]:
    """Return the lowest cosine over the trial's queries, nDCG@10 in full precision, and its loss
    with 8 bits.
    """
    lines = Path(__file__).with_name("trial.tsv").read_text("utf-8").splitlines()
    questions, passages = zip(*(line.split("\t") for line in lines), strict=True)
    documents = full.encode_documents(passages)
    slow, fast = (np.stack([e.encode_query(q) for q in questions]) for e in (full, quick))
    quality, less = (_known_items(queries @ documents.T) for queries in (slow, fast))
    return {
        "cosine": round(float(np.min(np.sum(slow * fast, axis=1))), 4),
        "ndcg": round(quality, 4),
        "ndcg_loss": round(quality - less, 4),
    }


def _known_items(scores: Vectors) -> float:
    """Return nDCG@10 where query i has one relevant passage, number i."""
    ranked = np.argsort(-scores, axis=1).astype(str)
    return fmean(ndcg(row.tolist(), {str(n): 1.0}) for n, row in enumerate(ranked))


def _publish(work: Path, folder: Path, recipe: Recipe, trial: dict[str, Any]) -> None:
    hashes = {path.name: file_sha256(path) for path in sorted(work.iterdir())}
    facts = {"fingerprint": recipe.fingerprint, "trial": trial, "sha256": hashes}
    (work / "runtime.json").write_text(json.dumps(facts, indent=1), "utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    os.replace(work, folder)


def main(arguments: list[str]) -> list[Path]:
    """Make the runtimes that the command line asks for; return their folders."""
    words = [one for one in arguments if not one.startswith("-")] or ["var/cache"]
    options = dict(one.partition("=")[::2] for one in arguments if one.startswith("-"))
    cache, model = Path(words[0]), Path(words[1]) if len(words) > 1 else None
    if _ALONE in options:
        return [make_multilingual(cache, model)]
    made = [make(cache, model)]
    if _BOTH in options:
        other = options[_BOTH]
        made.append(make_multilingual(cache, Path(other) if other else None))
    return made


if __name__ == "__main__":
    print(*main(sys.argv[1:]), sep="\n")
