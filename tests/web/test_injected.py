"""Markup typed where words are asked for stays words, on every page that repeats it."""

from __future__ import annotations

import csv
import io
import re
from itertools import permutations
from typing import Any

import pytest
import sqlalchemy as sa

from kb.analytics.daily_counts_store import touch
from kb.schema import episodes, failed_searches
from kb.tracking.query_text import words_key
from tests.web.pages import Page, active_content

PAYLOADS = (
    "<script>alert(1)</script>", "</title><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>', "'><script>alert(1)</script>", '" onmouseover="alert(1)',
    "' onmouseover='alert(1)", '"autofocus onfocus=alert(1) x="', "<svg onload=alert(1)>",
    "<svg/onload=alert(1)//", "<svg><script>alert&#40;1)</script>", "<math><mi xlink:href=data:x>",
    "<body onload=alert(1)>", "<iframe src=javascript:alert(1)>", "<iframe srcdoc='<b>x'>",
    "<object data=javascript:alert(1)>", "<embed src=javascript:alert(1)>", "<base href=//evil>",
    "<link rel=stylesheet href=//evil>", "<meta http-equiv=refresh content='0;url=//evil'>",
    "<style>@import'//evil'</style>", "<a href=javascript:alert(1)>x</a>",
    "<a href='jav&#x09;ascript:alert(1)'>x</a>", "<form action=javascript:alert(1)><button>",
    "<button formaction=javascript:alert(1)>x", "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)>", "<audio src=x onerror=alert(1)>",
    "<input onfocus=alert(1)>",
    "<marquee onstart=alert(1)>", "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<textarea></textarea><script>",
    "</textarea><script>alert(1)</script>", "</script><script>alert(1)</script>",
    "</q></h1><img src=x onerror=alert(1)>", "--><script>alert(1)</script>", "<!--<script>",
    "]]><script>alert(1)</script>", "<x onclick=alert(1)>x", "<x contenteditable onblur=alert(1)>",
    "<p style=background:url(javascript:alert(1))>", "<div style='x:expression(alert(1))'>",
    "&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;script&#62;alert(1)", "%3Cscript%3Ealert(1)",
    "\u003cscript\u003ealert(1)", "\uff1cscript\uff1ealert(1)", "<scr\x00ipt>alert(1)</script>",
    "<scr<script>ipt>alert(1)</script>", "<SCRIPT SRC=//evil></SCRIPT>",
    "<script\x0c>alert(1)</script>",
    "<img/src=x/onerror=alert(1)>", "<img src=`x` onerror=`alert(1)`>", "<a\thref=javascript:x>x",
    "{{ 7 * 7 }}", "{% include 'x' %}", "${7*7}", "#{7*7}", "{{ config }}",
    "javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:x",
    "//evil.example",
    "\\x3cscript\\x3e", "<mark onclick=alert(1)>x</mark>", "</mark><script>alert(1)</script>",
    "\u202e<script>", "\r\nX-Injected: yes\r\n\r\n<script>", "<![CDATA[<script>]]>",
    "<plaintext>", "<xmp><script>", "<title><img src=x onerror=alert(1)>", "<frameset onload=x>",
)  # fmt: skip
# Words beside the payload tell needs apart, so that each makes a ticket of its own.
NEEDS = permutations(["lamp", "door", "chair", "table", "window", "carpet", "kettle", "plant"], 4)


# What a report draws itself.
OURS = re.compile(r'<svg class="(?:strip|stacked|swatch|axis)[^>]*>.*?</svg>', re.DOTALL)


def _inert(answer: Any, payload: str, where: str) -> None:
    assert answer.status_code < 500, where
    assert "X-Injected" not in answer.headers
    if answer.mimetype == "text/html":
        found = active_content(Page(OURS.sub("", answer.text)))
        assert not found, f"{where} {payload!r}: {found}"
        assert payload != "{{ 7 * 7 }}" or ">49<" not in answer.text


def test_there_are_enough_payloads_and_each_would_be_seen() -> None:
    assert len(set(PAYLOADS)) >= 60
    raw = [p for p in PAYLOADS if active_content(Page(f"<h1>{p}</h1>"))]
    assert len(raw) >= 40


@pytest.mark.parametrize("role", ["anonymous", "lead"])
def test_in_addresses(site: Any, role: str) -> None:
    client = site.client(role)
    for payload in PAYLOADS:
        for place, names in {
            "/search": ("q", "lang", "in", "page", "literal"),
            "/suggest": ("q",),
            "/articles/print/public": ("from", "rank", "thanks", "q"),
            "/sign-in": ("next",),
            "/tickets/new": ("search", "article"),
            "/desk/": ("q", "state", "tier", "owner", "origin", "page"),
            "/reports/": ("from", "until"),
        }.items():
            if role == "anonymous" and place in {"/desk/", "/reports/"}:
                continue
            query = dict.fromkeys(names, payload)
            if place == "/search":
                query["q"] = f"{payload} printing"
            _inert(client.get(place, query_string=query), payload, place)


def test_in_paths(site: Any) -> None:
    client = site.client("lead")
    for payload in PAYLOADS:
        for place in (
            "/articles/",
            "/collections/",
            "/t/",
            "/desk/tickets/",
            "/media/",
            "/",
            "/my/",
        ):
            _inert(client.get(place + payload), payload, place)


def test_in_the_ticket_form_whether_it_is_sent_or_comes_back(site: Any) -> None:
    client = site.browser()
    for payload in PAYLOADS:
        bad = dict.fromkeys(
            ("subject", "body", "name", "email", "search", "article", "submission"), payload
        )
        _inert(client.post("/tickets", data=bad), payload, "/tickets")


def test_in_the_sign_in_form_that_comes_back(site: Any) -> None:
    for payload in PAYLOADS[::6]:  # each takes as long as a password is meant to take
        answer = site.browser().post("/sign-in", data={"email": payload})
        assert answer.status_code == 422
        _inert(answer, payload, "/sign-in")


def test_in_a_ticket_as_its_requester_and_the_desk_see_it(site: Any) -> None:
    agent, client = site.client("agent"), site.browser()
    for payload in PAYLOADS[::2]:
        words = " ".join(next(NEEDS))
        client.get("/search", query_string={"q": f"{payload} {words}"})
        made = client.post("/api/v1/tickets", json={
            "subject": f"{payload} {words}"[:200], "body": payload, "name": payload[:200],
            "email": "a@b.example", "submission": payload[:64],
        })  # fmt: skip
        assert made.status_code == 201, made.text
        number, link = made.get_json()["number"], made.get_json()["link"].partition("host")[2]
        client.post(f"{link}/reply", data={"text": payload})
        for action, form in (
            ("answer", {"text": payload}), ("note", {"text": payload}),
            ("escalate", {"reason": payload}), ("assign", {"to": payload}),
            ("return", {"to": payload, "reason": payload}),
            ("resolve", {"resolution": payload, "other_article": payload, "text": payload}),
        ):  # fmt: skip
            place = f"/desk/tickets/{number}/{action}"
            _inert(agent.post(place, data=form), payload, place)
        _inert(client.get(link), payload, "private link")
        _inert(agent.get(f"/desk/tickets/{number}"), payload, "ticket at the desk")
    _inert(agent.get("/desk/?state=all"), "", "queue")


def test_in_votes_and_what_browsers_report(site: Any) -> None:
    client = site.browser()
    for payload in PAYLOADS:
        form = {"helpful": payload, "reason": payload, "search": payload, "seconds": payload}
        for place in ("/articles/print/public/vote", "/articles/print/public/solved"):
            answer = client.post(place, data=form)
            assert answer.status_code == 303
            assert answer.headers["Location"].startswith("/articles/print/public?")
            _inert(client.get(answer.headers["Location"]), payload, place)
        report = form | {"article": "print/public"}
        assert client.post("/dwell", data=report).status_code == 204


def test_in_reports_and_their_cells(site: Any) -> None:
    from datetime import UTC, datetime

    lead = site.client("lead")
    cells = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|'/C calc'!A0", *PAYLOADS[:10])
    at = datetime.now(UTC)
    mine = [(n, words, person) for n, words in enumerate(cells) for person in range(6)]
    visits = [
        {
            "id": f"e{n}-{person}", "visitor": f"v{person}", "started_at": at, "ended_at": at,
            "outcome": "abandoned", "ended": True, "closed": True, "unresolved": True,
            "definition": 3, "data": {"searches": 1},
        }
        for n, _, person in mine
    ]  # fmt: skip
    rows = [
        {
            "search_id": f"s{n}-{person}", "episode_id": f"e{n}-{person}", "at": at,
            "visitor": f"v{person}", "failure": "zero", "words": words,
            "words_key": words_key(words) if words.strip() else f"{n:064x}",
            "language": "en", "definition": 3,
        }
        for n, words, person in mine
    ]  # fmt: skip
    with site.services.db.begin() as connection:
        connection.execute(sa.insert(episodes), visits)
        connection.execute(sa.insert(failed_searches), rows)
        touch(connection, [at.date()])
    _inert(lead.get("/reports/"), "", "/reports/")
    shown = lead.get("/reports/searches")
    assert "=cmd|" in shown.text
    _inert(shown, "", "/reports/searches")
    for table in ("failing-words", "outcomes", "searches", "articles", "ticket-shares"):
        answer = lead.get(f"/reports/{table}.csv")
        assert answer.status_code == 200
        assert answer.mimetype == "text/csv"
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
        for row in csv.reader(io.StringIO(answer.text)):
            assert not [cell for cell in row if cell[:1] in set("=+-@\t\r") and not _number(cell)]


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
