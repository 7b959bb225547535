"""Saved views: an address under a name, one's own or shared, and nowhere but to a report."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import g, render_template_string
from hypothesis import given
from hypothesis import strategies as st

from kb.accounts.roles import Viewer
from kb.analytics.date_ranges import RANGES, range_of
from kb.errors import InvalidInput
from kb.reports.model import view_request
from kb.web.views.saved_views import PAGES, TITLES
from tests.web.pages import Page, complaints

VIEWS = "/reports/views"
REPORT = {"page": "leads.report", "q.from": "2026-03-01", "q.until": "2026-03-31"}


def save(client: Any, name: str, **more: str) -> Any:
    """Save a view through the form."""
    return client.post(VIEWS, data=REPORT | {"name": name} | more)


def links(client: Any) -> dict[str, str]:
    """Return the addresses of the views that a person sees, by name."""
    answer = client.get(VIEWS)
    assert complaints(answer.text) == []
    found = Page(answer.text).all("a")
    return {e.text: e.attributes["href"] for e in found
            if re.match(VIEWS + "/.", e.attributes.get("href", ""))}  # fmt: skip


def test_a_view_from_first_to_last(led: Any) -> None:
    lead = led.client("lead")
    assert save(lead, "March").headers["Location"] == VIEWS
    address = links(lead)["March"]
    opened = urlsplit(lead.get(address).headers["Location"])
    assert opened.path == "/reports/"
    assert parse_qs(opened.query) == {"from": ["2026-03-01"], "until": ["2026-03-31"]}
    assert lead.get(lead.get(address).headers["Location"]).status_code == 200
    assert lead.post(f"{address}/rename", data={"name": "Spring"}).status_code == 303
    assert set(links(lead)) == {"Spring"}
    assert lead.post(f"{address}/delete").status_code == 303
    assert links(lead) == {}
    assert lead.get(address).status_code == 404


def test_a_moving_range_takes_the_place_of_days(led: Any) -> None:
    lead = led.client("lead")
    save(lead, "Always last month", range="last-full-month")
    opened = lead.get(links(lead)["Always last month"]).headers["Location"]
    assert opened == "/reports/?range=last-full-month"
    assert "Last full month" in lead.get(VIEWS).text
    days = range_of("last-full-month", datetime.now(UTC).date())
    form = Page(lead.get(opened).text).form("/reports/")
    assert form == {"from": days.first.isoformat(), "until": days.last.isoformat()}
    save(lead, "As now", **{"q.range": "last-30-days"}, range="")
    opened = lead.get(links(lead)["As now"]).headers["Location"]
    assert opened == "/reports/?from=2026-03-01&until=2026-03-31"
    save(lead, "As it moves", **{"q.range": "last-30-days"})
    opened = lead.get(links(lead)["As it moves"]).headers["Location"]
    assert opened == "/reports/?range=last-30-days"


def test_a_view_is_ones_own_until_it_is_shared(led: Any) -> None:
    lead, author, admin = (led.client(role) for role in ("lead", "author", "admin"))
    save(lead, "Mine")
    address = links(lead)["Mine"]
    assert links(author) == links(admin) == {}
    assert author.get(address).status_code == 404
    assert author.post(f"{address}/delete").status_code == 404
    assert lead.post(f"{address}/share", data={"shared": "yes"}).status_code == 303
    assert set(links(author)) == {"Mine"}
    assert author.get(address).status_code == 302
    assert author.post(f"{address}/rename", data={"name": "x"}).status_code == 422
    assert set(links(author)) == {"Mine"}
    assert admin.post(f"{address}/share").status_code == 303
    assert links(author) == {}
    assert led.client("reader").get(address).status_code == 403


def test_two_of_a_name_are_refused_and_what_was_typed_stays(led: Any) -> None:
    lead = led.client("lead")
    save(lead, "March")
    again = save(lead, "March", shared="yes")
    assert again.status_code == 422
    assert complaints(again.text) == []
    form = Page(again.text).form(VIEWS)
    assert form == REPORT | {"name": "March", "shared": "yes"}
    assert lead.post(VIEWS, data=form | {"name": "March 2"}).status_code == 303
    wrong = lead.post(f"{links(lead)['March 2']}/rename", data={"name": "March"})
    assert wrong.status_code == 422
    assert complaints(wrong.text) == []
    assert save(led.client("author"), "March").status_code == 303


@pytest.mark.parametrize(
    "page",
    ["", "https://evil.example/", "//evil.example", "account.sign_out", "gaps.act", "static"],
)
def test_a_view_leads_to_known_pages_alone(led: Any, page: str) -> None:
    lead = led.client("lead")
    answer = save(lead, "Bad", page=page)
    assert answer.status_code == 422
    assert complaints(answer.text) == []
    assert links(lead) == {}


def test_arguments_that_the_page_does_not_know_are_left_out(led: Any) -> None:
    lead = led.client("lead")
    more = {"q._external": "1", "q._scheme": "javascript", "q._anchor": "x", "q.next": "//evil"}
    save(lead, "Odd", **more, **{"q._method": "POST"})
    opened = urlsplit(lead.get(links(lead)["Odd"]).headers["Location"])
    assert (opened.scheme, opened.netloc, opened.path) == ("", "", "/reports/")
    assert set(parse_qs(opened.query)) == {"from", "until"}


FORM = st.dictionaries(st.sampled_from(["page", "name", "range", "shared"]), st.text(max_size=30))
GIVEN = st.dictionaries(
    st.sampled_from(["from", "until", "range", "status", "_external", "next"]) | st.text(),
    st.lists(st.text(max_size=120), max_size=12),
)


@given(FORM, GIVEN, st.sampled_from(sorted(PAGES)))
def test_whatever_is_sent_only_known_arguments_with_plain_values_are_kept(
    form: dict[str, str], given_: dict[str, list[str]], page: str
) -> None:
    try:
        found = view_request(form, given_, PAGES)
    except InvalidInput:
        found = view_request(form | {"page": page, "name": "A name"}, given_, PAGES)
    assert found.page in PAGES
    assert set(found.query) <= PAGES[found.page]
    assert all(v.isprintable() and 0 < len(v) <= 100 for vs in found.query.values() for v in vs)


def test_every_page_that_can_be_saved_exists_and_has_a_title(site: Any) -> None:
    assert set(PAGES) == set(TITLES) <= set(site.app.view_functions)


def test_the_form_of_a_report_page_sends_what_the_page_shows(led: Any) -> None:
    page = (
        "{% from 'macros/views.html' import save_view, keep_report %}"
        "{{ save_view('gaps.listing', given, ranges) }}"
        "{{ keep_report(span) }}"
    )
    from datetime import date

    from kb.analytics.report import DateRange

    given = {"status": "open", "cause": ["a", "b"], "owner": ""}
    ranges = {key: each.words for key, each in RANGES.items()}
    span = DateRange(date(2026, 3, 1), date(2026, 3, 31))
    with led.app.test_request_context("/"):
        g.viewer = Viewer(visitor="")
        shown = Page(render_template_string(page, given=given, ranges=ranges, span=span))
    fields = [
        (e.attributes["name"], e.attributes.get("value"))
        for e in shown.all("input") if e.attributes["name"].startswith("q.")
    ]  # fmt: skip
    assert fields == [("q.status", "open"), ("q.cause", "a"), ("q.cause", "b")]
    kept = shown.form("/reports/kept")
    assert kept == {"from": "2026-03-01", "until": "2026-03-31", "title": ""}
