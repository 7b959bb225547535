"""Articles in every script are found by their own words, with and without accents."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from search.engine import Engine, EngineSettings
from search.types import Document, Mode, Query, Section

ROWS: Sequence[tuple[str, str, str, list[str]]] = yaml.safe_load(
    Path(__file__).with_name("scripts.yml").read_text("utf-8")
)
ASKED = [(text, title) for _, title, _, asked in ROWS for text in asked]


@pytest.fixture(scope="module", params=[Mode.HYBRID, Mode.KEYWORD])
def engine(request, built, encoder) -> Engine:  # type: ignore[no-untyped-def]
    documents = [
        Document(title, title, (Section("", (), text),), language=language)
        for language, title, text, _ in ROWS
    ]
    root = built(documents)
    return Engine(root, encoder_loader=lambda: encoder, settings=EngineSettings(request.param))


@pytest.mark.parametrize(("text", "wanted"), ASKED)
def test_an_article_is_found_by_its_words(engine: Engine, text: str, wanted: str) -> None:
    assert engine.search(Query(text)).hits[0].id == wanted


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_composed_and_decomposed_titles_find_their_article(engine: Engine, form: str) -> None:
    for _, title, _, _ in ROWS:
        text = unicodedata.normalize(form, title)  # type: ignore[arg-type]
        assert engine.search(Query(text)).hits[0].id == title
