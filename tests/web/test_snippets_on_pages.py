"""Results, the ticket form and the API show what answers in the shape that the article has."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from kb.app import create_app
from kb.config.settings import load
from kb.content.article import Article
from kb.publishing.publisher import publish
from kb.services import build
from search.types import Section

ROOT = Path(__file__).resolve().parents[2]
BODY = """
Join a laptop to the inventory.

## Steps

1. Open a terminal.
2. Choose the *warehouse* package.
3. Wait until it says done.

## Command

```sh
if true; then
    enrol --tenant "<acme> & sons"
fi
```

## Errors

| Error | Meaning |
|---|---|
""" + "\n".join(f"| {n} | Sensor {n + 100} is cold & <b>stiff</b> |" for n in range(1, 20))


@pytest.fixture(scope="module")
def reader(
    tmp_path_factory: pytest.TempPathFactory, _peopled_template: Path
) -> Iterator[FlaskClient]:
    """Return an anonymous browser of a site with one article of every shape."""
    folder = tmp_path_factory.mktemp("shapes")
    (folder / "articles").mkdir()
    text = f"---\ntitle: Enrol a laptop\nsummary: How to.\naudience: public\n---\n{BODY}\n"
    (folder / "articles" / "enrol.md").write_text(text, encoding="utf-8")
    settings = load(
        {},
        articles=folder / "articles",
        data=folder / "data",
        templates=ROOT / "templates",
        semantic="off",
        trusted_hosts="localhost",
        site_url="http://localhost",
        holdout_share=0,
    )
    publish(settings, progress=lambda _stage, _done, _total: None)
    shutil.copy(_peopled_template, folder / "data" / "tierzero.db")
    services = build(settings)
    yield create_app(services=services).test_client()
    services.db.close()


def shown(reader: FlaskClient, words: str) -> str:
    """Return the first snippet of the results, without the spaces between its tags."""
    page = reader.get("/search", query_string={"q": words}).get_data(as_text=True)
    found = re.search(r'<div class="snippet">(.*?)</div>', page, re.DOTALL)
    assert found is not None
    return re.sub(r"\s+(?=<)|(?<=>)\n\s*", "", found[1].strip())


def test_steps_are_a_list_that_begins_with_their_number(reader: FlaskClient) -> None:
    html = shown(reader, "warehouse")
    assert html.startswith(
        '<ol start="2"><li>Choose the<mark>warehouse</mark> package.</li><li>Wait'
    )


def test_code_keeps_its_lines_and_is_escaped(reader: FlaskClient) -> None:
    html = shown(reader, "tenant acme")
    assert html.startswith("<pre><code>    enrol<mark>--tenant</mark>")
    assert "&lt;<mark>acme</mark>&gt; &amp; sons" in html
    assert html.endswith("\nfi</code></pre>")


def test_the_row_of_a_number_is_shown_under_its_headings(reader: FlaskClient) -> None:
    html = shown(reader, "error 7")
    assert '<span class="head">Error:</span><mark>7</mark>' in html
    assert "Sensor 107 is cold &amp; stiff" in html
    assert html.count("<p") == 1
    assert html.count("<mark>") == 1


def test_programs_get_the_same_words_on_a_line_and_in_blocks(reader: FlaskClient) -> None:
    answer = reader.get("/api/v1/search?q=error 7").get_json()
    hit = answer["hits"][0]
    assert hit["snippet"].startswith("Error: <mark>7</mark> · Meaning: Sensor 107")
    [block] = hit["blocks"]
    assert (block["kind"], block["heads"]) == ("row", ["Error", "Meaning"])


def test_the_ticket_form_suggests_in_the_same_shape(reader: FlaskClient) -> None:
    page = reader.get("/search?q=warehouse package").get_data(as_text=True)
    found = re.search(r"/tickets/new\?search=[^\"&]+", page)
    assert found is not None
    form = reader.get(found[0]).get_data(as_text=True)
    assert '<div class="snippet">' in form
    assert '<ol start="2">' in form


def test_sections_of_before_there_were_shapes_are_read() -> None:
    assert Section.from_row(["a", ["A"], "x\ny"]) == Section("a", ("A",), "x\ny")
    section = Section("a", ("A",), "x\ny", "o1o2")
    assert Section.from_row(section.to_row()) == section
    row = {"slug": "a", "title": "A", "path": "a.md", "audience": "public", "status": "published"}
    assert Article.from_row({**row, "sections": [["", [], "x"]]}).sections[0].shape == ""
