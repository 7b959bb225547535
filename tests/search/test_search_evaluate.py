"""Measures by the book, and judged sets read and scored from the command line."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.errors import SearchError
from search.evaluate import main
from search.evaluation.judged import read_set, sections_of
from search.evaluation.measures import auroc, ndcg, percentile, recall, reciprocal_rank

DATA = Path(__file__).parents[3] / "shared" / "data"


def test_measures_of_a_ranking_worked_by_hand() -> None:
    gains = {"a": 1.0, "b": 1.0}
    assert ndcg(["x", "a", "b"], gains) == pytest.approx(
        (1 / math.log2(3) + 1 / 2) / (1 + 1 / math.log2(3))
    )
    assert reciprocal_rank(["x", "a"], gains) == 0.5
    assert recall(["x", "a"], gains, depth=2) == 0.5
    assert percentile([4, 1, 3, 2], 0.5) == 2


SCORES = st.lists(st.integers(0, 5), min_size=1, max_size=30)


@given(SCORES, SCORES)
def test_auroc_counts_pairs(positive: list[int], negative: list[int]) -> None:
    pairs = [(p > n) + 0.5 * (p == n) for p in positive for n in negative]
    assert auroc(positive, negative) == pytest.approx(sum(pairs) / len(pairs))


def test_markdown_is_cut_at_headings_outside_code() -> None:
    text = "Lead.\n\n# One\nFirst.\n## Two\nSecond.\n```\n# no heading\n```\n# Three\nThird."
    found = list(sections_of(text))
    assert [s.path for s in found] == [(), ("One",), ("One", "Two"), ("Three",)]
    assert "no heading" in found[2].text


def test_a_broken_set_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n")
    (tmp_path / "queries.jsonl").write_text('{"id": "a", "text": "x"}\nnot json\n')
    with pytest.raises(SearchError, match=r"queries\.jsonl, line 2"):
        read_set(tmp_path)
    assert main([str(tmp_path / "nowhere")]) == 2


def _set(folder: Path) -> Path:
    folder.mkdir()
    rows = [
        {"id": "pw", "title": "Reset your password", "text": "Choose Forgot password."},
        {"id": "wifi", "title": "Wireless network", "text": "Pick the campus network."},
        {"id": "code", "title": "Error 0x80070005", "text": "Access was denied."},
    ]
    asked = [
        {"id": "1", "text": "I can't remember my login secret", "in_scope": True},
        {"id": "2", "text": "80070005", "in_scope": True},
        {"id": "3", "text": "boil an egg", "in_scope": False},
    ]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n1\tpw\t1\n2\tcode\t1\n")
    return folder


@pytest.mark.model
def test_the_command_reports_all_engines(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _set(tmp_path / "small")
    assert main([str(folder), "--json", "--cache", str(cache)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["set"], report["documents"], report["queries"]) == ("small", 3, 3)
    assert report["engines"]["hybrid"]["ndcg@10"] == 1.0
    assert report["engines"]["hybrid"]["auroc"] == 1.0
    assert 0 <= report["engines"]["hybrid"]["brier"] <= 1
    assert sum(one["weight"] for one in report["engines"]["hybrid"]["reliability"]) == 3
    assert set(report["engines"]) == {"hybrid", "keyword", "semantic"}


@pytest.mark.model
def test_the_runtime_is_refused_when_torn_and_made_again(cache: Path, tmp_path: Path) -> None:
    import shutil

    from search.semantic.runtime import open_runtime

    copy = tmp_path / "cache"
    shutil.copytree(cache, copy)
    torn = next(copy.glob("runtime-*/model.onnx"))
    torn.write_bytes(torn.read_bytes()[:-100])
    with pytest.raises(SearchError, match=r"model\.onnx is missing or damaged"):
        open_runtime(copy)
    vector = open_runtime(cache).encode_query("password")
    assert vector.shape == (384,)
    assert float(vector @ vector) == pytest.approx(1, abs=1e-4)
