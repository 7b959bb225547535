"""Notes on days: written by leads, marked on the chart, told in a table, taken as CSV."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.analytics.jobs import close_episodes
from kb.analytics.report import DateRange
from kb.analytics.search_metrics import steps
from kb.reports.model import Annotation, annotations_of, annotations_table
from kb.web.views.charts import marks
from tests.web.pages import Page, complaints

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)


def add(client: Any, text: str, day: date = YESTERDAY, last: str = "") -> Any:
    """Add a note through the form."""
    form = {"day": day.isoformat(), "last": last, "text": text}
    return client.post("/reports/notes", data=form)


def test_a_note_from_first_to_last(led: Any) -> None:
    lead = led.client("lead")
    answer = add(lead, "  Release   2.4 <b> ")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/reports/notes")
    page = lead.get("/reports/notes")
    assert complaints(page.text) == []
    assert "Release 2.4 &lt;b&gt;" in page.text
    address = re.search(r"/reports/notes/[0-9a-f-]{36}", page.text)
    assert address is not None
    form = Page(lead.get(address[0]).text).form(address[0])
    assert form == {"day": str(YESTERDAY), "last": str(YESTERDAY), "text": "Release 2.4 <b>"}
    admin = led.client("admin")
    changed = admin.post(address[0], data=form | {"text": "=Outage", "last": str(TODAY)})
    assert changed.status_code == 303
    told = Page(lead.get("/reports/notes").text).one("main").text
    assert "=Outage" in told
    assert "Lead," in told
    assert "changed by Admin" in told
    rows = list(csv.reader(io.StringIO(lead.get("/reports/notes.csv").data.decode("utf-8-sig"))))
    assert rows == [
        ["mark", "first", "last", "note"],
        ["1", str(YESTERDAY), str(TODAY), "'=Outage"],
    ]
    assert lead.post(f"{address[0]}/remove").status_code == 303
    assert "Outage" not in lead.get("/reports/notes").text
    assert lead.get(address[0]).status_code == 404


def test_a_note_of_long_ago_is_shown_after_it_was_written(led: Any) -> None:
    lead = led.client("lead")
    answer = add(lead, "Campaign", date(2024, 3, 1), "2024-03-03")
    shown = lead.get(answer.headers["Location"])
    assert "Campaign" in shown.text
    assert "Campaign" not in lead.get("/reports/notes").text
    assert "Campaign" in lead.get("/reports/notes?from=2024-03-03&until=2024-03-09").text


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"day": "2026-03-01", "text": " "}, "text"),
        ({"day": "2026-03-01", "text": "x" * 201}, "text"),
        ({"day": "2026-03-01", "text": "a\u200eb"}, "text"),
        ({"day": "soon", "text": "Kept words"}, "day"),
        ({"day": "2026-03-02", "last": "2026-03-01", "text": "Kept words"}, "last"),
    ],
)
def test_what_cannot_be_a_note_keeps_the_words_typed(
    site: Any, form: dict[str, str], field: str
) -> None:
    answer = site.client("lead").post("/reports/notes", data=form)
    assert answer.status_code == 422
    page = Page(answer.text)
    assert complaints(answer.text) == []
    assert any(e.attributes.get("href") == f"#{field}" for e in page.all("a"))
    control = page.by_id(field)
    assert control is not None
    assert control.attributes["aria-invalid"] == "true"
    assert page.form("/reports/notes")["text"] == form["text"]


def test_authors_read_notes_and_leads_write_them(led: Any) -> None:
    add(led.client("lead"), "Release 2.4")
    author = led.client("author")
    page = author.get("/reports/notes")
    assert "Release 2.4" in page.text
    assert "Add a note" not in page.text
    assert add(author, "x").status_code == 403
    assert led.client("reader").get("/reports/notes").status_code == 403
    assert led.client("agent").get("/reports/notes").status_code == 403
    strange = led.client("lead").post(
        "/reports/notes", data={}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert strange.status_code == 403


def test_a_wrong_range_is_said_beside_its_field(site: Any) -> None:
    for query in ("range=moon", "from=13", "until=1066-10-14", "from=2020-01-01&until=2026-01-01"):
        answer = site.client("lead").get(f"/reports/notes?{query}")
        assert answer.status_code == 422
        assert complaints(answer.text) == []


def test_the_chart_of_the_days_carries_the_marks(led: Any) -> None:
    led.browser().get("/search?q=printing")
    close_episodes(led.services.db, led.services.settings, datetime.now(UTC))
    lead = led.client("lead")
    add(lead, "Release 2.4", TODAY)
    add(lead, "Outage", TODAY)
    page = Page(lead.get("/reports/notes?range=last-7-days").text)
    (label,) = [e for e in page.all("text") if e.attributes.get("class") == "noted"]
    assert label.text == "1, 2"
    (picture,) = [e for e in page.all("svg") if e.attributes.get("role") == "img"]
    assert "notes of the table below" in picture.attributes["aria-label"]
    assert [e.text for e in page.all("td") if e.attributes.get("class") == "note"] == [
        "Release 2.4", "Outage",
    ]  # fmt: skip


FIRST = date(2026, 1, 1)
OFFSETS = st.integers(-40, 140)


@st.composite
def notes(draw: st.DrawFn) -> Annotation:
    """Draw a note near the start of 2026."""
    a, b = sorted((draw(OFFSETS), draw(OFFSETS)))
    day = FIRST + timedelta(days=a)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Annotation(draw(st.uuids()).hex, day, FIRST + timedelta(days=b), "n", "", at)


@given(st.lists(notes(), max_size=8), st.integers(1, 100))
def test_notes_of_a_range_are_marked_where_their_days_are(
    drawn: list[Annotation], days: int
) -> None:
    span = DateRange(FIRST, FIRST + timedelta(days=days - 1))
    shown = annotations_of(drawn, span)
    held = {FIRST + timedelta(days=n) for n in range(days)}
    for note in drawn:
        own = {note.first + timedelta(days=n) for n in range((note.last - note.first).days + 1)}
        assert (note in shown) == bool(own & held)
    assert list(shown) == sorted(shown, key=lambda note: (note.first, note.last, note.at, note.id))
    drawn_marks = marks(shown, steps({}, span.first, span.last))
    labels = [int(n) for mark in drawn_marks for n in mark.label.split(", ")]
    assert sorted(labels) == list(range(1, len(shown) + 1))
    assert [line.cells[0] for line in annotations_table(shown).lines] == sorted(labels)
    for mark in drawn_marks:
        assert mark.width > 0
        assert 0 <= mark.x <= mark.x + mark.width <= 100.01
    if days <= 35:  # a bar is a day
        for mark in drawn_marks:
            note = shown[int(mark.label.split(", ")[0]) - 1]
            first = max(note.first, span.first)
            assert mark.x == pytest.approx((first - FIRST).days / days * 100, abs=0.01)
