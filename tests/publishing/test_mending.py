"""What was damaged while it served is made again by the worker: the same commit, without hands."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from kb.config.settings import Settings, load
from kb.publishing import index_repair, publisher
from kb.publishing.index_repair import IndexRepair, repairs
from kb.publishing.publisher import Published
from kb.publishing.state import notices_of
from kb.services import Services, build
from search import engine as engines
from search.errors import SearchError
from search.index import generation
from search.index.manifest import shared, verify
from search.semantic.encoder import silent

ROOT = Path(__file__).resolve().parents[2]
Live = Callable[..., Published]
NOW = datetime.now(UTC)
FILES = ("documents.jsonl", "manifest.json", "extra/library.jsonl", "whoosh", "titles.docs.npy")


@pytest.fixture(autouse=True)
def at_every_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "LOOK_S", 0.0)
    monkeypatch.setattr(index_repair, "LOOK_S", 0.0)


@pytest.fixture
def worker(parts: Services) -> Services:
    """Return the parts as a process of its own holds them, the index read."""
    other = build(parts.settings)
    other.engine.warm()
    return other


def live(settings: Settings) -> generation.Generation:
    return generation.open_current(settings.generations)


def mended(parts: Services, now: datetime = NOW) -> dict[str, str]:
    """Let a worker look once; return what it says is still being repaired."""
    IndexRepair(parts.settings, parts.engine).look(now)
    return repairs(parts.settings.data)


@pytest.mark.parametrize("file", FILES)
def test_a_damaged_generation_is_built_again_from_its_own_commit(
    worker: Services, client: FlaskClient, repository: Any, file: str
) -> None:
    """The branch has moved meanwhile, and publishing is left to people: it is not published."""
    settings, before = worker.settings, live(worker.settings)
    assert client.get("/articles/vpn/connect").status_code == 200
    repository.write("vpn/added.md")
    repository.commit("not asked for yet")
    place = before.path / file
    shutil.rmtree(place) if place.is_dir() else place.write_bytes(b"")
    assert mended(worker) == {}
    again = live(settings)
    assert (again.commit, again.documents.ids) == (before.commit, before.documents.ids)
    assert again.id != before.id
    assert client.get("/articles/vpn/connect").status_code == 200
    checks = client.get("/readyz").get_json()["checks"]
    assert checks["files"] == {"ok": True, "detail": "whole"}


def test_what_is_wrong_is_logged_and_told_by_readyz_until_it_is_whole(
    worker: Services, client: FlaskClient, repository: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/")
    repository.folder.rename(repository.folder.with_name("away"))
    (live(worker.settings).path / "words.texts").unlink()
    mender = IndexRepair(worker.settings, worker.engine)
    mender.look(NOW)
    assert "words.texts is gone" in caplog.text
    assert "could not be repaired" in caplog.text
    checks = client.get("/readyz").get_json()["checks"]
    assert checks["files"]["ok"] is False
    assert "the index is being rebuilt: words.texts is gone" in checks["files"]["detail"]
    assert client.get("/articles/vpn/connect").status_code == 200  # from memory
    caplog.clear()
    mender.look(NOW)
    assert "could not be repaired" not in caplog.text  # said once, and not tried at every look
    repository.folder.with_name("away").rename(repository.folder)
    assert mended(worker) == {}
    assert client.get("/readyz").get_json()["checks"]["files"]["ok"] is True


def test_a_rollback_outlives_the_loss_of_its_generation(
    kb: Any, go_live: Live, parts: Services, repository: Any, settings: Settings
) -> None:
    first = live(settings).commit
    repository.write("vpn/added.md")
    repository.commit("added")
    go_live()
    assert kb("publish", "--rollback").exit_code == 0
    shutil.rmtree(live(settings).path)
    worker = build(settings)
    assert mended(worker) == {}
    assert live(settings).commit == first
    again = go_live()
    assert (again.commit, again.pinned, again.changed) == (first, True, False)


@pytest.mark.parametrize("pointer", [None, b"", b"gen-00000999"])
def test_a_lost_pointer_is_set_again(
    worker: Services, settings: Settings, pointer: bytes | None
) -> None:
    before, file = live(settings), settings.generations / "CURRENT"
    file.unlink() if pointer is None else file.write_bytes(pointer)
    assert mended(worker) == {}
    assert file.read_text().strip() == before.path.name
    assert generation.newest_first(settings.generations) == [before.path]


def test_the_whole_folder_may_go(worker: Services, client: FlaskClient) -> None:
    client.get("/")
    before = worker.engine.generation.commit
    shutil.rmtree(worker.settings.generations)
    assert client.get("/articles/vpn/connect").status_code == 200
    assert mended(worker) == {}
    assert live(worker.settings).commit == before
    assert client.get("/search?q=connect").status_code == 200


def test_damage_that_leaves_dates_alone_is_found_within_the_hour(
    worker: Services, settings: Settings
) -> None:
    mender, file = IndexRepair(settings, worker.engine), live(settings).path / "documents.jsonl"
    mender.look(NOW)
    seen = file.stat()
    with file.open("r+b") as out:
        out.write(b"XX")
    os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    mender.look(NOW + timedelta(minutes=59))
    with pytest.raises(SearchError):
        verify(file.parent)
    mender.look(NOW + timedelta(minutes=61))
    assert repairs(settings.data) == {}
    assert live(settings).path != file.parent


def test_authors_are_not_told_again_of_what_they_know(
    go_live: Live, parts: Services, repository: Any, settings: Settings
) -> None:
    (repository.folder / "vpn" / "broken.md").write_text("---\ntitle: [\n---\nx\n")
    repository.commit("a broken article")
    go_live()
    before = notices_of(live(settings))
    assert before
    (live(settings).path / "pairs.docs.npy").unlink()
    mended(build(settings))
    assert notices_of(live(settings)) == before


@pytest.fixture
def with_model(published: Path, tmp_path: Path) -> Settings:
    """Return settings of a site with its own copy of the shipped articles' index and the model."""
    data = tmp_path / "with-model"
    shutil.copytree(published / "index", data / "index")
    shutil.copytree(published / "model", data / "model", copy_function=shared)
    return load({}, articles=ROOT / "articles", data=data, templates=ROOT / "templates")


def test_a_model_that_is_lost_is_prepared_again_and_searches_say_why_meanwhile(
    with_model: Settings, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The export takes half a minute and a process of its own: here it copies an earlier one's."""
    model, exported = with_model.data / "model", list[Path]()

    def export(cache: Path, _model: Path | None, *_options: str) -> None:
        exported.append(cache)
        shutil.rmtree(cache, ignore_errors=True)
        shutil.copytree(published / "model", cache, copy_function=shared)

    monkeypatch.setattr("search.prepare._in_child", export)
    parts = build(with_model)
    mender = IndexRepair(with_model, parts.engine)
    mender.look(NOW)
    assert (repairs(with_model.data), exported) == ({}, [])
    shutil.rmtree(model)
    starting = build(with_model)  # a process that begins now has no model
    assert "not prepared" in starting.engine.status().degraded
    mender.look(NOW)
    assert (repairs(with_model.data), len(exported)) == ({}, 1)
    tokens = next(model.glob("runtime-*")) / "tokenizer.json"
    tokens.unlink()  # a link: what others hold of it stays
    tokens.write_text("{}")
    mender.look(NOW)
    assert (repairs(with_model.data), len(exported)) == ({}, 2)
    assert tokens.stat().st_size > 2


def test_a_multilingual_model_switched_off_is_not_missed(with_model: Settings) -> None:
    """The index still has its vectors; nothing is to be repaired every minute."""
    settings = replace(with_model, multilingual_model="off")
    parts = build(settings)
    assert parts.engine.generation.manifest.other_fingerprint
    IndexRepair(settings, parts.engine).look(NOW)
    assert repairs(settings.data) == {}


@pytest.mark.parametrize("fails", [False, True], ids=["both made", "one fails"])
def test_a_first_start_prepares_both_models_in_one_process(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """A process that made the first and failed at the second leaves the first, and the reason."""
    asked = list[tuple[str, ...]]()

    def export(cache: Path, _model: Path | None, *options: str) -> None:
        asked.append(options)
        cache.mkdir(parents=True, exist_ok=True)
        for made in (published / "model").glob("runtime-*"):
            if not (cache / made.name).exists() and ((made / "model.onnx").is_file() or not fails):
                shutil.copytree(made, cache / made.name, copy_function=shared)
        if fails:
            raise SearchError("No room for the second.")
        shutil.copy(published / "model" / "multilingual.json", cache)

    monkeypatch.setattr("search.prepare._in_child", export)
    settings = load({}, data=tmp_path / "data", templates=ROOT / "templates")
    encoder, why = publisher.prepared_encoder(settings, silent, frozenset({"en", "de"}))
    assert encoder is not None, why
    told = encoder.other_missing
    if fails:
        assert (asked, encoder.other) == ([("--with-multilingual",), ("--multilingual",)], None)
        assert "No room for the second." in told
    else:
        assert (asked, told) == ([("--with-multilingual",)], "")
        assert encoder.other is not None
