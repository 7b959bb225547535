"""The comparison with other engines and the measurement of growth, on a set of three articles."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from benchmarks import engines, growth
from benchmarks.rivals import RIVALS
from benchmarks.vectors import rows
from search.evaluation.judged import read_set
from search.semantic.vectors import key

COUNT = 7


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "small"
    made.mkdir()
    articles = [
        {"id": "pw", "title": "Reset your password", "text": "Choose Forgot password, then wait."},
        {"id": "wifi", "title": "Wireless network", "text": "# Join\nPick the campus network."},
        {"id": "code", "title": "Error 0x80070005", "text": "Access was denied to a printer."},
    ]
    asked = [
        {"id": "1", "text": "forgotten my password"},
        {"id": "2", "text": "printers: access OR denied?"},
        {"id": "3", "text": "the campus network"},
    ]
    (made / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in articles))
    (made / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    (made / "qrels.tsv").write_text("query\tarticle\tscore\n1\tpw\t1\n2\tcode\t1\n3\tpw\t1\n")
    (made / "ignore.tsv").write_text("query\tarticle\n3\twifi\n3\tcode\n")
    return made


@pytest.mark.model
def test_every_engine_that_is_installed_answers(
    folder: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--limit", "2", "--rounds", "2", "--json", "--cache", str(cache)]
    assert engines.main([str(folder), *given]) == 0
    report = json.loads(capsys.readouterr().out)
    absent = {
        name: [package for package in rival.packages if find_spec(package) is None]
        for name, rival in RIVALS.items()
    }
    assert report["left_out"] == {name: wanted for name, wanted in absent.items() if wanted}
    assert set(report["engines"]) == set(RIVALS) - set(report["left_out"])
    for name, row in report["engines"].items():
        assert row["ndcg@10"] == 1.0, name
        assert set(row) == set(engines.COLUMNS), name
        assert min(row.values()) > 0, name
    assert "| ours hybrid | 1 | 1 |" in engines.table(report)


@pytest.mark.model
def test_ignored_articles_do_not_stand_before_the_answer(
    folder: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The third query's words are in an article that is ignored for it."""
    chosen = ["--only", "MiniLM alone", "--rounds", "1", "--cache", str(cache)]
    assert engines.main([str(folder), *chosen, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["engines"]["MiniLM alone"]["ndcg@10"] == 1.0
    assert "Ratios" not in engines.table(report)


def test_an_engine_that_does_not_exist_is_refused(folder: Path) -> None:
    assert engines.main([str(folder), "--only", "bm25s,nothing"]) == 2


def test_copies_are_perturbed_and_a_larger_size_begins_with_a_smaller_one(folder: Path) -> None:
    originals = read_set(folder).documents
    found = list(growth.grown(originals, COUNT))
    assert found == list(growth.grown(originals, COUNT + 3))[:COUNT]
    assert len({document.id for document in found}) == COUNT
    assert set(found[:3]) == set(originals)
    assert any(document.sections != found[at % 3].sections for at, document in enumerate(found))


def test_a_copys_vector_is_near_that_of_its_original(folder: Path) -> None:
    originals = read_set(folder).documents
    of_set, grown = rows(originals), tuple(growth.grown(originals, COUNT))
    found = rows(grown)
    ids = [document.id for document in originals]
    row_of = growth.look_up(grown, of_set, found, ids)
    vectors = np.eye(len(of_set.texts), 384, dtype=np.float32)
    derived = growth.DerivedVectors(vectors, row_of, runtime=None)  # type: ignore[arg-type]
    made = derived.encode_documents(found.texts)
    assert np.allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)
    for text, article, vector in zip(found.texts, found.documents, made, strict=True):
        nearest = int(np.argmax(vectors @ vector))
        assert vectors[nearest] @ vector > 0.9
        if row_of[key(text)] < 0:
            original = ids[of_set.documents[nearest]]
            assert grown[article].id.startswith(f"{original}~")


@pytest.mark.model
def test_growth_is_measured_beyond_the_set(
    folder: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--sizes", f"2,{COUNT}", "--set", str(folder), "--cache", str(cache)]
    assert growth.main(given) == 0
    printed = capsys.readouterr().out
    assert f"| {COUNT} |" in printed
    assert "Next limit" in printed


def test_the_next_limit_is_where_the_straight_line_meets_a_bound() -> None:
    smaller = {"articles": 100, "hybrid_p95": 10.0, "peak_mb": 500.0, "build_s": 100.0}
    larger = {"articles": 200, "hybrid_p95": 20.0, "peak_mb": 600.0, "build_s": 100.0}
    told = growth.next_limit(smaller, larger, memory_mb=1600.0)
    assert told.index("1,000 articles") < told.index("1,200 articles")
    assert "minutes" not in told
