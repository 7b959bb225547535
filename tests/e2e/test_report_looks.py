"""Notes, saved views and kept reports in a real browser, with figures behind them."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import AGENT
from tests.e2e.test_looks import LOOKS, faults, sign_in

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("look", LOOKS)
def test_what_leads_add_to_reports_is_accessible_and_fits(
    person: Callable[..., Page], site: Any, look: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.id
    asked = {"User-Agent": f"{AGENT}reader-{name}"}
    place = f"{site.url}/search?q=the+projector+in+the+big+room+hums"
    urllib.request.urlopen(urllib.request.Request(place, headers=asked)).close()
    page = person(f"notes-{name}", **look)
    sign_in(page, "admin")
    today = datetime.now(UTC).date()
    for text, first in (("Release 2.4", today), ("Mail outage", today - timedelta(days=3))):
        page.goto("/reports/notes?range=last-7-days")
        page.get_by_label("Day", exact=True).fill(str(first))
        page.locator("#last").fill(str(today))
        page.get_by_label("What happened", exact=True).fill(f"{text} {name}")
        page.get_by_role("button", name="Add note").click()
    expect(page.get_by_role("cell", name=f"Mail outage {name}")).to_be_visible()
    for _ in range(90):  # the worker judges an episode half a minute after its end
        page.goto("/reports/notes?range=last-7-days")
        if page.locator("svg[role=img]").count():
            break
        page.wait_for_timeout(1000)
    chart = page.get_by_role("img", name="with the notes of the table below")
    expect(chart).to_be_visible()
    page.screenshot(path=site.shot(f"notes-{name}"), full_page=True)
    assert faults(page) == []
    page.get_by_text("Save this view").click()
    page.get_by_label("Name of the view").fill(f"Week {name}")
    page.get_by_role("button", name="Save view").click()
    page.get_by_text(f"Change “Week {name}”").click()
    assert faults(page) == []
    page.screenshot(path=site.shot(f"views-{name}"), full_page=True)
    page.get_by_role("link", name=f"Week {name}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What happened on these days")
    page.goto("/reports/kept")
    page.get_by_label("Title").fill(f"Board meeting {name}")
    page.get_by_role("button", name="Keep report").click()
    expect(page.get_by_role("heading", name="What has changed since")).to_be_visible()
    page.screenshot(path=site.shot(f"kept-{name}"), full_page=True)
    assert faults(page) == []
    page.get_by_role("button", name="Remove this kept report").click()
    assert faults(page) == []
