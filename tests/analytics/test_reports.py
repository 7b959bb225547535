"""Reports add up, carry intervals, hide the words of few, and export inert cells."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.analytics.daily_counts import by_day, number_of_words
from kb.analytics.definitions import DEFINITION_VERSION, DEFINITIONS
from kb.analytics.jobs import close_episodes
from kb.analytics.model import EpisodeRow, FailedRow, Failure, Outcome
from kb.analytics.report import DateRange, ReportFacts, make_report
from kb.analytics.service import report
from kb.analytics.statistics.proportions import wilson
from kb.config.settings import load
from kb.database import Database
from kb.errors import InvalidInput
from kb.reports.tables import searches as tables_searches
from kb.table import csv_text
from kb.tracking.events import Event
from kb.tracking.query_text import favourite
from kb.tracking.store import put_all

Did = Callable[..., Event]
DAY = DateRange(date(2025, 3, 10), date(2025, 3, 10))
NOW = datetime(2025, 3, 20, tzinfo=UTC)


def test_a_day_of_known_truth(database: Database, noon: datetime, did: Did) -> None:
    put_all(database, [
        did("search", 0, words="vpn", visitor="sure"), did("view", 5, article="a", visitor="sure"),
        did("solved", 60, article="a", visitor="sure"),
        did("view", 0, article="a", visitor="silent"),
        did("dwell", 60, article="a", visitor="silent", seconds=55),
        did("search", 0, words="x", total=0, visitor="gone"),
        did("search", 0, words="y", visitor="asked"), did("view", 2, article="b", visitor="asked"),
        did("ticket_created", 90, visitor="asked", number=1, origin="asked"),
        did("search", 0, words="x", total=0, visitor="agent", left_out="staff"),
        did("search", 12 * 3600, words="x", total=0, visitor="next day"),
    ])  # fmt: skip
    close_episodes(database, load({}), NOW)
    told = report(database, DAY, k=5, now=NOW)
    assert {f.key: f.numerator for f in told.outcomes} == {
        "ticketed": 1, "confirmed": 1, "potential": 1, "abandoned": 1, "open": 0,
    }  # fmt: skip
    lower, upper = told.deflection_lower, told.deflection_upper
    assert (lower.numerator, lower.denominator, lower.value) == (1, 4, 0.25)
    assert (upper.numerator, upper.denominator, upper.value) == (2, 4, 0.5)
    assert lower.interval == wilson(1, 4)
    assert {f.key: f.numerator for f in told.failures if f.numerator} == {
        "zero": 1, "no_click": 1, "ticketed": 1,
    }  # fmt: skip
    assert (told.failed.numerator, told.failed.denominator) == (3, 3)
    assert [(a.slug, a.opened, a.read, a.resolved, a.failed.numerator) for a in told.articles] == [
        ("a", 2, 2, 1, 0),
        ("b", 1, 1, 0, 1),
    ]
    two_days = report(database, DateRange(DAY.first, DAY.last + timedelta(days=1)), k=5, now=NOW)
    assert two_days.episodes.value == 5


def test_too_early_is_no_success(database: Database, noon: datetime, did: Did) -> None:
    put_all(database, [did("solved", 0)])
    now = noon + timedelta(hours=2)
    close_episodes(database, load({}), now)
    told = report(database, DAY, k=5, now=now)
    assert told.outcomes[-1].numerator == 1
    assert told.deflection_lower.value is None
    assert told.deflection_lower.interval is None


def test_an_episode_still_running_can_be_reported(
    database: Database, noon: datetime, did: Did
) -> None:
    put_all(database, [did("search", 0, words="x", total=0)])
    now = noon + timedelta(minutes=1)
    close_episodes(database, load({}), now)
    told = report(database, DAY, k=5, now=now)
    assert (told.unresolved.numerator, told.unresolved.denominator) == (0, 0)


def failed(words: str, *people: str) -> list[FailedRow]:
    return [FailedRow("e", who, Failure.ZERO, words, words.casefold()) for who in people]


def facts(
    episodes: list[EpisodeRow], rows: list[FailedRow], tickets: dict[str, int] | None = None
) -> ReportFacts:
    return ReportFacts(by_day(episodes, rows), tickets or {}, wordings=wordings_of(rows))


def wordings_of(rows: list[FailedRow]) -> dict[int, str]:
    """Return by number the wording that most people used."""
    groups: dict[int, list[tuple[str, str]]] = {}
    for row in rows:
        groups.setdefault(number_of_words(row.words_key), []).append((row.words, row.visitor))
    return {number: favourite(used) for number, used in groups.items()}


def test_words_of_few_are_one_row_of_counts() -> None:
    rows = (
        failed("many", *"abcde")
        + failed("few", *"abcd")
        + failed("MANY", "a")
        + failed("", *"abcdef")
    )
    episode = EpisodeRow("e", Outcome.ABANDONED, True, True, True, {"searches": len(rows)})
    told = make_report(facts([episode], rows), DAY, k=5, now=NOW)
    shown, others = told.failing_words
    assert (shown.words, shown.people, shown.searches) == ("many", 5, 6)
    assert (others.words, others.people, others.searches, others.wordings) == ("", 6, 10, 2)
    [words] = [table for table in tables_searches.tables(told) if table.key == "failing-words"]
    assert "few" not in csv_text(words.rows())


EPISODES = st.lists(
    st.tuples(st.sampled_from(Outcome), st.integers(0, 4), st.lists(st.sampled_from(Failure))),
    max_size=30,
)


@given(EPISODES, st.integers(1, 6))
def test_reports_sum_to_n(drawn: list[tuple[Outcome, int, list[Failure]]], k: int) -> None:
    episodes, rows = [], []
    for n, (outcome, more, classes) in enumerate(drawn):
        closed = outcome is not Outcome.OPEN
        data = {"searches": len(classes) + more}
        episodes.append(EpisodeRow(str(n), outcome, closed, closed, bool(classes), data))
        rows += [
            FailedRow(str(n), f"v{n % 7}", c, f"w{i % 3}", f"w{i % 3}")
            for i, c in enumerate(classes)
        ]
    told = make_report(facts(episodes, rows), DAY, k=k, now=NOW)
    assert sum(figure.numerator for figure in told.outcomes) == len(drawn) == told.episodes.value
    assert sum(figure.numerator for figure in told.failures) == told.failed.numerator
    assert told.unresolved.numerator <= told.unresolved.n
    assert sum(row.searches for row in told.failing_words) == told.failed.numerator
    assert all(row.people >= k for row in told.failing_words if row.words)
    counts = Counter(outcome for outcome, _, _ in drawn)
    assert told.deflection_lower.numerator == counts[Outcome.CONFIRMED]
    assert told.deflection_lower.numerator <= told.deflection_upper.numerator <= told.closed


@given(st.integers(0, 500), st.integers(0, 500))
def test_an_interval_holds_its_share(a: int, b: int) -> None:
    interval = wilson(min(a, b), max(a, b))
    if max(a, b) == 0:
        assert interval is None
    else:
        assert interval is not None
        assert 0 <= interval[0] <= min(a, b) / max(a, b) <= interval[1] <= 1


def test_wilson_agrees_with_published_values() -> None:
    """Newcombe 1998, Statistics in Medicine 17:857, table I: 81 of 263, and 0 of 20."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_cells_that_would_run_are_inert(start: str) -> None:
    text = csv_text([("words", "n"), (start + "cmd|' /C calc'!A0", -1)])
    _, (cell, number) = csv.reader(io.StringIO(text, newline=""))
    assert cell == "'" + start + "cmd|' /C calc'!A0"
    assert number == "-1"


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InvalidInput):
        DateRange(DAY.first, DAY.first - timedelta(days=1))


def test_the_metrics_page_says_what_the_product_says() -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    flat = " ".join(page.split())
    assert f"version {DEFINITION_VERSION}" in flat
    for row in DEFINITIONS.values():
        assert f"### {row.name}" in page
        for text in filter(None, (row.meaning, row.numerator, row.denominator)):
            assert text in flat, row.key


def test_every_figure_is_defined() -> None:
    told = make_report(ReportFacts({}), DAY, k=5, now=NOW)
    figures = [*told.outcomes, *told.failures, *told.tickets, told.failed, told.searches]
    figures += [told.episodes, told.deflection_lower, told.deflection_upper, told.unresolved]
    assert all(figure.definition in DEFINITIONS for figure in figures)
