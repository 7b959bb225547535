"""A code finds the one article that names it, however it is spelt and whatever nearly has it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from search.engine import Engine, EngineSettings
from search.text.analysis import is_code
from search.text.query import understand
from search.types import Document, Mode, Query, Section

CASES: Sequence[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("codes.yml").read_text("utf-8")
)
ASKED = [(text, case["named"][0]) for case in CASES for text in case["asked"]]
ORDINARY = (
    [f"Page {n} of the handbook", f"Step {n}: choose page {n} and press the button {n} times."]
    for n in (3, 10, 116, 2024)
)


def corpus() -> list[Document]:
    rows = [row for case in CASES for row in (*case["near"], case["named"])]
    return [Document(title, title, (Section("", (), text),)) for title, text in (*rows, *ORDINARY)]


@pytest.fixture(scope="module", params=[Mode.HYBRID, Mode.KEYWORD])
def engine(request, built, encoder) -> Engine:  # type: ignore[no-untyped-def]
    root = built(corpus())
    return Engine(root, encoder_loader=lambda: encoder, settings=EngineSettings(request.param))


def test_the_table_is_large_enough() -> None:
    assert len(CASES) >= 40
    assert len(corpus()) >= 60
    assert all(len(case["asked"]) >= 2 for case in CASES)


@pytest.mark.parametrize(("text", "wanted"), ASKED)
def test_the_article_that_names_the_code_is_first(engine: Engine, text: str, wanted: str) -> None:
    assert engine.search(Query(text)).hits[0].id == wanted


@pytest.mark.parametrize(
    "text",
    [
        "step 3 of 10",
        "page 10",
        "since 2019",
        "a 64-bit program on the 2nd floor",
        "1.5 GB at 10:30",
        "reset password for user's e-mail",
        "OneDrive and PowerPoint",
        "24/7",
        "2:1",
    ],
)
def test_ordinary_words_and_amounts_are_no_codes(text: str) -> None:
    assert understand(text, "en").identifiers == ()


def test_a_number_is_not_found_in_a_longer_one(engine: Engine) -> None:
    hits = engine.search(Query("4625")).hits
    assert "Security log is full" not in [h.id for h in hits if h.parts["exact"]]
    assert not is_code("page")
