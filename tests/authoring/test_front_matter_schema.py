"""The schema for editors: kept with the code, true of the articles, never looser than reading."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from kb.content.frontmatter import metadata
from kb.content.frontmatter.fields import ROWS, Holds, schema
from kb.content.frontmatter.metadata import read_metadata
from kb.content.frontmatter.parsing import FrontMatter, read_front_matter

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "docs" / "front-matter.schema.json"
SHIPPED = sorted((ROOT / "articles").glob("*/*.md"))
VALIDATOR = Draft202012Validator(schema(), format_checker=FormatChecker())


def findings(values: dict[str, Any]) -> list[str]:
    """Return what reading this front matter finds."""
    read = read_metadata(FrontMatter(values, "", (), {}, 1))
    return [problem.message for problem in read.problems]


def test_the_schema_is_one_and_the_kept_file_is_it(run: Callable[..., Result]) -> None:
    Draft202012Validator.check_schema(schema())
    told = run("schema")
    assert told.exit_code == 0
    assert told.stdout == KEPT.read_text(encoding="utf-8"), "kb schema > docs/" + KEPT.name


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_shipped_article_keeps_to_it(file: Path) -> None:
    front = read_front_matter(file.read_text(encoding="utf-8"))
    assert [e.message for e in VALIDATOR.iter_errors(front.values)] == []


def test_every_key_that_reading_knows_is_in_the_table() -> None:
    """A key read by its own word, past the table, would be missing from the schema."""
    source = Path(metadata.__file__).read_text(encoding="utf-8")
    read = set(
        re.findall(r"self\.(?:text|items|flag|day|moment)\(\*?(?:names\()?\"([\w.-]+)\"", source)
    )
    assert len(read) > 10
    assert read <= {row.name for row in ROWS}


@pytest.mark.parametrize(
    "wrong",
    [
        {"summary": "no title"}, {"title": ""}, {"title": ["a", "b"]}, {"title": {"a": 1}},
        {"title": "x", "audience": "nobody"}, {"title": "x", "status": "almost"},
        {"title": "x", "reviewed": "2026-02-31"}, {"title": "x", "reviewed": "soon"},
        {"title": "x", "language": "klingon"}, {"title": "x", "draft": "perhaps"},
        {"title": "x", "keywords": {"a": "b"}}, {"title": "x", "answers": [["a"]]},
    ],
    ids=str,
)  # fmt: skip
def test_what_reading_reports_is_marked_in_the_editor(wrong: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(wrong)


TEXTS = st.one_of(st.text(max_size=20), st.integers(0, 99999))
ANYTHING = st.one_of(
    TEXTS, st.booleans(), st.none(), st.lists(TEXTS, max_size=3), st.just({"a": "b"}),
    st.dates().map(str), st.sampled_from(["en", "es-MX", "public", "draft", "staff", "2026-13-01"]),
)  # fmt: skip
CHOSEN = [row.name for row in ROWS] + [n for row in ROWS for n in row.also if n != "ms.date"]


@settings(max_examples=400, deadline=None)
@given(values=st.dictionaries(st.sampled_from(CHOSEN), ANYTHING, max_size=6))
def test_what_the_schema_accepts_is_read_without_a_finding(values: dict[str, Any]) -> None:
    values = {"title": "A title", **values}
    both = "publish_at" in values and "expires_at" in values  # a schema compares no keys
    if VALIDATOR.is_valid(values) and not both:
        assert findings(values) == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_key_accepts_something(row: Any) -> None:
    sample: dict[Holds, Any] = {
        Holds.TEXT: "text", Holds.LANGUAGE: "es", Holds.DAY: "2026-09-14", Holds.FLAG: True,
        Holds.MOMENT: "2026-09-14T09:00+02:00",
        Holds.WORDS: "a, b", Holds.LINES: ["a", "b"],
    }  # fmt: skip
    for value in [sample[row.holds]] if row.holds in sample else list(row.choices):
        assert VALIDATOR.is_valid({"title": "x", row.name: value})
        assert findings({"title": "x", row.name: value}) == []
