"""The rules for how long to wait after wrong passwords."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class GuessTally:
    """The number of wrong passwords since `since`; the next try is allowed from `free_at` on."""

    failures: int
    since: datetime
    free_at: datetime


class DelayRule(Protocol):
    """How a wrong password counts, and what a right one takes back."""

    def counted(self, tally: GuessTally | None, now: datetime) -> GuessTally: ...
    def given_back(self, tally: GuessTally, now: datetime) -> GuessTally | None: ...

    @property
    def most(self) -> timedelta: ...  # the longest wait


@dataclass(frozen=True, slots=True)
class Growing:
    """The first `free` failures cost nothing; then each wait is twice the one before, up to
    `longest`. A right password clears the tally, and so does a time of `forget` without a try.
    """

    free: int
    first: timedelta
    longest: timedelta
    forget: timedelta

    def counted(self, tally: GuessTally | None, now: datetime) -> GuessTally:
        """Return the tally with one more failure."""
        if tally is None or now - tally.free_at >= self.forget:
            tally = GuessTally(0, now, now)
        failures = tally.failures + 1
        over = failures - self.free
        wait = min(self.first * 2 ** min(over, 20), self.longest) if over >= 0 else timedelta(0)
        return GuessTally(failures, tally.since, now + wait)

    @property
    def most(self) -> timedelta:
        """Return the longest that anybody waits."""
        return self.longest

    def given_back(self, tally: GuessTally, now: datetime) -> GuessTally | None:
        """Return None: whoever knows the password starts afresh."""
        del tally, now
        return None


@dataclass(frozen=True, slots=True)
class Windowed:
    """At most `count` failures in each `span`. A right password takes back only its own try, so
    that signing in to one's own account does not buy guesses at others'.
    """

    count: int
    span: timedelta

    def counted(self, tally: GuessTally | None, now: datetime) -> GuessTally:
        """Return the tally with one more failure."""
        if tally is None or now - tally.since >= self.span:
            tally = GuessTally(0, now, now)
        failures = tally.failures + 1
        full = failures >= self.count
        return GuessTally(failures, tally.since, tally.since + self.span if full else now)

    @property
    def most(self) -> timedelta:
        """Return the longest that anybody waits."""
        return self.span

    def given_back(self, tally: GuessTally, now: datetime) -> GuessTally | None:
        """Return the tally with one failure less."""
        if tally.failures <= 1:
            return None
        return replace(tally, failures=tally.failures - 1, free_at=min(tally.free_at, now))


ACCOUNT = Growing(5, timedelta(seconds=30), timedelta(minutes=15), timedelta(days=1))
SPAN = timedelta(minutes=10)  # for counts by network


def timely(tally: GuessTally, rule: DelayRule, now: datetime) -> GuessTally:
    """Return the tally corrected for a clock that was ahead: its wait lasts at most the rule's
    longest wait from now.
    """
    free_at = min(tally.free_at, now + rule.most)
    return GuessTally(tally.failures, min(tally.since, now), free_at)


def spoken(seconds: int) -> str:
    """Return a wait in words: "30 seconds", "4 minutes"."""
    if seconds < 60:
        return f"{seconds} second{'s' if seconds != 1 else ''}"
    minutes = -(-seconds // 60)
    return f"{minutes} minute{'s' if minutes != 1 else ''}"
