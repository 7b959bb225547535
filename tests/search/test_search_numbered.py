"""A small number after a word for its kind finds the row of a table that begins with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kb.content.html.tokens import read_outline
from search.engine import Engine
from search.index.generation import build
from search.types import Document, Hit, Query


def table(head: str, rows: range, *, caption: str = "") -> str:
    body = "".join(
        f"<tr><td>{n}</td><td>The {n + 100}th sensor is cold</td><td>Page {n + 60}</td></tr>"
        for n in rows
    )
    heads = "".join(f"<th>{one}</th>" for one in (head, "Meaning", "Look at"))
    return f"<table><caption>{caption}</caption><thead><tr>{heads}</tr></thead>{body}</table>"


def article(name: str, title: str, html: str, language: str = "en") -> Document:
    return Document(name, title, read_outline(html)[0], language=language)


STEPS = "".join(f"<li>Turn wheel {n * 7}</li>" for n in range(1, 9))
ARTICLES = (
    article("display", "What the printer shows", "<p>Look up</p>" + table("Error", range(1, 41))),
    article("minutes", "Errors of the printer", "<p>An error? Wait 6 minutes, print 6 pages.</p>"),
    article("lift", "Lift", table("No.", range(1, 12), caption="Fault codes of the lift")),
    article("lines", "Who sits where", table("Line", range(1, 9))),
    article("device", "Device manager", table("Code", range(45, 60))),
    article("wheel", "Set the wheel", f"<ol>{STEPS}</ol>"),
    article("points", "Scanner errors", "<ul><li>7: lamp is cold</li><li>8: no lamp</li></ul>"),
    article("anzeige", "Anzeige des Druckers", table("Fehler", range(1, 20)), "de"),
    article("pantalla", "Pantalla de la impresora", table("Código", range(1, 20)), "es"),
    article("plain", "Printing", "<p>Six ways to print. No error at all.</p>"),
)  # fmt: skip


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    folder = tmp_path_factory.mktemp("numbered")
    build(ARTICLES, folder)
    return Engine(folder)


def first(engine: Engine, typed: str, language: str = "") -> Hit:
    chosen = frozenset({language}) if language else frozenset[str]()
    return engine.search(Query(typed, languages=chosen)).hits[0]


@pytest.mark.parametrize(
    ("typed", "language", "name", "number"),
    [
        ("error 12", "en", "display", "12"),
        ("printer error 16", "en", "display", "16"),
        ("printer shows error number 6", "en", "display", "6"),
        ("error code 6 printer", "en", "display", "6"),
        ("lift fault 6", "en", "lift", "6"),
        ("line 2", "en", "lines", "2"),
        ("code 52", "en", "device", "52"),
        ("error 52", "en", "device", "52"),
        ("fehler 6", "de", "anzeige", "6"),
        ("error número 6", "es", "pantalla", "6"),
        ("código 6", "es", "pantalla", "6"),
    ],
)
def test_the_row_of_the_number_is_found_and_shown(
    engine: Engine, typed: str, language: str, name: str, number: str
) -> None:
    hit = first(engine, typed, language)
    assert hit.id == name
    [row] = hit.blocks
    assert row.kind == "row"
    assert re.sub("</?mark>", "", row.lines[0]) == number
    assert re.findall("<mark>([^<]*[0-9][^<]*)</mark>", hit.snippet) == [number]


def test_the_step_of_the_number_is_shown(engine: Engine) -> None:
    hit = first(engine, "step 3 set the wheel")
    assert (hit.id, hit.blocks[0].kind, hit.blocks[0].start) == ("wheel", "steps", 3)


def test_a_point_that_begins_with_the_number_is_its_row(engine: Engine) -> None:
    hit = first(engine, "scanner error 8")
    assert hit.id == "points"
    assert hit.blocks[0].lines[0].startswith("<mark>8</mark>: no lamp")


def test_a_number_that_no_table_has_finds_what_speaks_of_errors(engine: Engine) -> None:
    found = engine.search(Query("error 777"))
    assert all("777" not in hit.snippet for hit in found.hits)


def test_a_number_alone_and_a_year_are_not_rows(engine: Engine) -> None:
    """Only the kind makes it one: "6" marks what it marks everywhere."""
    found = engine.search(Query("wait 6 minutes"))
    assert found.hits[0].id == "minutes"


def test_articles_without_shapes_answer_as_before(tmp_path: Path) -> None:
    plain = tuple(
        Document(d.id, d.title, tuple(type(s)(s.anchor, s.path, s.text) for s in d.sections))
        for d in ARTICLES
    )
    build(plain, tmp_path)
    [hit, *_] = Engine(tmp_path).search(Query("lamp is cold")).hits
    assert hit.id == "points"
    assert [block.kind for block in hit.blocks] == ["text"]
