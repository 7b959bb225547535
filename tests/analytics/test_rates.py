"""Two rates: formulas agree with published values and with a slow model, and hold the truth."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.analytics.statistics.proportions import EXACT, Pair, clopper_pearson, pooled, ratio

COUNTS = st.integers(0, 60)
AMONG = st.floats(10, 10_000)
PAIRS = st.builds(Pair, COUNTS, AMONG, COUNTS, AMONG)


@pytest.mark.parametrize(
    ("numerator", "denominator", "low", "high"),
    [
        (0, 10, 0.0, 0.3085),
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
        (81, 263, 0.2527, 0.3676),
    ],
)
def test_clopper_pearson_agrees_with_published_values(
    numerator: int, denominator: int, low: float, high: float
) -> None:
    """The last: Newcombe 1998, Statistics in Medicine 17:857, table I, method 5."""
    assert clopper_pearson(numerator, denominator) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 40), st.data())
def test_each_limit_leaves_one_in_forty_outside(denominator: int, data: st.DataObject) -> None:
    numerator = data.draw(st.integers(0, denominator))
    low, high = clopper_pearson(numerator, denominator)

    def mass(counts: range, share: float) -> float:
        kinds = (comb(denominator, k) * share**k * (1 - share) ** (denominator - k) for k in counts)
        return sum(kinds)

    if numerator:
        assert mass(range(numerator, denominator + 1), low) == pytest.approx(0.025)
    if numerator < denominator:
        assert mass(range(numerator + 1), high) == pytest.approx(0.025)


@given(PAIRS)
def test_a_ratio_lies_in_its_interval_and_turns_with_its_sides(pair: Pair) -> None:
    found = ratio(pair)
    turned = ratio(Pair(pair.after, pair.of_after, pair.before, pair.of_before))
    if found is None or turned is None:
        assert pair.before + pair.after == 0
        return
    if found.value is not None and found.high is not None:
        assert found.low <= found.value <= found.high
    if pair.before and pair.after and found.high and turned.high:
        assert turned.low == pytest.approx(1 / found.high)
        assert turned.high == pytest.approx(1 / found.low)
        one = pooled([pair])
        assert one is not None
        assert one.value == pytest.approx(found.value)
        if min(pair.before, pair.after) <= EXACT:
            assert (one.low, one.high) == pytest.approx((found.low, found.high))


def test_more_traffic_is_no_effect() -> None:
    found = ratio(Pair(50, 1000, 100, 2000))
    assert found is not None
    assert found.value == pytest.approx(1)
    assert found.high is not None
    assert found.low < 1 < found.high


def test_nothing_before_has_no_ratio_and_still_a_lower_limit() -> None:
    found = ratio(Pair(0, 1000, 8, 1000))
    assert found is not None
    assert (found.value, found.high) == (None, None)
    assert found.low > 1
    assert ratio(Pair(0, 1000, 0, 1000)) is None
    assert ratio(Pair(3, 0, 3, 1000)) is None
    assert pooled([Pair(0, 10, 4, 10)]) is None


def test_gaps_of_which_nothing_is_left_have_an_upper_limit() -> None:
    found = pooled([Pair(20, 1000, 0, 1000), Pair(10, 1000, 0, 2000)])
    assert found is not None
    assert (found.value, found.low) == (0, 0)
    assert found.high is not None
    assert 0.05 < found.high < 0.15


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_the_intervals_hold_the_truth_where_gaps_differ_and_traffic_grows(scale: float) -> None:
    chance, one, whole = np.random.default_rng(3), 0, 0
    for _ in range(400):
        bases, growth = scale * chance.uniform(0.5, 20, 12), chance.uniform(1, 1.5, 12)
        before = chance.poisson(bases)
        after = chance.poisson(bases * growth * 0.4)
        pairs = [
            Pair(int(b), 1000, int(a), 1000 * g)
            for b, a, g in zip(before, after, growth, strict=True)
        ]
        found, single = pooled(pairs), ratio(pairs[0])
        whole += found is not None and found.low <= 0.4 <= (found.high or 0)
        one += single is None or single.low <= 0.4 <= (single.high or np.inf)
    assert whole >= 372
    assert one >= 380  # exact, so that it holds at least as often as it says
