"""The pages of the report: files and programs get the screen's cells; figures open their rows."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup, Tag
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from kb.analytics.daily_counts import DailyTally, added, by_day, quantile, step_of
from kb.analytics.daily_counts_store import packed, unpacked
from kb.analytics.jobs import close_episodes
from kb.analytics.model import EpisodeRow, Outcome
from kb.analytics.report import DateRange, ReportFacts, make_report
from kb.reports.episodes import COUNTS, count_of
from kb.reports.pages import PAGES, TABLES
from kb.reports.tables import deflection as tables_deflection
from kb.reports.tables import searches as tables_searches
from kb.services import Services
from kb.table import Cell, Column, ColumnKind, Line, Table, inert
from kb.tickets.model import Requester, TicketDraft
from kb.tracking.events import Event
from kb.tracking.store import put_all
from kb.workbook import workbook
from tests.analytics.conftest import LATER
from tests.analytics.test_deflection import rows

QUERY = {"from": "2025-03-01", "until": "2025-03-30"}
Did = Callable[..., Event]
SignIn = Callable[[str], FlaskClient]


def screen(page: str, key: str) -> list[list[str]]:
    """Return the raw cells of a table as the page holds them: of `data` its value, else its text;
    what is drawn is left out.
    """
    found = BeautifulSoup(page, "html.parser").find("table", id=f"table-{key}")
    assert isinstance(found, Tag), key
    rows = [row.find_all(["th", "td"]) for row in found.find_all("tr")]
    return [[_raw(cell) for cell in row if not cell.find("svg")] for row in rows]


def _raw(cell: Tag) -> str:
    data = cell.find("data")
    return str(data["value"]) if isinstance(data, Tag) else cell.get_text(" ", strip=True)


@pytest.mark.parametrize("page", PAGES)
def test_every_file_holds_the_cells_of_the_screen(
    month: Services, sign_in: SignIn, page: str
) -> None:
    lead = sign_in("lead")
    place = "/reports/" if page == "deflection" else f"/reports/{page}"
    shown = lead.get(place, query_string=QUERY)
    assert shown.status_code == 200
    book = load_workbook(io.BytesIO(lead.get(f"/reports/{page}.xlsx", query_string=QUERY).data))
    assert book.sheetnames[0] == "About"
    for key in PAGES[page].tables:
        told = lead.get(f"/api/v1/reports/{key}", query_string=QUERY).get_json()
        places = [n for n, column in enumerate(told["columns"]) if column["shown"]]
        names = [column["key"] for column in told["columns"]]
        wanted = [[row[name] for name in names] for row in told["rows"]]

        data = lead.get(f"/reports/{key}.csv", query_string=QUERY).data
        assert data.startswith(b"\xef\xbb\xbf")  # by which Excel knows UTF-8 (directus#26005)
        text = data.decode("utf-8-sig")
        header, *body = csv.reader(io.StringIO(text, newline=""))
        assert header == names
        assert body == [[_text(inert(cell)) for cell in row] for row in wanted], key

        sheet = [list(row) for row in book[key[:31]].iter_rows(values_only=True)]
        assert sheet[0] == names
        assert [_filled(row) for row in sheet[1:]] == [_filled(row) for row in wanted], key

        if "Nothing was recorded on these days." in shown.text:
            counts = [n for n in places if told["columns"][n]["kind"] == "count"]
            assert not any(row[n] for row in wanted for n in counts), key
            continue
        if not wanted or (key == "notes"):
            continue  # the page says so in words instead
        _, *seen = screen(shown.text, key)
        assert [row[: len(places)] for row in seen] == [
            [_text(row[place]) for place in places] for row in wanted
        ], key


def _text(cell: Cell) -> str:
    return "" if cell is None else " ".join(str(cell).split())


def _filled(row: list[Any]) -> list[Any]:
    return [None if cell == "" else cell for cell in row]


def test_every_table_is_on_its_page(month: Services, sign_in: SignIn) -> None:
    lead = sign_in("lead")
    for page in PAGES.values():
        made = page.make(month.report_source(), DateRange(date(2025, 3, 1), date(2025, 3, 30)),
                         LATER)  # fmt: skip
        assert sorted(table.key for table in made.tables) == sorted(page.tables)
    listed = lead.get("/api/v1/reports").get_json()
    assert {key for page in listed["pages"] for key in page["tables"]} == set(TABLES)
    assert lead.get("/api/v1/reports/nothing").status_code == 404
    assert lead.get("/reports/nothing.csv").status_code == 404
    assert lead.get("/reports/nothing.xlsx").status_code == 404


@pytest.mark.parametrize("role", ["reader", "agent"])
def test_reports_are_for_those_who_may_read_them(sign_in: SignIn, role: str) -> None:
    other = sign_in(role)
    for place in ("/reports/", "/reports/searches", "/reports/deflection.xlsx",
                  "/reports/figures/deflection/deflection_lower", "/api/v1/reports",
                  "/api/v1/reports/outcomes"):  # fmt: skip
        assert other.get(place).status_code == 403, place


CELLS = st.one_of(
    st.none(), st.integers(-10**6, 10**6), st.floats(-1e6, 1e6, allow_nan=False),
    st.text(max_size=20).filter(lambda text: text.isprintable()),
    st.sampled_from(["=1+1", "+cmd", "-2", "@x", "https://x.example", "0012", "=HYPERLINK(\"a\")"]),
)  # fmt: skip


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_a_workbook_holds_cells_and_no_formula(drawn: list[tuple[Cell, Cell]]) -> None:
    columns = (Column("a", "A"), Column("b", "B", ColumnKind.COUNT))
    found = Table("t", "T", columns, tuple(map(Line, drawn)))
    book = load_workbook(io.BytesIO(workbook([found], [("=x", "=y")], made=LATER)))
    read = list(book["t"].iter_rows(min_row=2, max_col=2))
    for row, wanted in zip(read, drawn, strict=False):
        for cell, value in zip(row, wanted, strict=True):
            assert cell.data_type != "f"
            assert (cell.value if cell.value is not None else "") == (
                pytest.approx(value) if isinstance(value, float) else "" if value is None else value
            )


# -- the rows behind ----------------------------------------------------------------------------


@given(st.lists(rows(), max_size=40))
def test_the_rows_behind_a_figure_add_up_to_it(found: list[EpisodeRow]) -> None:
    at = datetime(2025, 4, 20, tzinfo=LATER.tzinfo)
    told = make_report(
        ReportFacts(by_day(found)), DateRange(date(2025, 3, 1), date(2025, 4, 30)), k=5, now=at
    )
    figures = [*told.outcomes, told.deflection_lower, told.deflection_upper, told.unresolved,
               told.searches, told.deflection.response, *(step.reached for step in told.funnel),
               told.quality.clicked, told.quality.top, told.quality.reworded]  # fmt: skip
    for figure in figures:
        counted = COUNTS[figure.key]
        assert not counted.unlike
        pairs = [counted.count(row) for row in found]
        assert sum(n for _, n in pairs) == figure.numerator, figure.key
        if figure.denominator is not None:
            assert sum(of for of, _ in pairs) == figure.denominator, figure.key
    for group in told.deflection.populations:
        own = count_of(f"{group.key}:deflection_lower")
        assert own is not None
        pairs = [own.count(row) for row in found]
        assert (sum(n for _, n in pairs), sum(of for of, _ in pairs)) == (
            group.lower.numerator, group.closed,
        )  # fmt: skip


def test_every_figure_of_a_page_opens_and_pages_through_all_its_rows(
    month: Services, sign_in: SignIn
) -> None:
    lead = sign_in("lead")
    page = lead.get("/reports/", query_string=QUERY).text
    soup = BeautifulSoup(page, "html.parser")
    links = {str(a["href"]) for a in soup.select("table a[href*='/reports/figures/']")}
    assert len(links) > 30
    for link in sorted(links):
        opened = lead.get(link)
        assert opened.status_code == 200, link
        assert "What it means" in opened.text, link
    place, seen, counted = (
        "/reports/figures/outcomes/ticketed?" + "&".join(f"{k}={v}" for k, v in QUERY.items()),
        0,
        0,
    )
    while place:
        opened = BeautifulSoup(lead.get(place).text, "html.parser")
        told = screen(str(opened), "rows")[1:]
        seen, counted = seen + len(told), counted + sum(int(row[-1]) for row in told)
        nearby = opened.find("a", rel="next")
        place = str(nearby["href"]) if isinstance(nearby, Tag) else ""
    line = lead.get("/api/v1/reports/outcomes", query_string=QUERY).get_json()["rows"][1]
    assert (counted, seen) == (line["numerator"], line["denominator"])


def test_rows_hold_no_words_and_no_pseudonym(month: Services, sign_in: SignIn) -> None:
    page = sign_in("lead").get("/reports/figures/searches/searches", query_string=QUERY).text
    told = screen(page, "rows")
    assert len(told) > 20
    assert not any(cell == "vpn" for row in told for cell in row)
    assert f"{7:032x}" not in page


def test_rows_say_the_hour_and_no_page_says_more(month: Services, sign_in: SignIn) -> None:
    """Who knows when somebody was there does not find their row by it, nor in the next page."""
    page = sign_in("lead").get("/reports/figures/searches/searches", query_string=QUERY).text
    told = screen(page, "rows")[1:]
    assert all(row[0].endswith(":00+00:00") for row in told)
    nearby = BeautifulSoup(page, "html.parser").find("a", rel="next")
    assert isinstance(nearby, Tag)
    after = parse_qs(urlsplit(str(nearby["href"])).query)["after"][0]
    assert re.fullmatch("[0-9a-f]{32}", after)


def test_each_tier_opens_its_own_times(month: Services, sign_in: SignIn) -> None:
    draft = TicketDraft("No light", requester=Requester("Ada", "ada@example.org"))
    month.desk.open_ticket(draft, submission="one", now=datetime(2025, 3, 10, tzinfo=UTC))
    page = sign_in("lead").get("/reports/tickets", query_string=QUERY).text
    table = BeautifulSoup(page, "html.parser").find("table", id="table-ticket-times")
    assert isinstance(table, Tag)
    links = [str(link["href"]) for link in table.select("tbody a")]
    assert len(links) > 4
    assert len(set(links)) == len(links)
    told = sign_in("lead").get(next(each for each in links if "tier_2:" in each)).text
    assert "What it means" in told
    assert "waiting for the requester" in told


def test_a_place_that_is_none_says_so(sign_in: SignIn) -> None:
    lead = sign_in("lead")
    assert lead.get("/reports/figures/outcomes/ticketed?after=xyz").status_code == 422
    assert lead.get("/reports/figures/outcomes/nothing").status_code == 404
    assert lead.get("/reports/figures/nothing/ticketed").status_code == 404


# -- days ---------------------------------------------------------------------------------------


@given(st.lists(rows(), max_size=40))
def test_days_come_back_as_they_were_and_add_up(found: list[EpisodeRow]) -> None:
    days = by_day(found)
    back = {day: unpacked(json.loads(json.dumps(packed(tally)["counts"])) and packed(tally))
            for day, tally in days.items()}  # fmt: skip
    for day, tally in days.items():
        assert _plain(back[day]) == _plain(tally)
    at_once = by_day([_moved(row) for row in found])
    assert _plain(added(days.values()), times=False) == _plain(added(at_once.values()), times=False)


def _moved(row: EpisodeRow) -> EpisodeRow:
    """Return the same episode, its order kept, on one day with all others."""
    from dataclasses import replace

    assert row.started_at is not None
    minutes = (row.started_at - datetime(2025, 3, 1, tzinfo=LATER.tzinfo)) / timedelta(days=1)
    return replace(row, started_at=datetime(2025, 3, 1, tzinfo=LATER.tzinfo)
                   + timedelta(minutes=minutes))  # fmt: skip


def _plain(tally: DailyTally, *, times: bool = True) -> dict[str, Any]:
    names = ("kinds", "waited", "asked", "ranks", "took", "reasons")
    found: dict[str, Any] = {name: +getattr(tally, name) for name in names}
    found["sums"] = +tally.sums
    for name in ("people", "ticketed", "failed"):
        found[name] = sorted(getattr(tally, name).tolist())
    found["exposed"] = tally.exposed.tolist() if times else sorted(tally.exposed.tolist())
    return found | ({"last_end": tally.last_end} if times else {})


@given(st.lists(st.floats(0, 100_000), min_size=1))
def test_a_median_is_right_to_a_step(times: list[float]) -> None:
    took: dict[int, int] = {}
    for ms in times:
        took[step_of(ms)] = took.get(step_of(ms), 0) + 1
    found = quantile(took, 0.5)
    exact = sorted(times)[(len(times) + 1) // 2 - 1]
    assert found is not None
    assert abs(found - exact) <= 0.0455 * (exact + 1)


def test_late_tickets_and_new_events_reach_counted_days(
    month: Services, did: Did, sign_in: SignIn
) -> None:
    """What was counted yesterday is counted again when an episode of then changes."""
    lead = sign_in("lead")

    def ticketed() -> int:
        told = lead.get("/api/v1/reports/outcomes", query_string=QUERY).get_json()
        return int(next(row for row in told["rows"] if row["figure"] == "Ticketed")["numerator"])

    before = ticketed()
    put_all(month.db, [did("ticket_created", -8 * 86400 + 6000 + 400, visitor=f"{1:032x}",
                           number=9, origin="outside", id="late")])  # fmt: skip
    close_episodes(month.db, month.settings, LATER, since=datetime(2025, 3, 1, tzinfo=LATER.tzinfo))
    assert ticketed() == before + 1


def test_a_report_waits_rather_than_tell_half(month: Services, sign_in: SignIn) -> None:
    from kb.analytics import daily_counts_store

    with month.db.begin() as connection:
        daily_counts_store.touch_all(connection)
    lead = sign_in("lead")
    told = lead.get("/reports/", query_string=QUERY)
    assert told.status_code == 503
    assert "still being counted" in told.text
    close_episodes(month.db, month.settings, LATER)
    assert lead.get("/reports/", query_string=QUERY).status_code == 200


def test_one_outcome_of_each_is_enough_for_every_table() -> None:
    found = [EpisodeRow(str(n), outcome, True, True, False, {}, f"v{n}", LATER, LATER)
             for n, outcome in enumerate(Outcome)]  # fmt: skip
    told = make_report(
        ReportFacts(by_day(found)), DateRange(LATER.date(), LATER.date()), k=5, now=LATER
    )
    assert tables_deflection.tables(told)
    assert tables_searches.tables(told)


def test_a_kept_report_is_shown_while_days_are_counted(month: Services, sign_in: SignIn) -> None:
    from kb.analytics import daily_counts_store

    lead = sign_in("lead")
    kept = lead.post("/reports/kept", data=QUERY | {"title": "March"}).location
    with month.db.begin() as connection:
        daily_counts_store.touch_all(connection)
    told = lead.get(kept)
    assert told.status_code == 200
    assert "cannot be told yet" in told.text
    assert "As it was kept" in told.text
