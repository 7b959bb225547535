"""The cycle of knowledge, from failed searches that were grouped, answered, failed on again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from kb.analytics.daily_counts_store import searches_by_day, touch
from kb.analytics.definitions import DEFINITIONS
from kb.analytics.report import DateRange
from kb.database import Connection, Database
from kb.gaps import jobs as gaps_jobs
from kb.gaps import knowledge_cycle_store
from kb.gaps.answers.model import GapAnswer
from kb.gaps.answers.store import mark
from kb.gaps.jobs import Grouping
from kb.gaps.knowledge_cycle import FORGOTTEN, LONGEST, MERGED, SHORTEST, TOO_EARLY, spans
from kb.privacy.store import forget
from kb.reports.pages import knowledge_tables
from kb.schema import episodes, gap_searches, gaps
from tests.gaps.conftest import NOW, Fail

RETENTION = timedelta(days=90)
SPAN = DateRange(NOW.date() - timedelta(days=30), NOW.date() + timedelta(days=30))
DAY = timedelta(days=1)


def a_thousand(_: Connection, first: date, last: date) -> Mapping[date, int]:
    return {first + each * DAY: 1000 for each in range((last - first).days + 1)}


def tables(database: Database, now: datetime, k: int = 3) -> dict[str, list[dict[str, Any]]]:
    found = knowledge_tables(database, SPAN, k=k, now=now, retention=RETENTION, searches=a_thousand)
    told = {}
    for table in found:
        assert all(not each.definition or each.definition in DEFINITIONS for each in table.columns)
        header, *rows = table.rows()
        told[table.key] = [dict(zip(header, row, strict=True)) for row in rows]
    return told


def answer(database: Database, searches: list[str], article: str = "vpn") -> None:
    """Let an article answer these searches, and close the gap, now."""
    with database.begin() as connection:
        found = {each: GapAnswer(article, "c0ffee") for each in searches}
        mark(database, connection, "state", dict.fromkeys(searches, NOW), found, NOW)
    gaps_jobs.bring_up_to_date(database, NOW)


@pytest.fixture
def answered(database: Database, fail: Fail, by_stems: Grouping) -> list[str]:
    """A gap of eight people, known for a day and answered now; return its searches."""
    searches = fail("vpn drops", 8, days=5)
    by_stems.run(NOW - DAY)
    answer(database, searches)
    return searches


def test_an_answer_tells_its_article_its_time_and_what_changed(
    database: Database, fail: Fail, by_stems: Grouping, answered: list[str]
) -> None:
    fail("drops vpn", 1, days=-3)  # after the answer
    later = NOW + 31 * DAY
    by_stems.run(later)
    told = tables(database, later)
    [row] = told["gap-cycle"]
    assert (row["gap"], row["title"], row["article"]) == (1, "vpn drops", "vpn")
    assert (row["commit"], row["took"], row["days"]) == ("c0ffee", 5 * 86400, LONGEST)
    assert (row["people_before"], row["people_after"]) == (8, 1)
    assert (row["failed_before"], row["failed_after"]) == (8, 1)
    assert row["rate_before"] == pytest.approx(8 / 28)
    assert row["ratio"] == pytest.approx(1 / 8)
    assert row["low95"] < row["ratio"] < row["high95"] < 1
    [whole] = told["cycle-overall"]
    assert (whole["answered"], whole["gaps"], whole["why_no_value"]) == (1, 1, "")
    for name, same in (("value", "ratio"), ("low95", "low95"), ("high95", "high95")):
        assert whole[name] == pytest.approx(row[same])


def test_the_day_of_the_answer_and_days_beyond_the_spans_are_in_neither(
    database: Database, fail: Fail, by_stems: Grouping, answered: list[str]
) -> None:
    fail("vpn drops", ["same day"], days=0.1)
    fail("vpn drops", ["long ago"], days=40)
    fail("vpn drops", ["much later"], days=-29)
    fail("vpn drops", ["last day"], days=-28)
    later = NOW + 31 * DAY
    by_stems.run(later)
    [row] = tables(database, later)["gap-cycle"]
    assert (row["people_before"], row["people_after"]) == (8, 1)


def test_a_gap_that_is_open_again_stays_in_the_report(
    database: Database, fail: Fail, by_stems: Grouping, answered: list[str]
) -> None:
    fail("vpn drops", ["x", "y", "z"], days=-4)
    later = NOW + 12 * DAY
    by_stems.run(later)
    assert gaps_jobs.bring_up_to_date(database, later).reopened == 1
    told = tables(database, later)
    [row] = told["gap-cycle"]
    assert row["opened_again_at"] is not None
    assert (row["days"], row["people_before"], row["people_after"]) == (10, 8, 3)
    assert told["cycle-overall"][0]["opened_again"] == 1
    assert told["cycle-overall"][0]["value"] == pytest.approx(3 / 8)


def test_it_is_too_early_until_a_week_has_passed(database: Database, answered: list[str]) -> None:
    [row] = tables(database, NOW + 8 * DAY)["gap-cycle"]
    assert (row["why_no_value"], row["ratio"], row["people_before"]) == (TOO_EARLY, None, None)
    assert row["first_failed_at"] is not None
    [row] = tables(database, NOW + 9 * DAY)["gap-cycle"]
    assert (row["days"], row["why_no_value"]) == (SHORTEST, "")


def test_what_was_kept_stays_when_the_searches_are_forgotten(
    database: Database, fail: Fail, by_stems: Grouping, answered: list[str]
) -> None:
    fail("vpn drops", ["again"], days=-3)
    later = NOW + 31 * DAY
    by_stems.run(later)
    before = tables(database, later)
    assert knowledge_cycle_store.keep_effects(database, later, retention=RETENTION) == 1
    assert knowledge_cycle_store.keep_effects(database, later, retention=RETENTION) == 0
    with database.begin() as connection:
        forget(connection, NOW + 200 * DAY, retention=RETENTION)
        assert connection.scalar(sa.select(sa.func.count()).select_from(gap_searches)) == 0
    assert tables(database, NOW + 200 * DAY) == before


def test_what_was_forgotten_unkept_has_no_effect(database: Database, answered: list[str]) -> None:
    [row] = tables(database, NOW + 200 * DAY)["gap-cycle"]
    assert (row["why_no_value"], row["ratio"], row["first_failed_at"]) == (FORGOTTEN, None, None)


def test_gaps_of_few_people_are_counted_and_not_told_of(
    database: Database, answered: list[str]
) -> None:
    told = tables(database, NOW + 31 * DAY, k=9)
    assert told["gap-cycle"] == []
    assert told["cycle-overall"][0]["answered"] == 1


def test_a_gap_that_went_into_another_tells_no_effect(
    database: Database, answered: list[str]
) -> None:
    with database.begin() as connection:
        connection.execute(sa.update(gaps).values(became_id="other"))
    [row] = tables(database, NOW + 31 * DAY)["gap-cycle"]
    assert (row["why_no_value"], row["ratio"]) == (MERGED, None)


def test_gaps_without_an_answer_count_in_the_wait(
    database: Database, fail: Fail, by_stems: Grouping
) -> None:
    words = ["vpn drops", "printer jams", "mail bounces", "badge lost", "wifi slow"]
    searches = [one for text in words for one in fail(text, 3, days=5)]
    fail("phone broken", 3, days=5)
    by_stems.run(NOW - DAY)
    answer(database, searches)
    [row] = tables(database, NOW + DAY)["gap-waits"]
    assert (row["ended"], row["still_open"], row["median"]) == (5, 1, 86400)


def test_no_answer_in_the_range_is_said(database: Database) -> None:
    told = tables(database, NOW)
    assert told["gap-cycle"] == []
    assert told["cycle-overall"][0]["answered"] == 0


def test_searches_are_those_of_ended_episodes_by_their_utc_day(database: Database) -> None:
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    common = {"outcome": "potential", "closed": True, "unresolved": False, "definition": 1}
    rows = [
        (midnight, 3, True), (midnight + DAY - timedelta(microseconds=1), 2, True),
        (midnight + DAY, 7, True), (midnight, 50, False), (midnight - DAY, 9, True),
    ]  # fmt: skip
    with database.begin() as connection:
        for number, (at, searches, ended) in enumerate(rows):
            row = {"id": str(number), "visitor": "v", "started_at": at, "ended_at": at}
            data = {"searches": searches}
            connection.execute(sa.insert(episodes).values(**row, **common, ended=ended, data=data))
        touch(connection, {at.date() for at, _, _ in rows})
    with database.read() as connection:
        found = searches_by_day(connection, date(2026, 3, 2), date(2026, 3, 3))
    assert found == {date(2026, 3, 2): 5, date(2026, 3, 3): 7}


@given(st.timedeltas(-60 * DAY, 60 * DAY), st.timedeltas(-DAY, 80 * DAY))
def test_spans_are_equal_whole_days_that_are_over(at: timedelta, later: timedelta) -> None:
    answered, now = NOW + at, NOW + at + later
    found = spans(answered, now)
    if found is None:
        assert (now.date() - answered.date()).days < SHORTEST + 2
        return
    assert SHORTEST <= found.days <= LONGEST
    assert found.answered - found.before == found.after - found.answered == found.days * DAY
    assert found.after <= now.date() - 2 * DAY
    assert found.whole == ((now.date() - answered.date()).days >= LONGEST + 2)
