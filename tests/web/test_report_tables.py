"""The macro that shows a report's table: every cell, worded, with its raw value beside it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import g, render_template_string

from kb.accounts.roles import Viewer
from kb.table import Cell, Column, ColumnKind, Line, Table
from kb.web.filters import cell
from tests.web.pages import Page

PAGE = "{% from 'macros/tables.html' import table %}{{ table(found, titles={'a/b': 'On <b>'}) }}"
DRAWN = (
    "{% from 'macros/tables.html' import table %}"
    "{% call(line) table(found) %}<i>{{ line.key }}</i>{% endcall %}"
)


def shown(site: Any, found: Table, page: str = PAGE) -> Page:
    """Return the table as a browser gets it."""
    with site.app.test_request_context("/"):
        g.viewer = Viewer(visitor="")
        return Page(render_template_string(page, found=found))


FIGURES = Table(
    "deflection", "Deflection",
    (
        Column("figure", "Figure", ColumnKind.FIGURE),
        Column("value", "Value", ColumnKind.AMOUNT, definition="deflection_lower"),
        Column("n", "Rests on", ColumnKind.COUNT),
        Column("definition", "Definition", ColumnKind.NOTE, shown=False),
    ),
    (
        Line(("Lower bound", 0.123456, 12345, "said"), "deflection_lower", "share"),
        Line(("Effect <x>", -0.04, None, "said"), "no_such_figure", "difference"),
        Line(("Cost", "too few data", 3, "said"), "tickets_asked", "money"),
    ),
)  # fmt: skip


def test_cells_are_worded_and_keep_their_value(site: Any) -> None:
    page = shown(site, FIGURES)
    values = {e.attributes["value"]: e.text for e in page.all("data")}
    assert values == {"0.123456": "12.3 %", "12345": "12,345", "-0.04": "−4.0 points", "3": "3"}
    rows = [[e.text for e in page.all("th", "td") if e.parent is row] for row in page.all("tr")]
    assert rows == [
        ["Figure", "Value", "Rests on"],
        ["Lower bound", "12.3 %", "12,345"],
        ["Effect <x>", "−4.0 points", ""],
        ["Cost", "too few data", "3"],
    ]
    assert [e.attributes["scope"] for e in page.all("th")] == ["col"] * 3 + ["row"] * 3
    assert page.one("caption").text == "Deflection"
    (region,) = [e for e in page.all("div") if e.attributes.get("class") == "scroll"]
    assert region.attributes["tabindex"] == "0"


def test_headings_and_figures_lead_to_their_definitions(site: Any) -> None:
    links = {e.text: e.attributes["href"] for e in shown(site, FIGURES).all("a")}
    assert links == {
        "Value": "/reports/definitions#deflection_lower",
        "Lower bound": "/reports/definitions#deflection_lower",
        "Cost": "/reports/definitions#tickets",
    }


def test_numbers_stand_to_the_right_and_words_to_the_left(site: Any) -> None:
    page = shown(site, FIGURES)
    classes = [e.attributes.get("class", "") for e in page.all("td")]
    assert classes == ["number", "number", "number", "number", "lacking", "number"]


def test_codes_articles_and_gaps(site: Any) -> None:
    columns = (
        Column("article", "Article", ColumnKind.ARTICLE),
        Column("gap", "Gap", ColumnKind.GAP),
        Column("language", "Language", ColumnKind.LANGUAGE),
    )
    found = Table("t", "T", columns, (Line(("a/b", 7, "es")), Line(("gone/x", None, ""))))
    page = shown(site, found)
    links = {e.text: e.attributes["href"] for e in page.all("a")}
    assert links == {"On <b>": "/articles/a/b", "#7": "/reports/gaps/7"}
    assert [e.text for e in page.all("th", "td")][3:] == [
        "On <b>", "#7", "Español", "gone/x", "", "not known",
    ]  # fmt: skip


def test_a_table_without_rows_says_so(site: Any) -> None:
    page = shown(site, Table("t", "T", FIGURES.columns, (), empty="No search failed."))
    (only,) = page.all("td")
    assert (only.text, only.attributes["colspan"]) == ("No search failed.", "3")


def test_a_line_may_be_drawn(site: Any) -> None:
    page = shown(site, FIGURES, DRAWN)
    assert [e.text for e in page.all("i")] == [line.key for line in FIGURES.lines]
    assert page.all("th")[1].text == "Drawn"


@pytest.mark.parametrize(
    ("value", "kind", "unit", "wanted"),
    [
        (None, ColumnKind.SHARE, "", ""),
        (0.5, ColumnKind.SHARE, "", "50.0 %"),
        (-0.012, ColumnKind.DIFFERENCE, "", "−1.2 points"),
        (1234.56, ColumnKind.NUMBER, "", "1,234.6"),
        (1234567, ColumnKind.COUNT, "", "1,234,567"),
        (45, ColumnKind.SECONDS, "", "45 s"),
        (720, ColumnKind.SECONDS, "", "12 min"),
        (12_600, ColumnKind.SECONDS, "", "3.5 hours"),
        (200_000, ColumnKind.SECONDS, "", "2.3 days"),
        (87.4, ColumnKind.MILLISECONDS, "", "87 ms"),
        (1450, ColumnKind.MILLISECONDS, "", "1.4 s"),
        ("2026-03-01", ColumnKind.DAY, "", "1 March 2026"),
        ("not a day", ColumnKind.DAY, "", "not a day"),
        ("2026-03-01T09:05:00+00:00", ColumnKind.MOMENT, "", "1 Mar 2026, 09:05 UTC"),
        ("ticketed", ColumnKind.FAILURE, "", "a ticket followed"),
        ("phone", ColumnKind.DEVICE, "", "phone"),
        ("", ColumnKind.SURFACE, "", "not known"),
        ("policy", ColumnKind.ORIGIN, "", "by policy: left without an answer"),
        ("new-code", ColumnKind.REASON, "", "new-code"),
        (2, ColumnKind.TIER, "", "Tier 2"),
        (12.5, ColumnKind.AMOUNT, "money", "12.50"),
        (14.02, ColumnKind.AMOUNT, "ratio", "14.0 : 1"),
        (0.084, ColumnKind.AMOUNT, "ratio", "0.08 : 1"),
        ("7d4fa87e895c52a400a574caea93659b95a30519", ColumnKind.COMMIT, "", "7d4fa87e89"),
        ("too few data", ColumnKind.AMOUNT, "share", "too few data"),
        ("plain", ColumnKind.TEXT, "", "plain"),
    ],
)  # fmt: skip
def test_every_kind_has_its_words(value: Cell, kind: ColumnKind, unit: str, wanted: str) -> None:
    assert cell(value, kind, unit) == wanted
