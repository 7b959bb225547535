"""The arrays give the scores that Whoosh's own BM25F gives the index of record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from whoosh import scoring
from whoosh.query import Or, Term

from search.index import keyword
from search.index.generation import build
from search.index.opened import Generation
from search.text.analysis import document_terms
from search.types import Document, Section

WORDS = st.lists(
    st.sampled_from(["mail", "print", "vpn", "lock", "ora-12541", "wi-fi"]), max_size=12
)


def ours(generation: Generation, terms: list[str]) -> dict[str, float]:
    """Return the summed impacts of terms, by article."""
    total = np.zeros(len(generation.documents))
    for term in terms:
        docs, values = generation.articles.find("en", term)
        total[docs] += values
    ids = generation.documents.ids
    return {ids[number]: float(total[number]) for number in np.flatnonzero(total)}


def theirs(generation: Generation, terms: list[str]) -> dict[str, float]:
    """Return what Whoosh scores, by article."""
    b, k1 = keyword.ARTICLE_SCORING.b, keyword.ARTICLE_SCORING.k1
    query = Or([Term("all_en", term) for term in terms])
    with generation.whoosh.searcher(weighting=scoring.BM25F(B=b, K1=k1)) as searcher:
        return {hit["id"]: hit.score for hit in searcher.search(query, limit=None)}


def asked(*texts: str) -> list[str]:
    return sorted({t for text in texts for row in document_terms(text, "en") for t in row})


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6))
def test_impacts_are_whooshs_bm25f(
    tmp_path: Path, texts: list[tuple[list[str], list[str]]]
) -> None:
    docs = [
        Document(str(i), " ".join(title), (Section("", (), " ".join(body)),))
        for i, (title, body) in enumerate(texts)
    ]
    generation = build(docs, tmp_path / str(len(list(tmp_path.iterdir()))))
    for query in (["mail"], ["print vpn"], ["ORA-12541", "wifi lock mail"]):
        terms = asked(*query)
        assert ours(generation, terms) == pytest.approx(theirs(generation, terms), abs=1e-4)


def test_long_articles_and_every_field_too(tmp_path: Path) -> None:
    docs = [
        Document(
            f"d{i}",
            f"Printer {i}",
            (Section("a", ("Paper",), "tray paper jam " * (7 * i)), Section("b", ("Ink",), "ink")),
            summary="The tray",
            keywords=("jam", "toner"),
            answers=("Why does it jam?",),
        )
        for i in range(1, 60)
    ]
    generation = build(docs, tmp_path)
    terms = asked("printer jam", "toner tray ink")
    found, wanted = ours(generation, terms), theirs(generation, terms)
    assert found == pytest.approx(wanted, abs=1e-4)
    assert (
        sorted(found, key=lambda d: -found[d])[:10] == sorted(wanted, key=lambda d: -wanted[d])[:10]
    )


def test_a_missing_term_has_no_postings(tmp_path: Path) -> None:
    generation = build([Document("a", "Mail", ())], tmp_path)
    assert generation.articles.find("en", "mail")[0].tolist() == [0]
    assert generation.articles.find("en", "vpn")[0].tolist() == []
    assert generation.articles.find("es", "mail")[0].tolist() == []
