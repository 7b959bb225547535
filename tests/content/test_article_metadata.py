"""What front matter of several dialects means, and what becomes of values that cannot be used."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.content.article import ArticleStatus, Audience
from kb.content.frontmatter.metadata import Metadata, read_metadata
from kb.content.frontmatter.parsing import FrontMatter, read_front_matter


def facts(lines: str) -> Metadata:
    return read_metadata(read_front_matter(f"---\n{lines}\n---\nBody"))


def test_the_products_own_keys() -> None:
    found = facts(
        "title: Reset\nsummary: How\nlanguage: en\ncollection: accounts\nowner: identity team\n"
        "audience: signed-in\nstatus: published\nreviewed: 2026-09-14\nreview_by: 2027-03-14\n"
        "keywords: [a, b]\nanswers:\n  - I forgot it\ntranslation_of: x/y"
    )
    assert (found.title, found.summary, found.owner) == ("Reset", "How", "identity team")
    assert (found.audience, found.status) == (Audience.SIGNED_IN, ArticleStatus.PUBLISHED)
    assert (found.reviewed, found.review_by) == (date(2026, 9, 14), date(2027, 3, 14))
    assert (found.keywords, found.answers) == (("a", "b"), ("I forgot it",))
    assert found.translation_of == "x/y"
    assert found.problems == ()
    assert found.extra == {}


def test_jekyll() -> None:
    found = facts(
        "layout: help\npermalink: /es/Help/Reset/\nredirect_from: [/old/, /older/index.html]\n"
        "category: accounts\norder: 6\npublished: false\nlang: es"
    )
    assert found.jekyll
    assert found.permalinks == ("es/help/reset",)
    assert found.former == ("old", "older")
    assert (found.collection, found.language) == ("accounts", "es")
    assert found.status is ArticleStatus.DRAFT
    assert found.extra == {"layout": "help", "order": 6}


def test_hugo_and_mkdocs() -> None:
    found = facts("draft: true\ntags: a, b\naliases: [/x/]\ndescription: D\nlastmod: 2026-01-02")
    assert found.status is ArticleStatus.DRAFT
    assert found.keywords == ("a", "b")
    assert found.former == ("x",)
    assert found.summary == "D"
    assert found.changed == datetime(2026, 1, 2, tzinfo=UTC)


def test_microsoft_learn() -> None:
    found = facts(
        "title: T\nms.date: 04/5/2021\nms.contentlocale: es-ES\naudience: Admin\nauthor: pebaum\n"
        "ms.topic: article"
    )
    assert found.language == "es"
    assert found.changed == datetime(2021, 4, 5, tzinfo=UTC)
    assert found.owner == ""
    assert found.audience is Audience.PUBLIC
    assert found.extra["author"] == "pebaum"
    assert found.extra["audience"] == "Admin"


@pytest.mark.parametrize("value", ["Admin", "everybody-but-me", "[public]x", "3", "true", "-"])
def test_an_unknown_audience_is_never_public(value: str) -> None:
    found = facts(f"title: T\naudience: '{value}'")
    assert found.audience is Audience.STAFF
    assert [problem.line for problem in found.problems] == [3]


@pytest.mark.parametrize("value", ["", "null", "[]", "{a: b}", "[public, staff]"])
def test_an_empty_audience_is_never_public(value: str) -> None:
    assert facts(f"audience: {value}").audience is Audience.STAFF


@pytest.mark.parametrize("value", ["almost", "", "{a: b}", "7"])
def test_an_unknown_status_stays_a_draft(value: str) -> None:
    assert facts(f"status: {value}").status is ArticleStatus.DRAFT


@pytest.mark.parametrize("line", ["published: maybe", "draft: perhaps", "published: ''"])
def test_a_doubtful_flag_stays_a_draft(line: str) -> None:
    found = facts(line)
    assert found.status is ArticleStatus.DRAFT
    assert found.problems


@pytest.mark.parametrize("value", ["2026-02-30", "soon", "2026-13-01", "[2026-01-01]x"])
def test_an_impossible_date_is_reported_and_left_out(value: str) -> None:
    found = facts(f"title: T\nreviewed: '{value}'")
    assert found.reviewed is None
    assert [(problem.code, problem.line) for problem in found.problems] == [("date", 3)]


def test_values_of_the_wrong_shape_are_reported_and_used_as_far_as_possible() -> None:
    found = facts("title: [One, Two]\nkeywords: {a: b}\nanswers:\n  - Error: what now\n  - fine")
    assert found.title == "One"
    assert found.keywords == ()
    assert found.answers == ("Error: what now", "fine")
    assert [problem.line for problem in found.problems] == [2, 3, 4]


def test_norwegian_is_a_language() -> None:
    assert facts("lang: no").language == "no"


SCALARS = st.none() | st.booleans() | st.integers() | st.text("aé:/ -2", max_size=12)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.just("k"), SCALARS)
KEYS = st.sampled_from(
    [
        "title",
        "summary",
        "language",
        "audience",
        "status",
        "reviewed",
        "review_by",
        "keywords",
        "answers",
        "permalink",
        "redirect_from",
        "aliases",
        "draft",
        "published",
        "category",
        "translation_of",
        "ms.date",
        "tags",
        "owner",
    ]
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_any_values_give_facts(values: dict[str, object]) -> None:
    found = read_metadata(FrontMatter(values, "", (), {}, 1))
    assert isinstance(found.title, str)
    assert all(isinstance(word, str) and word for word in (*found.keywords, *found.answers))
    if "audience" in values and found.audience is Audience.PUBLIC:
        assert str(values["audience"]).strip().casefold() in ("public", "everyone", "all")
