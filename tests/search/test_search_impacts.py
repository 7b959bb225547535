"""The arrays add up to the formula over what Whoosh holds."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search import impacts, keyword
from search.analysis import document_terms
from search.types import Document, Section

WORDS = st.lists(
    st.sampled_from(["mail", "print", "vpn", "lock", "ora-12541", "wi-fi"]), max_size=12
)


def _score(docs: list[Document], number: int, term: str) -> float:
    """BM25F by the book, term by term, field by field."""
    counts = [
        {
            name: Counter(t for row in document_terms(text, "en") for t in row)
            for name, text in keyword.article_fields(d).items()
        }
        for d in docs
    ]
    filled = [c for c in counts if any(c.values())]
    df = sum(any(field[term] for field in c.values()) for c in counts)
    total = 0.0
    for name, (weight, b) in keyword.FIELDS.items():
        lengths = [sum(c[name].values()) for c in counts]
        mean = sum(lengths) / max(1, sum(n > 0 for n in lengths))
        if counts[number][name][term]:
            total += weight * counts[number][name][term] / (1 - b + b * lengths[number] / mean)
    idf = math.log(1 + (len(filled) - df + 0.5) / (df + 0.5))
    return idf * total * (impacts.K1 + 1) / (total + impacts.K1)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6))
def test_impacts_are_bm25f(tmp_path: Path, texts: list[tuple[list[str], list[str]]]) -> None:
    docs = [
        Document(str(i), " ".join(title), (Section("", (), " ".join(body)),))
        for i, (title, body) in enumerate(texts)
    ]
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    keyword.write_articles(folder, docs)
    with_index = keyword.open_index(folder)
    found = impacts.impacts_of(with_index, keyword.FIELDS)
    with_index.close()
    for key in found.keys:
        term = key.split("\t")[1]
        numbers, values = found.find("en", term)
        assert list(numbers) == sorted(set(numbers.tolist()))
        for number, value in zip(numbers.tolist(), values.tolist(), strict=True):
            assert value == pytest.approx(_score(docs, number, term), rel=1e-4)


def test_a_missing_term_has_no_postings(tmp_path: Path) -> None:
    keyword.write_articles(tmp_path / "w", [Document("a", "Mail", ())])
    found = impacts.impacts_of(keyword.open_index(tmp_path / "w"), keyword.FIELDS)
    assert np.array_equal(found.find("en", "nothing")[0], [])
    assert found.find("es", "mail")[0].size == 0
