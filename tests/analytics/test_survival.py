"""Times of which some have not ended: the estimate equals a slow one, and its interval holds."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.analytics.statistics.survival import curve, median_limits, quantile
from kb.analytics.ticket_metrics import FEWEST, TOO_FEW, TOO_MANY_OPEN, duration

TIMES = st.lists(st.integers(0, 12), max_size=40)


def slow_shares(ended: list[int], still_open: list[int]) -> list[tuple[int, Fraction]]:
    """Return the share that has not ended after each time, by the definition, in fractions."""
    share, found = Fraction(1), []
    for time in sorted(set(ended)):
        at_risk = sum(each >= time for each in ended + still_open)
        share *= 1 - Fraction(ended.count(time), at_risk)
        found.append((time, share))
    return found


@given(TIMES, TIMES, st.sampled_from([Fraction(1, 2), Fraction(9, 10), Fraction(1, 3)]))
def test_the_estimate_equals_the_definition(
    ended: list[int], still_open: list[int], part: Fraction
) -> None:
    found, slow = curve(ended, still_open), slow_shares(ended, still_open)
    assert list(found.times) == [time for time, _ in slow]
    assert list(found.shares) == pytest.approx([float(share) for _, share in slow])
    expected = next((time for time, share in slow if share <= 1 - part), None)
    assert quantile(found, float(part)) == expected


@given(st.lists(st.integers(0, 12), min_size=1, max_size=60))
def test_without_anything_open_it_is_the_median_of_the_times(ended: list[int]) -> None:
    found = curve(ended, [])
    assert quantile(found, 0.5) == sorted(ended)[(len(ended) - 1) // 2]


@given(TIMES, TIMES, st.integers(0, 12))
def test_what_is_open_never_makes_it_quicker(
    ended: list[int], still_open: list[int], more: int
) -> None:
    before = quantile(curve(ended, still_open), 0.5)
    after = quantile(curve(ended, [*still_open, more]), 0.5)
    assert after is None or (before is not None and after >= before)


@pytest.mark.parametrize("n", [*range(6, 40), 100, 1001])
def test_the_limits_are_the_order_statistics_that_leave_five_per_cent_outside(n: int) -> None:
    found = median_limits(curve(list(range(n)), []))
    assert found is not None
    assert found.high is not None
    rank = int(found.low) + 1
    assert found.high == n - rank

    def outside(k: int) -> Fraction:
        return 2 * sum(Fraction(comb(n, each), 2**n) for each in range(k))

    assert outside(rank) <= Fraction(1, 20) < outside(rank + 1)


@given(st.lists(st.integers(0, 30), min_size=6, max_size=40), TIMES)
def test_the_median_lies_in_its_limits(ended: list[int], still_open: list[int]) -> None:
    found = curve(ended, still_open)
    middle, limits = quantile(found, 0.5), median_limits(found)
    if middle is not None:
        assert limits is not None
        assert limits.low <= middle
        assert limits.high is None or middle <= limits.high
    assert all(later <= earlier for earlier, later in pairwise(found.shares))


@pytest.mark.parametrize("share_open", [0.0, 0.3])
def test_the_limits_hold_the_true_median_in_about_nineteen_of_twenty(share_open: float) -> None:
    chance, held = np.random.default_rng(5), 0
    for _ in range(1000):
        times = chance.exponential(1.0, 60)
        until = np.where(chance.random(60) < share_open, chance.exponential(1.5, 60), np.inf)
        limits = median_limits(curve(times[times <= until], until[times > until]))
        assert limits is not None
        held += limits.low <= np.log(2) <= (limits.high or np.inf)
    assert held >= 930


def test_too_few_and_too_many_open_have_no_median() -> None:
    assert duration("ticket_resolve_time", [1.0] * (FEWEST - 1), []).lacking == TOO_FEW
    half_open = duration("ticket_resolve_time", [1.0] * FEWEST, [2.0] * (FEWEST + 1))
    assert (half_open.median, half_open.lacking) == (None, TOO_MANY_OPEN)
    assert median_limits(curve([1, 2, 3, 4, 5], [])) is None
    assert median_limits(curve([], [])) is None
