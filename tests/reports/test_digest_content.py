"""A digest says what the report says, in two forms, and asks nobody for anything."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.analytics.figures import amount, extent
from kb.analytics.jobs import close_episodes
from kb.analytics.service import report, report_beside
from kb.config.settings import load
from kb.database import Database
from kb.errors import InvalidInput
from kb.reports.digest.content import HOUR, Week
from kb.reports.digest.jobs import Weekly
from kb.tracking.store import put_all
from tests.reports.conftest import HOSTILE, TUESDAY, WEEK, WORDS, lived
from tests.web.pages import Page

Fill = Callable[..., None]
MOMENTS = st.integers(0, 60 * 24 * 365 * 200).map(
    lambda minutes: datetime(2001, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
LIVE = {"script", "style", "link", "img", "iframe", "object", "embed", "form", "svg", "base"}
FETCHING = {"src", "srcset", "background", "action", "poster", "data"}


def words_of(html: str) -> str:
    """Return what a reader sees, blanks collapsed."""
    return Page(html).one("main").text


def collapsed(text: str) -> str:
    return " ".join(text.split())


def test_both_parts_hold_the_figures_of_the_report(weekly: Weekly, fill: Fill) -> None:
    fill(weekly.db)
    now = report_beside(weekly.db, WEEK.span, k=5, now=TUESDAY)
    before = report(weekly.db, WEEK.before.span, k=5, now=TUESDAY)
    letter = weekly.letter(WEEK, TUESDAY)
    assert now.deflection.estimate.lacking == "too few data: 24 of 30 answers"
    expected = [now.deflection.estimate.lacking, before.deflection.estimate.lacking]
    for told in (now, before):
        for figure in (told.deflection_lower, told.deflection_upper, told.failed):
            assert figure.value is not None
            expected += [amount(figure.value, "share"), extent(figure.interval, "share")]
            expected.append(f"{figure.numerator} of {figure.denominator}")
        expected += [str(told.episodes.numerator), str(told.searches.numerator)]
    for change in now.changes:
        if change.now.key in {"deflection_lower", "deflection_upper", "failed_share"}:
            expected += [amount(change.difference, "difference")]
            expected.append(extent(change.interval, "difference"))
    [article] = [row for row in now.articles if row.failed.numerator]
    expected.append(f"{article.failed.numerator} of {article.failed.denominator}")
    expected += ["Made 10 Mar 2026, 06:00 UTC", f"version {now.code}", "my badge opens no door"]
    expected += ["setting digest_to names your address"]
    for part in (collapsed(letter.text), words_of(letter.html)):
        assert [each for each in expected if each not in part] == []
    assert letter.subject == "Help & <desk>: self-service, week 10, 2 to 8 March 2026"


def test_an_estimate_that_can_be_made_is_told(weekly: Weekly, fill: Fill) -> None:
    fill(weekly.db)
    more = lived(WEEK.span.start + timedelta(seconds=7), 40)
    put_all(weekly.db, [replace(e, id=f"m{e.id}"[:36], visitor=f"m{e.visitor}") for e in more])
    close_episodes(weekly.db, load({}), TUESDAY, since=WEEK.span.start)
    found = report(weekly.db, WEEK.span, k=5, now=TUESDAY).deflection
    assert found.estimate.value is not None
    letter = weekly.letter(WEEK, TUESDAY)
    for part in (collapsed(letter.text), words_of(letter.html)):
        assert amount(found.estimate.value, "share") in part
        assert extent(found.estimate.interval, "share") in part
        assert f"{found.silence.answers} answers" in part


def test_the_html_fetches_nothing_and_runs_nothing(weekly: Weekly, fill: Fill) -> None:
    fill(weekly.db)
    html = replace(weekly, note=f"Shown {HOSTILE}").letter(WEEK, TUESDAY).html
    page = Page(html)
    assert {element.tag for element in page.elements} & LIVE == set()
    for element in page.elements:
        assert not set(element.attributes) & FETCHING, element
        assert not [name for name in element.attributes if name.startswith("on")], element
        assert "url(" not in element.attributes.get("style", "")
        assert "@" not in element.attributes.get("style", "")
    assert HOSTILE in words_of(html)  # as words: of a search, of a title, of the note
    assert "https://elsewhere" not in {a.attributes["href"][:17] for a in page.all("a")}
    assert all(a.attributes["href"].startswith("https://help.example.org/") for a in page.all("a"))


def test_the_html_is_read_aloud_in_order(weekly: Weekly, fill: Fill) -> None:
    fill(weekly.db)
    page = Page(weekly.letter(WEEK, TUESDAY).html)
    assert page.one("html").attributes["lang"] == "en"
    assert page.one("h1").text == "Self-service in week 10"
    tables = [t for t in page.all("table") if t.attributes.get("role") != "presentation"]
    assert len(tables) == 5
    captions = [caption.parent for caption in page.all("caption") if caption.text]
    assert captions == tables
    assert {th.attributes["scope"] for th in page.all("th")} == {"row", "col"}


def test_every_figure_leads_to_its_definition_and_the_report(weekly: Weekly, fill: Fill) -> None:
    fill(weekly.db)
    letter = weekly.letter(WEEK, TUESDAY)
    report_of_week = "https://help.example.org/reports/?from=2026-03-02&until=2026-03-08"
    links = {a.attributes["href"] for a in Page(letter.html).all("a")}
    wanted = {report_of_week, "https://help.example.org/reports/gaps/1"}
    for key in ("deflection_lower", "deflection_estimate", "deflection_upper", "failed_share",
                "episodes", "tickets", "article_failed", "interval"):  # fmt: skip
        wanted.add(f"https://help.example.org/reports/definitions#{key}")
    assert wanted <= links
    assert report_of_week in letter.text
    assert "https://help.example.org/reports/definitions#deflection_lower" in letter.text


def test_words_of_few_are_not_in_a_letter(weekly: Weekly, fill: Fill) -> None:
    fill(weekly.db)
    hidden = replace(weekly, k=50).letter(WEEK, TUESDAY)
    for part in (hidden.text, hidden.html):
        assert "badge" not in part
        assert "printer" not in part
        assert "No words failed for 50 people or more." in collapsed(part)
        assert "24 searches by words that fewer than 50 people used: not shown." in collapsed(part)


def test_a_week_without_anybody_says_so_briefly(weekly: Weekly, fill: Fill) -> None:
    fill(weekly.db)
    week = Week.parse("2026-W12")
    letter = weekly.letter(week, datetime(2026, 3, 24, 6, tzinfo=UTC))
    assert "Nobody used self-service in this week." in letter.text
    assert len(letter.text.splitlines()) < 20
    assert Page(letter.html).all("table") == []


def test_a_week_that_is_too_early_to_judge_says_so(weekly: Weekly, fill: Fill) -> None:
    early = WEEK.span.start + timedelta(hours=3)
    fill(weekly.db, now=early)
    text = collapsed(weekly.letter(WEEK, early).text)
    assert "has closed yet: too early to judge." in text
    assert "no data" in text


def test_a_subject_is_one_line_whatever_the_site_is_called(
    database: Database, weekly: Weekly
) -> None:
    named = replace(weekly, site="Desk\r\nBcc: everybody@example.org\u2028x")
    subject = named.letter(WEEK, TUESDAY).subject
    assert len(subject.splitlines()) == 1
    assert WORDS not in subject


# -- weeks ----------------------------------------------------------------------------------------


def test_a_week_is_due_on_tuesday_at_six() -> None:
    waits = timedelta(hours=24, minutes=30)
    assert WEEK.due(waits) == TUESDAY
    assert Week.settled(TUESDAY, waits) == WEEK
    assert Week.settled(TUESDAY - timedelta(seconds=1), waits) == WEEK.before
    assert Week.settled(TUESDAY + timedelta(days=6), waits) == WEEK


@given(MOMENTS, st.timedeltas(timedelta(0), timedelta(days=20)))
def test_the_settled_week_is_the_latest_one_that_is_due(now: datetime, waits: timedelta) -> None:
    week = Week.settled(now, waits)
    assert week.first.weekday() == 0
    assert week.due(waits) <= now
    assert week.due(waits) >= week.span.end + waits
    assert week.due(waits).hour == HOUR
    assert Week(week.first + timedelta(days=7)).due(waits) > now


@given(st.dates(date(2001, 1, 1), date(2900, 1, 1)))
def test_a_week_is_found_by_its_name(day: date) -> None:
    week = Week.of(day)
    assert Week.parse(week.name) == week
    assert week.span.first <= day <= week.span.last
    assert week.span.days == 7
    assert re.fullmatch(r"\d{4}-W\d\d", week.name)


@pytest.mark.parametrize(
    "name", ["2026-W54", "2026-W00", "W10", "2026-10", "", "20261-W1", "9999-W01"]
)
def test_what_is_no_week_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="is no week"):
        Week.parse(name)
