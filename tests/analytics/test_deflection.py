"""Deflection as reports tell it: parts add up, too few data say so, screen and file agree."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from kb.analytics import deflection as analytics_deflection
from kb.analytics import search_metrics
from kb.analytics.daily_counts import by_day
from kb.analytics.daily_counts_store import touch
from kb.analytics.definitions import DEFINITION_VERSION, DEFINITIONS
from kb.analytics.figures import TierCost
from kb.analytics.jobs import close_episodes
from kb.analytics.model import EpisodeRow, Outcome
from kb.analytics.report import DateRange, ReportFacts, make_report
from kb.analytics.service import report, report_beside
from kb.cli.main import main
from kb.config.settings import load
from kb.database import Database
from kb.reports.tables import deflection as tables_deflection
from kb.reports.tables import searches as tables_searches
from kb.schema import episodes
from kb.services import Services
from kb.table import json_rows
from kb.tracking.events import Event
from kb.tracking.store import put_all
from kb.web.views.charts import bars

Did = Callable[..., Event]
FIRST = date(2025, 3, 1)
MONTH = DateRange(FIRST, date(2025, 3, 30))
START = MONTH.start
NOW = datetime(2025, 4, 20, tzinfo=UTC)
COSTS = {n: TierCost(n, f"tier {n}", price) for n, price in ((0, 0.0), (1, 10.0), (2, 40.0))}
KINDS = st.sampled_from([Outcome.CONFIRMED, Outcome.POTENTIAL, Outcome.ABANDONED])


@st.composite
def rows(draw: st.DrawFn) -> EpisodeRow:
    """Draw a stored episode."""
    at = START + timedelta(hours=draw(st.integers(0, 30 * 24 - 1)))
    after = draw(st.none() | st.integers(-600, 7 * 86400))
    otherwise = draw(KINDS)
    ticketed = after is not None and after <= 86400
    form = draw(st.booleans())
    asked = draw(st.lists(st.tuples(
        st.sampled_from(["en", "es", ""]), st.sampled_from(["page", "api"]),
        st.sampled_from(["", "zero", "weak"]), st.integers(1, 3)), max_size=3))  # fmt: skip
    data = {
        "otherwise": otherwise.value,
        "ticket_after": after,
        "form": form,
        "arm": draw(st.sampled_from(["shown", "held_out"])) if form else "",
        "share": 20 if form else 0,
        "survey": draw(st.sampled_from(["", "shown", "yes", "no"])),
        "searches": sum(row[3] for row in asked),
        "clicked": 0,
        "asked": asked,
    }
    name = draw(st.integers(0, 10**9))
    outcome = Outcome.TICKETED if ticketed else otherwise
    return EpisodeRow(str(name), outcome, True, True, False, data, f"v{name % 50}", at, at,
                      DEFINITION_VERSION)  # fmt: skip


@given(st.lists(rows(), max_size=60), st.integers(1, 5))
def test_the_parts_add_up(found: list[EpisodeRow], times: int) -> None:
    found = [
        replace(row, id=f"{n}-{row.id}", visitor=f"{n}-{row.visitor}")
        for n in range(times)
        for row in found
    ]
    told = make_report(ReportFacts(by_day(found), {}, COSTS), MONTH, k=5, now=NOW)
    d = told.deflection
    assert sum(group.closed for group in d.populations) == told.closed
    for name in ("lower", "upper", "ticketed"):
        parts = [getattr(group, name).numerator for group in d.populations]
        whole = told.outcomes[0] if name == "ticketed" else getattr(told, f"deflection_{name}")
        assert sum(parts) == whole.numerator
    for group in (*d.populations, *d.waits):
        if group.estimate.value is not None:
            assert group.lower.value <= group.estimate.value <= group.upper.value
        else:
            assert "too few data" in group.estimate.lacking
    ticketed = [group.ticketed.numerator for group in d.waits]
    assert ticketed == sorted(ticketed)
    day = next(group for group in d.waits if group.name == "24 hours")
    assert day.ticketed.numerator == told.outcomes[0].numerator
    assert day.lower.numerator == told.deflection_lower.numerator
    assert sum(step.total for step in told.steps) == len(found)
    for kind in ("language", "surface"):
        parts = [one.share for one in told.failed_by if one.kind == kind]
        assert sum(one.denominator or 0 for one in parts) == told.searches.numerator
    people = {row.visitor for row in found if row.data["arm"]}
    assert d.arms.shown + d.arms.held_out == len(people)


def test_every_figure_has_a_definition_and_every_table_its_width() -> None:
    told = make_report(ReportFacts({}, {}, COSTS), MONTH, k=5, now=NOW, code="1.2.3")
    figures = [*told.bounds(), *told.of_survey(), *told.of_holdout(), *told.deflection.rivals]
    figures += [f for group in told.deflection.populations for f in group.figures()]
    figures += [told.outside, *(one.people for one in told.deflection.patience)]
    assert {figure.definition for figure in figures} <= set(DEFINITIONS)
    found = [
        *tables_deflection.tables(told),
        *tables_searches.tables(told),
        *tables_searches.article_tables(told.articles),
    ]
    [outside] = [json_rows(table) for table in found if table.key == "outside"]
    assert outside[0]["code_version"] == "1.2.3"


def test_too_few_data_are_called_so_and_no_cost_is_no_money() -> None:
    d = make_report(ReportFacts({}), MONTH, k=5, now=NOW).deflection
    assert d.estimate.value is d.effect.value is d.money.value is None
    assert d.estimate.lacking == "too few data: 0 of 30 answers"
    assert "holdout_share" in d.effect.lacking
    assert "setting tiers" in d.money.lacking


def test_money_is_tickets_avoided_times_the_cost() -> None:
    found = [
        EpisodeRow(str(n), Outcome.TICKETED if n % 4 == 0 or n % 10 == 3 else Outcome.ABANDONED,
                   True, True, False,
                   {"arm": "held_out" if n % 2 else "shown", "share": 50}, str(n), START, START)
        for n in range(200)
    ]  # fmt: skip
    tiers = {n: replace(tier, tickets=n) for n, tier in COSTS.items()}
    d = make_report(ReportFacts(by_day(found), {}, tiers), MONTH, k=5, now=NOW).deflection
    assert d.cost.value == 30.0  # one ticket at 10, two at 40
    assert d.avoided.value == pytest.approx(d.arms.shown * (d.effect.value or 0))
    assert d.money.value == pytest.approx(30 * (d.avoided.value or 0))
    assert d.money.always == pytest.approx(tuple(30 * x for x in d.avoided.always or ()))
    assert [one.people.lacking for one in d.patience] == ["", "", ""] or d.rates[1].value == 0.2


def test_the_period_before_is_as_long_and_ends_the_day_before(
    database: Database, noon: datetime, did: Did
) -> None:
    put_all(database, [did("solved", day * 86400, visitor=f"v{day}") for day in (-9, -8, -1, 0, 3)])
    later = noon + timedelta(days=12)
    close_episodes(database, load({}), later)
    span = DateRange(noon.date(), noon.date() + timedelta(days=7))
    told = report_beside(database, span, k=5, now=later)
    assert span.before() == DateRange(date(2025, 3, 2), date(2025, 3, 9))
    [lower] = [one for one in told.changes if one.now.key == "deflection_lower"]
    assert (lower.now.numerator, lower.before.numerator) == (2, 2)
    assert lower.difference == 0.0
    assert lower.interval is not None


def test_what_another_system_told_of_and_where_tickets_stand(
    database: Database, noon: datetime, did: Did
) -> None:
    put_all(database, [
        did("ticket_created", 0, origin="outside"),
        did("ticket_created", 1, visitor="", origin="outside"),
        did("ticket_created", 2, origin="outside", left_out="staff"),
        did("ticket_created", 3, origin="asked"),
    ])  # fmt: skip
    with database.begin() as connection:
        touch(connection, [noon.date()])
    day = DateRange(noon.date(), noon.date())
    told = report(database, day, k=5, now=NOW, costs=COSTS)
    assert (told.outside.numerator, told.outside.denominator) == (1, 2)
    assert {figure.name: figure.numerator for figure in told.tickets}["outside"] == 2
    assert told.code


def test_rows_of_an_earlier_definition_are_counted(
    database: Database, noon: datetime, did: Did
) -> None:
    put_all(database, [did("solved", 0)])
    close_episodes(database, load({}), NOW)
    with database.begin() as connection:
        connection.execute(sa.update(episodes).values(definition=1, data={"searches": 0}))
        touch(connection, [noon.date()])
    told = report(database, DateRange(noon.date(), noon.date()), k=5, now=NOW)
    assert told.older == 1
    assert told.deflection_lower.numerator == 1


def test_weeks_stand_for_long_ranges_and_bars_fill_the_drawing() -> None:
    found = [
        EpisodeRow(str(n), Outcome.POTENTIAL, True, n % 3 > 0, False, {}, "v",
                   START + timedelta(days=n), START)
        for n in range(60)
    ]  # fmt: skip
    weeks = search_metrics.steps(by_day(found), FIRST, FIRST + timedelta(days=59))
    assert [step.total for step in weeks] == [7] * 8 + [4]
    assert weeks[-1].last == FIRST + timedelta(days=59)
    drawn = bars(weeks)
    assert all(0 <= bar.y <= 100 and 0 <= bar.x < 100 for bar in drawn)
    assert sum(bar.height for bar in drawn if bar.x < 2) == pytest.approx(100, abs=0.1)
    assert bars(search_metrics.steps({}, FIRST, FIRST)) == []


# -- the page and its files ---------------------------------------------------------------------


QUERY = {"from": "2025-03-01", "until": "2025-03-30"}


def test_the_page_says_what_is_established_and_draws_it(
    month: Services, sign_in: Callable[[str], FlaskClient]
) -> None:
    page = sign_in("lead").get("/reports/", query_string=QUERY).text
    assert "Established: suggestions avoid tickets" in page
    assert page.count('class="strip') >= 5
    assert 'class="stacked" role="img"' in page
    found = report(month.db, MONTH, k=5, now=NOW).deflection
    assert found.established
    assert found.estimate.value is not None


def test_an_empty_month_says_too_few_data(sign_in: Callable[[str], FlaskClient]) -> None:
    lead = sign_in("lead")
    told = [lead.get(f"/reports/{key}.csv", query_string=QUERY).text
            for key in ("deflection", "holdout")]  # fmt: skip
    assert "0 of 30 answers" in told[0]
    assert "nobody was drawn: setting holdout_share" in told[1]
    assert analytics_deflection.NO_COST in told[1]


# -- the command --------------------------------------------------------------------------------


def test_the_command_says_what_the_file_says_and_judges_anew(
    month: Services, sign_in: Callable[[str], FlaskClient], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    environ = {"KB_DATA": str(month.settings.data), "KB_RETENTION": "180d"}

    def kb(*words: str) -> str:
        done = CliRunner().invoke(main, ["report", *words], env=environ)
        assert done.exit_code == 0, done.output
        return done.stdout

    asked = ("--from", QUERY["from"], "--until", QUERY["until"])
    answer = sign_in("lead").get("/reports/deflection.csv", query_string=QUERY)
    file = answer.data.decode("utf-8-sig")  # what a command prints has no mark
    assert kb(*asked, "--format", "csv") == file.replace("\r\n", "\n")
    told = json.loads(kb(*asked, "--format", "json"))
    lines = list(csv.DictReader(io.StringIO(file, newline="")))
    assert [row["figure"] for row in told] == [line["figure"] for line in lines]
    assert [row["value"] for row in told] == [
        float(line["value"]) if line["value"] else None for line in lines
    ]
    assert "Deflection, estimate  value=" in kb(*asked)
    assert "0 rows differ" in kb("rebuild")
