"""Ranges by name: whole weeks, months, quarters and years, ended where they say so."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.analytics.date_ranges import RANGES, asked_range, range_of
from kb.errors import InvalidInput

DAYS = st.dates(date(2002, 1, 1), date(2200, 1, 1))
FULL = ("last-full-week", "last-full-month", "last-full-quarter", "last-full-year")
RUNNING = ("this-month", "this-quarter", "this-year")
ONE = timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("last-7-days", "2026-02-22", "2026-02-28"),
        ("last-30-days", "2026-01-30", "2026-02-28"),
        ("last-90-days", "2025-12-01", "2026-02-28"),
        ("last-full-week", "2026-02-16", "2026-02-22"),
        ("last-full-month", "2026-01-01", "2026-01-31"),
        ("last-full-quarter", "2025-10-01", "2025-12-31"),
        ("last-full-year", "2025-01-01", "2025-12-31"),
        ("this-month", "2026-02-01", "2026-02-28"),
        ("this-quarter", "2026-01-01", "2026-02-28"),
        ("this-year", "2026-01-01", "2026-02-28"),
    ],
)
def test_the_names_on_a_saturday_in_february(name: str, first: str, last: str) -> None:
    found = range_of(name, date(2026, 2, 28))
    assert (found.first.isoformat(), found.last.isoformat()) == (first, last)


def unit(name: str, day: date) -> tuple[int, ...]:
    """Return the week, month, quarter or year of a day, as the calendar counts it."""
    week = day.isocalendar()
    return {
        "week": (week.year, week.week),
        "month": (day.year, day.month),
        "quarter": (day.year, (day.month + 2) // 3),
        "year": (day.year,),
    }[name.rpartition("-")[2]]


@given(DAYS, st.sampled_from(FULL))
def test_a_full_range_is_one_whole_unit_and_the_one_before_todays(today: date, name: str) -> None:
    found = range_of(name, today)
    assert found.last < today
    assert unit(name, found.first) == unit(name, found.last)
    assert unit(name, found.first - ONE) != unit(name, found.first)
    assert unit(name, found.last + ONE) == unit(name, today)


@given(DAYS, st.sampled_from(RUNNING))
def test_a_running_range_is_todays_unit_up_to_today(today: date, name: str) -> None:
    found = range_of(name, today)
    assert found.last == today
    assert unit(name, found.first) == unit(name, today) != unit(name, found.first - ONE)


@given(DAYS, st.sampled_from(sorted(RANGES)))
def test_every_name_gives_a_range_that_a_report_takes(today: date, name: str) -> None:
    found = asked_range({"range": name, "from": "nonsense"}, today)
    assert found == range_of(name, today)
    assert 1 <= found.days <= 366
    asked = {"from": found.first.isoformat(), "until": found.last.isoformat()}
    assert asked_range(asked, today) == found


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"range": "last-blue-moon"}, "range"),
        ({"from": "yesterday"}, "from"),
        ({"until": "1999-12-31"}, "until"),
        ({"from": "2026-02-02", "until": "2026-02-01"}, "until"),
        ({"from": "2024-01-01", "until": "2025-01-02"}, "from"),
    ],
)
def test_what_is_no_range_names_its_field(asked: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        asked_range(asked, date(2026, 2, 28))
    assert set(caught.value.fields) == {field}


def test_without_a_word_the_last_thirty_days() -> None:
    assert asked_range({}, date(2026, 2, 28)) == range_of("last-30-days", date(2026, 2, 28))
