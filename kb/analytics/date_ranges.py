"""Named date ranges that move with today ("last full week"), and ranges given in an address.

Days are UTC days, weeks are whole ISO weeks (Monday to Sunday), months, quarters and years are
those of the calendar. A "last full" range always ended before today.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from kb.analytics.report import DateRange
from kb.errors import InvalidInput

USUAL = "last-30-days"
LONGEST_DAYS = 366
# Within what `date` can hold: reports also compute days outside their range.
EARLIEST, LATEST = date(2000, 1, 1), date(2999, 12, 31)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NamedRange:
    """A named range: `key` is used in addresses, `words` are shown, `of` returns its days."""

    key: str
    words: str
    of: Callable[[date], DateRange]


def range_of(key: str, today: date) -> DateRange:
    """Return the days of a named range. Raises InvalidInput for an unknown name."""
    if key not in RANGES:
        problem = f"There is no range {key[:40]!r}: choose one from the list."
        raise InvalidInput(problem, fields={"range": problem})
    return RANGES[key].of(today)


def asked_range(asked: Mapping[str, str], today: date) -> DateRange:
    """Return the range that an address asks for: `range` by name, else `from` and `until`, else the
    default. Raises InvalidInput, naming the field, for a range that no report can have.
    """
    if name := asked.get("range", ""):
        return range_of(name, today)
    usual = range_of(USUAL, today)
    if asked.get("until") and not asked.get("from"):  # the default number of days, up to that one
        last = _day(asked, "until", usual.last)
        return DateRange(max(EARLIEST, last - (usual.last - usual.first)), last)
    first = _day(asked, "from", usual.first)
    last = _day(asked, "until", max(usual.last, first) if asked.get("from") else usual.last)
    span = DateRange(first, last)
    if span.days > LONGEST_DAYS:
        problem = f"Choose at most {LONGEST_DAYS} days."
        raise InvalidInput(problem, fields={"from": problem})
    return span


def _day(asked: Mapping[str, str], name: str, usual: date) -> date:
    text = asked.get(name, "")
    try:
        # fromisoformat would also accept 20260331 and 2026-W14-2.
        day = date.fromisoformat(text if text[4:5] == text[7:8] == "-" else "") if text else usual
    except ValueError:
        day = date.min
    if EARLIEST <= day <= LATEST:
        return day
    problem = f"{text[:20]!r} is not a day that a report can have: write it as 2026-03-31."
    raise InvalidInput(problem, fields={name: problem})


def _last(days: int) -> Callable[[date], DateRange]:
    return lambda today: DateRange(today - timedelta(days=days - 1), today)


def _full_week(today: date) -> DateRange:
    monday = today - timedelta(days=today.weekday())
    return DateRange(monday - timedelta(days=7), monday - _DAY)


def _ended(begin: Callable[[date], date]) -> Callable[[date], DateRange]:
    """Return a function that gives the full period before the one that contains today."""

    def full(today: date) -> DateRange:
        last = begin(today) - _DAY
        return DateRange(begin(last), last)

    return full


def _running(begin: Callable[[date], date]) -> Callable[[date], DateRange]:
    return lambda today: DateRange(begin(today), today)


def _month(day: date) -> date:
    return day.replace(day=1)


def _quarter(day: date) -> date:
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


def _year(day: date) -> date:
    return date(day.year, 1, 1)


RANGES: dict[str, NamedRange] = {
    each.key: each
    for each in (
        NamedRange("last-7-days", "Last 7 days", _last(7)),
        NamedRange("last-30-days", "Last 30 days", _last(30)),
        NamedRange("last-90-days", "Last 90 days", _last(90)),
        NamedRange("last-full-week", "Last full week, Monday to Sunday", _full_week),
        NamedRange("last-full-month", "Last full month", _ended(_month)),
        NamedRange("last-full-quarter", "Last full quarter", _ended(_quarter)),
        NamedRange("last-full-year", "Last full year", _ended(_year)),
        NamedRange("this-month", "This month so far", _running(_month)),
        NamedRange("this-quarter", "This quarter so far", _running(_quarter)),
        NamedRange("this-year", "This year so far", _running(_year)),
    )
}
