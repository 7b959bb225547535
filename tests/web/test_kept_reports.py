"""Kept reports show for ever what was shown, and beside it what has changed since."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from kb.accounts.roles import Role
from kb.analytics.jobs import close_episodes
from kb.privacy.erasure import erase
from kb.privacy.model import Who
from kb.reports.model import NOT_KEPT
from kb.schema import kept_reports, report_notes, report_views
from tests.web.pages import Page, complaints

KEPT = "/reports/kept"
WORDS = "falcon budget macro"


def lived(site: Any, people: int = 5, days: int = 0) -> None:
    """Let people fail on the same words, and judge what they did that many days later."""
    for n in range(people):
        site.browser(REMOTE_ADDR=f"203.0.113.{n + 1}").get("/search", query_string={"q": WORDS})
    later = datetime.now(UTC) + timedelta(days=days)
    close_episodes(site.services.db, site.services.settings, later)


def keep(client: Any, title: str = "Board meeting") -> str:
    """Keep the report of the last days; return its address."""
    today = datetime.now(UTC).date()
    days = {"from": str(today - timedelta(days=6)), "until": str(today)}
    answer = client.post(KEPT, data={"title": title, **days})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def as_kept(html: str) -> list[list[str]]:
    """Return the rows of the tables under “As it was kept”."""
    page = Page(html.partition("As it was kept")[2])
    return [[e.text for e in page.all("th", "td") if e.parent is row] for row in page.all("tr")]


def test_a_kept_report_does_not_move(led: Any) -> None:
    lived(led)
    lead = led.client("lead")
    address = keep(lead)
    assert re.fullmatch(r"/reports/kept/[\w-]{16}", address)
    before = lead.get(address)
    assert complaints(before.text) == []
    assert "Nothing: the same report made now has the same cells." in before.text
    lived(led, people=7)
    lead.post("/reports/notes", data={"day": str(datetime.now(UTC).date()), "text": "Outage"})
    after = lead.get(address)
    assert complaints(after.text) == []
    assert as_kept(after.text) == as_kept(before.text)
    changed = Page(after.text.partition("As it was kept")[0])
    told = [e.text for e in changed.all("tr")]
    assert any(re.search(r"Episodes.*was 5, is now 7", row) for row in told), told
    assert any("was nothing, is now Outage" in row for row in told), told


def test_words_that_people_typed_are_shown_now_and_never_kept(led: Any) -> None:
    lived(led, days=2)
    lead = led.client("lead")
    assert WORDS in lead.get("/reports/searches").text
    address = keep(lead)
    page = lead.get(address).text
    assert WORDS not in page
    assert NOT_KEPT in page
    with led.services.db.read() as connection:
        stored = connection.scalar(sa.select(kept_reports.c.tables))
    assert WORDS not in stored
    rows = list(
        csv.reader(io.StringIO(lead.get(f"{address}/failing-words.csv").data.decode("utf-8-sig")))
    )
    assert rows[1][:3] == [NOT_KEPT, "1", "5"]


def test_a_kept_table_is_taken_as_csv_with_the_cells_of_the_page(led: Any) -> None:
    lived(led)
    lead = led.client("lead")
    address = keep(lead)
    page = Page(lead.get(address).text)
    for name in ("outcomes", "days", "searches", "notes"):
        answer = lead.get(f"{address}/{name}.csv")
        assert answer.mimetype == "text/csv"
        header, *rows = csv.reader(io.StringIO(answer.text))
        table = page.by_id(f"table-{name}")
        assert table is not None
        shown = [e.attributes["value"] for e in page.all("data") if table in e.within()]
        cells = {cell for row in rows for cell in row}
        assert set(shown) <= cells
        assert len(header) >= len([e for e in page.all("th") if table in e.within()]) - len(rows)
    assert lead.get(f"{address}/none.csv").status_code == 404


def test_who_kept_it_or_an_operator_removes_it(led: Any) -> None:
    author, lead = led.client("author"), led.client("lead")
    address = keep(author, "Mine <b>")
    assert "Mine &lt;b&gt;" in lead.get(KEPT).text
    assert lead.post(f"{address}/remove", data={"sure": "yes"}).status_code == 403
    asked = author.post(f"{address}/remove")
    assert asked.status_code == 200
    assert complaints(asked.text) == []
    assert author.get(address).status_code == 200
    assert author.post(f"{address}/remove", data={"sure": "yes"}).status_code == 303
    assert lead.get(address).status_code == 404
    other = keep(author)
    assert led.client("admin").post(f"{other}/remove", data={"sure": "yes"}).status_code == 303


def test_what_cannot_be_kept_keeps_what_was_typed(site: Any) -> None:
    lead = site.client("lead")
    for form in ({"title": " "}, {"title": "T", "from": "never"}, {"title": "x" * 121}):
        answer = lead.post(KEPT, data=form)
        assert answer.status_code == 422
        assert complaints(answer.text) == []
        assert Page(answer.text).form(KEPT)["title"] == form["title"]
    assert site.client("reader").get(KEPT).status_code == 403


def test_who_is_erased_is_named_nowhere(led: Any) -> None:
    lead = led.client("lead")
    address = keep(lead)
    note = {"day": str(datetime.now(UTC).date()), "text": "Release 2.4"}
    lead.post("/reports/notes", data=note)
    lead.post("/reports/views", data={"page": "leads.report", "name": "Mine", "shared": "yes"})
    accounts, parts = led.services.accounts, led.services
    accounts.set_role("lead@example.org", Role.READER)
    spool = parts.settings.data / "spool"
    erase(parts.db, spool, Who(email="lead@example.org"), now=datetime.now(UTC))
    admin = led.client("admin")
    for page in (address, KEPT, "/reports/notes"):
        assert "former member of staff" in admin.get(page).text
    assert "Release 2.4" in admin.get("/reports/notes").text
    with parts.db.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(report_views)) == 0
        assert connection.scalar(sa.select(report_notes.c.made_by)) == "former"
