"""Files damaged under an open index: noticed, told, and never searched as if they were whole."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from search import engine as engines
from search.engine import Engine
from search.errors import SearchError
from search.index import manifest
from search.index.building import remains
from search.index.generation import build, newest_first, open_current
from search.semantic.query_encoder import QueryEncoder
from search.types import Document, Query, Section

WAYS = ("flipped", "truncated", "emptied", "deleted")


def documents(word: str, count: int = 3) -> list[Document]:
    return [
        Document(f"{word}{i}", f"About {word} {i}", (Section("", (), f"All on {word}."),))
        for i in range(count)
    ]


def spoil(path: Path, way: str) -> None:
    """Damage a file in place, so that whoever maps it sees it."""
    if way == "deleted":
        path.unlink()
    elif way == "flipped":
        content = bytearray(path.read_bytes())
        for at in range(0, len(content), max(1, len(content) // 20)):
            content[at] ^= 0x41
        with path.open("r+b") as file:
            file.write(content)
    else:
        os.truncate(path, 0 if way == "emptied" else path.stat().st_size // 2)


@pytest.fixture(autouse=True)
def at_every_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the files at every request rather than once a second."""
    monkeypatch.setattr(engines, "LOOK_S", 0.0)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_in_memory_serves_on_whatever_becomes_of_its_files(
    tmp_path: Path, index_root: Path, way: str
) -> None:
    """Readers do not wait for the repair of what is held in memory."""
    shutil.copytree(index_root, tmp_path / "index")
    engine = Engine(tmp_path / "index")
    engine.warm()
    asked = [Query("reset password"), Query('"forgot password"'), Query("wifi campsu")]
    before = [[hit.id for hit in engine.search(query).hits] for query in asked]
    folder = engine.generation.path
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        if file.stat().st_size:
            spoil(file, way)
        assert [[hit.id for hit in engine.search(query).hits] for query in asked] == before, file
        assert engine.suggest("pass")
        assert engine.damaged()
    with pytest.raises(SearchError):
        Engine(tmp_path / "index").search(Query("reset password"))


@pytest.mark.parametrize("way", ["flipped", "deleted"])
def test_large_files_are_mapped_and_left_as_soon_as_they_hold_other_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(manifest, "HELD", 0)
    build(documents("old"), tmp_path, commit="1")
    build(documents("new"), tmp_path, commit="2")
    engine = Engine(tmp_path)
    assert engine.search(Query("new")).commit == "2"
    spoil(engine.generation.path / "articles.docs.npy", way)
    # What is deleted stays open, and right; what is written over is left for the one before.
    assert engine.search(Query("old")).commit == {"flipped": "1", "deleted": "2"}[way]
    assert ("articles.docs.npy is gone" in engine.damaged()) == (way == "deleted")


def test_a_mapped_file_that_is_cut_ends_the_process_and_the_next_serves_the_one_before(
    tmp_path: Path,
) -> None:
    build(documents("old"), tmp_path, commit="1")
    newest = build(documents("new"), tmp_path, commit="2")
    program = (
        "import os, sys; from pathlib import Path; from search import engine\n"
        "from search.index import manifest\n"
        "from search.types import Query\n"
        "manifest.HELD = 0; engine.LOOK_S = 3600\n"
        "found = engine.Engine(Path(sys.argv[1])); found.search(Query('new'))\n"
        "os.truncate(found.generation.path / 'articles.values.npy', 0)\n"
        "found.generation.articles.values.sum()\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert ended.returncode == -signal.SIGBUS
    assert open_current(tmp_path).commit == "1"
    assert not newest.path.exists()


def test_a_date_set_anew_or_a_copy_is_no_damage(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    build(documents("old"), tmp_path, commit="1")
    file = engine.generation.path / "documents.jsonl"
    os.utime(file, (1, 1))
    shutil.copy2(file, tmp_path / "copy")
    os.replace(tmp_path / "copy", file)
    assert engine.damaged() == ""
    os.truncate(file, 10)
    assert engine.damaged().startswith("documents.jsonl was cut from ")
    spoil(file, "deleted")
    assert engine.damaged() == "documents.jsonl is gone"


@pytest.mark.parametrize("pointer", [None, b"", b"gen-0000\xff", b"gen-00000099\n"])
def test_what_serves_stays_when_the_pointer_is_lost(tmp_path: Path, pointer: bytes | None) -> None:
    build(documents("old"), tmp_path, commit="1")
    engine = Engine(tmp_path)
    assert engine.search(Query("old")).commit == "1"
    file = tmp_path / "CURRENT"
    file.unlink() if pointer is None else file.write_bytes(pointer)
    assert not engine.refresh()
    assert engine.search(Query("old")).commit == "1"


def test_without_a_whole_index_files_are_not_read_at_every_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "LOOK_S", 3600.0)
    spoil(build(documents("old"), tmp_path, commit="1").path / "words.texts", "emptied")
    engine = Engine(tmp_path)
    for _ in range(3):
        with pytest.raises(SearchError, match="no usable index"):
            engine.search(Query("old"))
    monkeypatch.setattr(
        "search.index.generation.open_current", lambda _: pytest.fail("looked again")
    )
    with pytest.raises(SearchError, match="no usable index"):
        engine.search(Query("old"))
    monkeypatch.undo()
    build(documents("new"), tmp_path, commit="2")
    assert engine.search(Query("new")).commit == "2"  # at once: the pointer moved


def test_a_build_begins_with_what_is_left_of_a_damaged_generation(  # type: ignore[no-untyped-def]
    tmp_path: Path, encoder
) -> None:
    asked: list[str] = []

    class Counting(type(encoder)):  # type: ignore[misc]
        def encode_documents(self, texts, *more):  # type: ignore[no-untyped-def]
            asked.extend(texts)
            return super().encode_documents(texts, *more)

    build(documents("old"), tmp_path, encoder=Counting(), extra_files={"a.json": b"1"})
    spoil(newest_first(tmp_path)[0] / "pairs.docs.npy", "truncated")
    with pytest.raises(SearchError):
        open_current(tmp_path)
    [left] = remains(tmp_path)
    assert left.read("a.json") == b"1"
    assert "pairs.docs.npy" not in left.intact
    asked.clear()
    again = build(documents("old"), tmp_path, encoder=Counting())
    assert not any("old" in text for text in asked)
    assert again.manifest.fingerprint
    assert Engine(tmp_path).search(Query("old")).total == 3
    for number in range(3):  # what is damaged does not pile up
        spoil(build(documents("new"), tmp_path, commit=str(number)).path / "words.texts", "emptied")
        Engine(tmp_path).refresh()
    assert len(list(tmp_path.glob("damaged-*"))) <= 2


def test_a_model_that_is_mended_is_loaded_without_a_restart(  # type: ignore[no-untyped-def]
    encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.semantic.query_encoder.AGAIN", 0.0)
    torn = [True]

    def loader():  # type: ignore[no-untyped-def]
        if torn:
            raise SearchError("The model is torn.")
        return encoder

    guarded = QueryEncoder(loader)
    guarded._pause = 0.0
    assert guarded.reason("words-1") == "The model is torn."
    torn.clear()
    for _ in range(1000):
        if not guarded.reason("words-1"):
            break
    assert guarded.begin("vpn", "words-1")()[0] is not None
