"""Wrong passwords counted by a clock that was ahead keep nobody out once it is set right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kb.accounts.sign_in_delays import ACCOUNT, SPAN, DelayRule, Windowed
from kb.accounts.store import Bucket, Guesses
from kb.database import Database

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
RULES = [ACCOUNT, Windowed(5, SPAN)]


@pytest.mark.parametrize("rule", RULES, ids=["account", "network"])
@pytest.mark.parametrize("ahead", [timedelta(hours=3), timedelta(days=400)])
def test_a_clock_that_was_ahead_shuts_nobody_out_for_as_long(
    database: Database, rule: DelayRule, ahead: timedelta
) -> None:
    """go-limiter#41: the server's time was set back, and everybody was refused."""
    guesses, bucket = Guesses(database), Bucket("account", "ann", rule)
    for _ in range(5):
        assert guesses.take([bucket], NOW + ahead) is None
    closed = guesses.take([bucket], NOW)  # the clock is right again
    assert closed is not None
    assert 0 < closed[1] <= rule.most.total_seconds()
    # The wait goes on from there: it is not begun anew by asking.
    later = NOW + timedelta(seconds=closed[1] - 1)
    assert guesses.take([bucket], later) == (bucket, 1)
    assert guesses.take([bucket], NOW + timedelta(seconds=closed[1])) is None


@pytest.mark.parametrize("rule", RULES, ids=["account", "network"])
def test_a_clock_set_back_shortens_no_wait(database: Database, rule: DelayRule) -> None:
    guesses, bucket = Guesses(database), Bucket("account", "ann", rule)
    for _ in range(5):
        assert guesses.take([bucket], NOW) is None
    assert guesses.take([bucket], NOW - timedelta(hours=3)) is not None


def test_counts_of_a_clock_far_ahead_are_forgotten(database: Database) -> None:
    guesses, bucket = Guesses(database), Bucket("account", "ann", ACCOUNT)
    for _ in range(6):
        guesses.take([bucket], NOW + timedelta(days=400))
    guesses.purge(NOW)
    assert guesses.take([bucket], NOW) is None
