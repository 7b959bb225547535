"""An answer is remembered with its generation and under the rights it was asked with."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from search import engine as engines
from search.engine import Engine, EngineSettings
from search.index.generation import build
from search.types import Document, Mode, Query, Section

ROOT = Path(__file__).resolve().parents[2]


def article(slug: str, text: str, audience: str = "public") -> Document:
    return Document(slug, slug, (Section("", (), text),), audience=audience)


OPEN, CLOSED = article("tunnel", "the tunnel drops"), article("key", "tunnel key", "staff")


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    build([OPEN, CLOSED], tmp_path, commit="one")
    return Engine(tmp_path, settings=EngineSettings(mode=Mode.KEYWORD))


def ids(found: engines.Results) -> set[str]:
    return {hit.id for hit in found.hits}


def test_the_same_query_with_other_rights_is_another(engine: Engine) -> None:
    staff = Query("tunnel", audiences=frozenset({"public", "staff"}))
    for _ in range(2):
        assert ids(engine.search(staff)) == {"tunnel", "key"}
        assert ids(engine.search(Query("tunnel"))) == {"tunnel"}


def test_a_remembered_answer_is_the_answer_and_says_how_it_came(engine: Engine) -> None:
    first, second = engine.search(Query("tunnel")), engine.search(Query("tunnel"))
    assert replace(first, timings_ms={}) == replace(second, timings_ms={})
    assert set(second.timings_ms) == {"recall"}


def test_a_new_generation_knows_no_former_answer(engine: Engine, tmp_path: Path) -> None:
    assert ids(engine.search(Query("tunnel"))) == {"tunnel"}
    build([CLOSED, article("tube", "the tunnel is closed")], tmp_path, commit="two")
    found = engine.search(Query("tunnel"))
    assert (ids(found), found.commit) == ({"tube"}, "two")


def test_memory_is_bounded(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "REMEMBERED", 3)
    for number in range(9):
        engine.search(Query(f"tunnel {number}"))
    engine.search(Query("tunnel " * 40))  # too long to be worth it
    assert engine._serving is not None
    assert len(engine._serving._answers) == 3


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
@pytest.mark.parametrize("given", ["", "3"])
def test_linear_algebra_takes_one_thread_unless_told_otherwise(given: str) -> None:
    program = "import os, kb.app; print(os.environ['OPENBLAS_NUM_THREADS'])"
    environ = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
    environ |= {"OPENBLAS_NUM_THREADS": given} if given else {}
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, env=environ, cwd=ROOT, check=True, capture_output=True).stdout
    assert told.decode().strip() == (given or "1")
