"""Generations are whole or not there: damage, kills, concurrent builders, reuse."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from search.engine import Engine
from search.errors import SearchError
from search.index.generation import _locked, build, newest_first, open_current
from search.index.manifest import NAME, verify
from search.ranking.confidence import PRIOR
from search.types import Document, Query, Section

REPOSITORY = Path(__file__).parents[2]


def documents(word: str, count: int = 3) -> list[Document]:
    return [
        Document(f"{word}{i}", f"About {word} {i}", (Section("", (), f"All on {word}."),))
        for i in range(count)
    ]


def damage(path: Path, way: str) -> None:
    content = bytearray(path.read_bytes())
    if way == "deleted":
        path.unlink()
        return
    if way == "flipped":
        content[random.Random(3).randrange(len(content))] ^= 0x41
    path.write_bytes({"emptied": b"", "truncated": content[:-1]}.get(way, bytes(content)))


def files_of(folder: Path) -> list[str]:
    found = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.stat().st_size)
    return [path.relative_to(folder).as_posix() for path in found]


@pytest.mark.parametrize("way", ["flipped", "truncated", "emptied", "deleted"])
def test_damage_to_any_file_is_found(tmp_path: Path, index_root: Path, way: str) -> None:
    good = newest_first(index_root)[0]
    names = files_of(good)
    assert NAME in names
    for name in names:
        copy = tmp_path / "gen-1"
        shutil.copytree(good, copy)
        damage(copy / name, way)
        with pytest.raises(SearchError):
            verify(copy)
        shutil.rmtree(copy)


def test_an_added_file_is_found(tmp_path: Path, index_root: Path) -> None:
    copy = tmp_path / "gen-1"
    shutil.copytree(newest_first(index_root)[0], copy)
    (copy / "whoosh" / "extra.seg").write_bytes(b"x")
    with pytest.raises(SearchError):
        verify(copy)


def test_a_damaged_generation_is_set_aside_for_the_one_before(tmp_path: Path) -> None:
    build(documents("old"), tmp_path, commit="1")
    newest = build(documents("new"), tmp_path, commit="2")
    damage(newest.path / "articles.docs.npy", "flipped")
    assert open_current(tmp_path).commit == "1"
    assert [path.name for path in tmp_path.glob("damaged-*")] == ["damaged-00000002"]
    assert build(documents("newer"), tmp_path, commit="3").id == "00000003"
    assert open_current(tmp_path).commit == "3"


@pytest.mark.parametrize("pointer", ["", "gen-99999999\n", "../../etc\n", "\x00"])
def test_a_lost_pointer_still_serves_the_newest(tmp_path: Path, pointer: str) -> None:
    build(documents("old"), tmp_path, commit="1")
    build(documents("new"), tmp_path, commit="2")
    (tmp_path / "CURRENT").write_text(pointer)
    assert open_current(tmp_path).commit == "2"


def test_no_index_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SearchError, match="no usable index"):
        Engine(tmp_path).search(Query("x"))


def test_three_generations_are_kept(tmp_path: Path) -> None:
    for number in range(5):
        build(documents("word"), tmp_path, commit=str(number))
    assert [f.name[-1] for f in newest_first(tmp_path)] == ["5", "4", "3"]


def test_two_builders_do_not_collide(tmp_path: Path) -> None:
    with _locked(tmp_path), pytest.raises(SearchError, match="Another index build"):
        build(documents("word"), tmp_path)


def test_an_engine_follows_and_extra_files_come_along(tmp_path: Path) -> None:
    build(documents("old"), tmp_path, commit="1", extra_files={"library/a.json": b"one"})
    engine = Engine(tmp_path)
    held = engine.generation
    assert not engine.refresh()
    build(documents("new"), tmp_path, commit="2", extra_files={"library/a.json": b"two"})
    assert engine.refresh()
    assert (held.read("library/a.json"), engine.generation.read("library/a.json")) == (
        b"one",
        b"two",
    )
    assert engine.search(Query("new")).hits[0].id.startswith("new")
    with pytest.raises(SearchError):
        held.read("../manifest.json")


def test_an_engine_keeps_serving_when_the_next_generation_is_damaged(tmp_path: Path) -> None:
    build(documents("old"), tmp_path, commit="1")
    engine = Engine(tmp_path)
    assert engine.generation.commit == "1"
    damage(build(documents("new"), tmp_path, commit="2").path / "documents.jsonl", "flipped")
    assert not engine.refresh()
    assert engine.search(Query("old")).commit == "1"


def test_vectors_of_unchanged_text_are_used_again(tmp_path: Path, encoder, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(
        "search.index.generation.calibrate", lambda *_, **__: PRIOR
    )  # it encodes anew
    asked: list[str] = []

    class Counting(type(encoder)):  # type: ignore[misc]
        def encode_documents(self, texts, *more):  # type: ignore[no-untyped-def]
            asked.extend(texts)
            return super().encode_documents(texts, *more)

    build(documents("old"), tmp_path, encoder=Counting())
    asked.clear()
    build([*documents("old"), *documents("new", 1)], tmp_path, encoder=Counting())
    assert any("new" in text for text in asked)
    assert not any("old" in text for text in asked)


def test_repeated_ids_and_escaping_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SearchError, match="id a0"):
        build([*documents("a"), *documents("a")], tmp_path)
    with pytest.raises(SearchError, match="leaves its folder"):
        build(documents("a"), tmp_path, extra_files={"../../x": b""})
    assert not (tmp_path.parent / "x").exists()


def test_an_empty_corpus_answers_nothing(tmp_path: Path, encoder) -> None:  # type: ignore[no-untyped-def]
    build([], tmp_path, encoder=encoder)
    results = Engine(tmp_path, encoder_loader=lambda: encoder).search(Query("anything"))
    assert (results.hits, results.total, results.answerable) == ((), 0, False)


BUILDER = """
import os
import signal
import sys
from pathlib import Path
from search.index.generation import build
from search.types import Document, Section

ROOT = Path(sys.argv[1])
CHANGES = {"os.mkdir", "os.rename", "os.link", "os.remove", "os.rmdir"}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
docs = [
    Document(f"{i}", f"About {i}", (Section("", (), f"three number{i} " * 40),)) for i in range(13)
]

def die_at(place):
    "Tell each change to the folder before it is made, and die instead of making that one."
    left = place

    def changes(event, given):
        nonlocal left
        made = event in CHANGES or (event == "open" and given[2] & WRITES)
        names = [os.fspath(n) for n in given if isinstance(n, str | os.PathLike)]
        if made and names and names[0].startswith(str(ROOT)):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            print(event, names[-1 if event == "os.rename" else 0], flush=True)

    sys.addaudithook(changes)

for line in sys.stdin:
    place = int(line)
    child = os.fork()
    if not child:
        die_at(place)
        build(docs[: 12 + place % 2], ROOT, commit=line.strip())
        os._exit(0)
    ended = os.waitpid(child, 0)[1]
    print({0: "done", signal.SIGKILL: "killed"}[ended], flush=True)
"""


LAST = 1000  # more changes than a build makes


@dataclass
class Killed:
    """Builds in one folder, each killed as it is about to make its nth change there."""

    builder: subprocess.Popen[str]

    def at(self, place: int) -> tuple[bool, list[str]]:
        """Return whether the build was killed, and the changes it had made."""
        assert self.builder.stdin is not None
        assert self.builder.stdout is not None
        print(place, file=self.builder.stdin, flush=True)
        made: list[str] = []
        while (line := self.builder.stdout.readline().strip()) not in {"killed", "done"}:
            assert line, "the builder itself ended"
            made.append(line)
        return line == "killed", made


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[Killed]:
    """Return builds in `tmp_path`, killed where the test says."""
    with subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(tmp_path)],
        cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as builder:  # fmt: skip
        yield Killed(builder)


@pytest.mark.parametrize("carried", [False, True], ids=["of-everything", "carrying-over"])
def test_a_build_killed_anywhere_leaves_a_whole_generation(
    tmp_path: Path, killed: Killed, carried: bool
) -> None:
    """Killed before each change to the folder in turn: the old one serves until the pointer moves.

    Builds sweep up after those killed before them, and those past the pointer leave a generation
    that the next carries over.
    """
    build(documents("good"), tmp_path, commit="good")
    live, moved = ("good", 3), f"os.rename {tmp_path / 'CURRENT'}"
    if carried:
        assert not killed.at(LAST)[0]
        live = (str(LAST), 12)
    steps: set[str] = set()
    for place in range(1, LAST):
        was_killed, made = killed.at(place)
        steps.update(made)
        if moved in made:
            live = (str(place), 12 + place % 2)
        found = open_current(tmp_path)
        assert (found.commit, len(found.documents)) == live, made[-1:]
        assert Engine(tmp_path).search(Query("three good", limit=200)).total == live[1]
        if not was_killed:
            break
    assert live == (str(place), 12 + place % 2)
    # Some died before the manifest, some between it and the pointer.
    assert moved in steps
    assert any(step.endswith(f"/{NAME}") for step in steps)
    assert not list(tmp_path.glob("damaged-*"))
    assert not list(tmp_path.glob("building-*"))
