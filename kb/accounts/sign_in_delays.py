"""How long to wait after wrong passwords: the rules by which they are counted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class GuessTally:
    """Wrong passwords since `since`; the next try is taken from `free_at` on."""

    failures: int
    since: datetime
    free_at: datetime


class DelayRule(Protocol):
    """How one more wrong password counts, and how a right one is taken off again."""

    def counted(self, tally: GuessTally | None, now: datetime) -> GuessTally: ...
    def given_back(self, tally: GuessTally, now: datetime) -> GuessTally | None: ...

    @property
    def most(self) -> timedelta: ...  # the longest that anybody waits


@dataclass(frozen=True, slots=True)
class Growing:
    """The first `free` cost nothing; then each wait is twice the one before, up to `longest`. A
    right password forgets all of them, and so does `forget` without a try.
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
        """Return nothing: who knows the password starts afresh."""
        del tally, now
        return None


@dataclass(frozen=True, slots=True)
class Windowed:
    """At most `count` in each `span`. A right password takes off its own try and no other, so that
    an account of one's own does not buy guesses at others'.
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
SPAN = timedelta(minutes=10)  # of what is counted by network


def timely(tally: GuessTally, rule: DelayRule, now: datetime) -> GuessTally:
    """Return the tally as it may be at this time. One of a clock that was ahead would keep people
    out for as long as it was: it waits from now on, as long as the rule lets anybody wait.
    """
    free_at = min(tally.free_at, now + rule.most)
    return GuessTally(tally.failures, min(tally.since, now), free_at)


def spoken(seconds: int) -> str:
    """Return a wait as people say it: "30 seconds", "4 minutes"."""
    if seconds < 60:
        return f"{seconds} second{'s' if seconds != 1 else ''}"
    minutes = -(-seconds // 60)
    return f"{minutes} minute{'s' if minutes != 1 else ''}"
