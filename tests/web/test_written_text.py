"""Lines, indentation and addresses that people write are kept and shown, and nothing of it runs.

Strangers met the opposite: godotengine/godot-asset-store-tracker#271 and opensupports#749 (line
ends gone on the page, also by the API), django-helpdesk#28 and #40 (gone in letters),
toptal/haste-client#14 and processwire-issues#459 (the first line's indentation gone),
CasualOffice/docs#144 and anomalyco/opencode#49748 (a link that swallows what follows it).
"""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from kb.schema import outbox
from kb.web.filters import linked
from tests.web.pages import Element, Page, active_content

TRACE = (
    "\tat com.example.Main(Main.java:12)\n    <b>not bold</b> & {\n\n\t\t'key':  'two  blanks'\n"
    "    }  https://example.org/a?b=1&c=(2)."
)


def _links(text: str) -> dict[str, str]:
    return {"".join(e.words): e.attributes["href"] for e in Page(str(linked(text))).all("a")}


def _read(text: str) -> str:
    page = Page(f"<div>{linked(text)}</div>")
    return "".join(page.one("div").words)


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("see https://example.org/a?b=1&c=2.", ["https://example.org/a?b=1&c=2"]),
        ("(http://example.org/x_(y))", ["http://example.org/x_(y)"]),
        ("<https://example.org/>, \"https://example.org/z\"",
         ["https://example.org/", "https://example.org/z"]),
        ("HTTPS://Example.ORG/ä", ["HTTPS://Example.ORG/ä"]),
        ("http://localhost:8080/x http://10.0.0.1/", ["http://localhost:8080/x",
                                                      "http://10.0.0.1/"]),
        ("启动: http://127.0.0.1:4173/ (构建产物已生成, HTTP 200)。", ["http://127.0.0.1:4173/"]),
        ("siehe https://example.org/ende-!", ["https://example.org/ende-"]),
        ("readme.md www.example.org //example.org ftp://example.org/x", []),
        ("javascript:alert(1) data:text/html,x vbscript:x file:///etc/passwd", []),
        ("com.example.Main$1(Main.java:12)", []),
        ("", []),
    ],
)  # fmt: skip
def test_addresses_that_are_written_out_become_links(text: str, links: list[str]) -> None:
    assert list(_links(text).values()) == links
    assert _read(text) == text


def test_a_mail_address_becomes_one_to_write_to() -> None:
    assert _links("ask ana@example.org.") == {"ana@example.org": "mailto:ana@example.org"}


def test_a_link_gives_no_weight_and_no_way_back() -> None:
    (link,) = Page(str(linked("https://example.org/"))).all("a")
    assert set(link.attributes["rel"].split()) == {"nofollow", "noopener", "ugc"}


PIECES = st.sampled_from([
    "http://", "https://", "mailto:", "javascript:", "data:", "//", "<script>", "</a>", '"', "'",
    "<", ">", "&", "&#34;", "onclick=x ", "\x00", "\n", "\t", " ", "a.example", "@", "(", ")", "[",
    "]", "%22", "\u202e", "\u2028", "user:pw@", "\\", "`", "{{ 7*7 }}", "ä", "漢", "#", "?x=1",
])  # fmt: skip


@given(st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=20).map("".join))
def test_nothing_that_is_written_runs_and_every_character_is_kept(text: str) -> None:
    html = str(linked(text))
    page = Page(f"<div>{html}</div>")
    assert {e.tag for e in page.elements} <= {"div", "a"}
    assert active_content(page) == []
    for link in page.all("a"):
        assert set(link.attributes) == {"href", "rel"}
        assert link.attributes["href"].lower().startswith(("http://", "https://", "mailto:"))
    assert _read(text) == text


# -- through the front door ---------------------------------------------------------------------


def _written(page: str, within: str) -> list[Element]:
    return [e for e in Page(page).all("p") if within in e.attributes.get("class", "").split()]


def test_what_is_written_reaches_pages_letters_and_exports_line_by_line(
    led: Any,
) -> None:
    client, agent = led.signed_in("reader"), led.signed_in("agent")
    typed = TRACE.replace("\n", "\r\n")  # as browsers send it
    form = Page(client.get("/tickets/new").text).form("/tickets")
    opened = client.post("/tickets", data=form | {"subject": "Trace", "body": f"\r\n{typed}\r\n"})
    place = opened.headers["Location"]
    number = Page(client.get(place).text).one("title").text.split()[0]
    for action, field in (("note", "text"), ("answer", "text"), ("escalate", "reason")):
        done = agent.post(f"/desk/tickets/{number}/{action}", data={field: f"{action}\n{typed}"})
        assert done.status_code == 303, action
    mine = Page(client.get(f"/my/tickets/{number}").text).form(f"/my/tickets/{number}/reply")
    client.post(f"/my/tickets/{number}/reply", data=mine | {"text": typed})
    at_desk, theirs = agent.get(f"/desk/tickets/{number}").text, client.get(place).text
    shown = ["".join(e.words) for e in _written(at_desk, "written")]
    assert shown == [TRACE, *(f"{a}\n{TRACE}" for a in ("note", "answer", "escalate")), TRACE]
    assert next(text for text in shown if text.startswith("answer")) in [
        "".join(e.words) for e in _written(theirs, "written")
    ]
    assert "<b>" not in at_desk + theirs
    held = client.get("/my/data.json").get_json()
    assert TRACE in [ticket["body"] for ticket in held["tickets"]]
    with led.services.db.read() as connection:
        letters = [p["text"] for p in connection.scalars(sa.select(outbox.c.payload))]
    assert sum(TRACE in text for text in letters) == 2  # received, answered


def test_lines_that_a_program_sends_are_kept_too(site: Any) -> None:
    """opensupports#749: tickets by the API were one line on the desk's page."""
    reader, agent = site.client("reader"), site.client("agent")
    made = reader.post("/api/v1/tickets", json={"subject": "By a program", "body": TRACE})
    page = agent.get(f"/desk/tickets/{made.get_json()['number']}").text
    assert ["".join(e.words) for e in _written(page, "written")] == [TRACE]


def test_the_style_sheet_keeps_lines_of_what_is_written(site: Any) -> None:
    sheet = site.browser().get("/static/site.css").text
    assert ".written { white-space: pre-wrap;" in sheet


def test_a_form_that_comes_back_keeps_a_first_empty_line(site: Any) -> None:
    """HTML drops a line end that opens a text area, so one more is written there."""
    text = "\n\n  two lines down"
    answer = site.browser().post("/tickets", data={"subject": "ab", "body": text})
    assert answer.status_code == 422
    assert Page(answer.text).form("/tickets")["body"] == text
