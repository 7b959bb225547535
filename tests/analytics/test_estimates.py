"""Estimates: formulas agree with published values, stay in their range, and admit too few data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.analytics import deflection as analytics_deflection
from kb.analytics import figures as analytics_figures
from kb.analytics.daily_counts import EXPOSED
from kb.analytics.deflection import RivalCounts, exposed
from kb.analytics.figures import TierCost
from kb.analytics.statistics import holdout, survey
from kb.analytics.statistics.holdout import MIN_ARM, Arms, always_valid
from kb.analytics.statistics.proportions import newcombe, wilson
from kb.analytics.statistics.survey import MIN_ANSWERS, Silence

SHARES = st.tuples(st.integers(0, 300), st.integers(1, 300)).map(lambda p: (min(p), max(p)))


# -- the difference of two shares ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 10), -0.2775, 0.2775),
    ],
)
def test_newcombe_agrees_with_published_values(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    """Newcombe 1998, Statistics in Medicine 17:873, table II, method 10."""
    assert newcombe(first, second) == pytest.approx((low, high), abs=1e-4)


@given(SHARES, SHARES)
def test_a_difference_lies_in_its_intervals_and_turns_with_its_sides(
    one: tuple[int, int], two: tuple[int, int]
) -> None:
    difference = one[0] / one[1] - two[0] / two[1]
    for interval in (newcombe, always_valid):
        found, turned = interval(one, two), interval(two, one)
        assert found is not None
        assert turned is not None
        assert -1 <= found[0] <= difference + 1e-9
        assert difference - 1e-9 <= found[1] <= 1
        assert turned == pytest.approx((-found[1], -found[0]))


def test_nothing_has_no_difference() -> None:
    assert newcombe((0, 0), (1, 2)) is None
    assert always_valid((1, 2), (0, 0)) is None


# -- looking every day --------------------------------------------------------------------------


def looks(people_a_day: int, days: int, rates: tuple[float, float], seed: int) -> list[Arms]:
    """Return what an experiment with one in ten held out has found at the end of each day."""
    chance = np.random.default_rng(seed)
    held = chance.random((days, people_a_day)) < 0.1
    asked = chance.random((days, people_a_day)) < np.where(held, rates[0], rates[1])
    return [
        Arms(int((~held[:day]).sum()), int((asked & ~held)[:day].sum()),
             int(held[:day].sum()), int((asked & held)[:day].sum()), 10)
        for day in range(1, days + 1)
    ]  # fmt: skip


def test_looking_every_day_keeps_the_error() -> None:
    """400 experiments of 60 days without any difference, looked at every evening."""
    called, naive, runs = 0, 0, 400
    for seed in range(runs):
        found = [one for arms in looks(40, 60, (0.4, 0.4), seed) if (one := holdout.effect(arms))]
        called += any(one.established for one in found)
        naive += any(one.planned[0] > 0 or one.planned[1] < 0 for one in found)
    assert called / runs <= 0.05
    assert naive / runs > 0.1  # what the interval of one planned look would have claimed


def test_a_real_difference_is_established() -> None:
    last = looks(40, 60, (0.6, 0.35), 7)[-1]
    found = holdout.effect(last)
    assert found is not None
    assert found.established
    assert found.always[0] < found.planned[0] < found.value < found.planned[1] < found.always[1]


# -- the survey ---------------------------------------------------------------------------------

SILENCES = st.builds(
    lambda c, p, rest, asked, yes: Silence(
        c + p + rest, c, p, min(asked, p), min(yes, asked, p), min(asked, p) - min(yes, asked, p)
    ),
    st.integers(0, 200),
    st.integers(0, 400),
    st.integers(0, 200),
    st.integers(0, 400),
    st.integers(0, 400),
)


@given(SILENCES)
def test_the_estimate_lies_between_the_bounds_or_is_none(silence: Silence) -> None:
    found = survey.deflection(silence)
    if silence.answers < MIN_ANSWERS:
        assert found is None
        assert survey.success_interval(silence) is None
        return
    assert found is not None
    value, (low, high) = found
    lower = silence.confirmed / silence.closed
    upper = (silence.confirmed + silence.potential) / silence.closed
    assert 0 <= low <= value <= high <= 1
    assert lower <= value <= upper
    worst = survey.worst_cases(silence)
    assert worst is not None
    assert worst[0] <= silence.yes / silence.answers <= worst[1]
    assert survey.deflection(silence) == found


def test_the_posterior_is_the_beta_distribution() -> None:
    """The central 95 % of Beta(31, 11), from the inverse of the incomplete beta function."""
    found = survey.success_interval(Silence(100, 0, 100, 40, 30, 10))
    assert found == pytest.approx((0.5970, 0.8578), abs=2e-3)
    assert survey.success_among_silent(Silence(100, 0, 100, 40, 30, 10)) == 31 / 42


def test_more_answers_narrow_the_estimate() -> None:
    few = survey.deflection(Silence(1000, 100, 600, 40, 30, 10))
    many = survey.deflection(Silence(1000, 100, 600, 400, 300, 100))
    assert few is not None
    assert many is not None
    assert many[1][1] - many[1][0] < few[1][1] - few[1][0]


# -- the comparison -----------------------------------------------------------------------------


def test_a_person_counts_once_in_the_arm_first_drawn() -> None:
    found = exposed(np.array([
        (1, True, 10, True), (1, True, 10, False), (2, False, 10, False), (2, False, 10, True)
    ], EXPOSED))  # fmt: skip
    assert found == Arms(1, 1, 1, 0, 10)


def test_only_the_latest_share_counts() -> None:
    found = exposed(
        np.array([(1, True, 10, True), (2, False, 10, True), (3, True, 50, True)], EXPOSED)
    )
    assert found == Arms(1, 1, 0, 0, 50)


@given(st.integers(0, MIN_ARM - 1), st.integers(0, 500))
def test_a_small_arm_gives_no_figure(few: int, many: int) -> None:
    for arms in (Arms(many, 0, few, 0, 10), Arms(few, 0, many, 0, 10)):
        assert holdout.effect(arms) is None
        assert holdout.tickets_avoided(arms) is None
        assert arms.lacking


@given(SHARES, SHARES)
def test_tickets_avoided_are_people_shown_times_the_difference(
    shown: tuple[int, int], held: tuple[int, int]
) -> None:
    arms = Arms(shown[1], shown[0], held[1], held[0], 10)
    difference, avoided = holdout.effect(arms), holdout.tickets_avoided(arms)
    assert (difference is None) == (avoided is None)
    if difference and avoided:
        assert avoided.value == pytest.approx(arms.shown * difference.value)
        assert avoided.planned == pytest.approx(tuple(arms.shown * x for x in difference.planned))


# -- how long it takes --------------------------------------------------------------------------


def test_the_people_needed_find_the_difference_in_four_of_five_cases() -> None:
    people = holdout.people_needed(0.5, 0.1, 0.1)
    assert people is not None
    chance, runs, found = np.random.default_rng(3), 4000, 0
    held = round(people / 10)
    for _ in range(runs):
        first = (int(chance.binomial(held, 0.5)), held)
        second = (int(chance.binomial(people - held, 0.4)), people - held)
        interval = newcombe(first, second)
        found += bool(interval and interval[0] > 0)
    assert 0.77 <= found / runs <= 0.83


@given(st.floats(0.05, 0.95), st.floats(0.01, 0.5), st.floats(0.02, 0.5))
def test_a_smaller_difference_needs_more_people(base: float, x: float, share: float) -> None:
    whole, half = holdout.people_needed(base, x, share), holdout.people_needed(base, x / 2, share)
    if whole is None:
        assert x > base
    else:
        assert half is not None
        assert half > whole


def test_equal_arms_agree_with_the_textbook() -> None:
    """0.5 against 0.4 at 5 % and 80 %: 388 in each arm, without a continuity correction."""
    assert holdout.people_needed(0.5, 0.1, 0.5) == 2 * 388


def test_nobody_a_day_takes_for_ever() -> None:
    assert holdout.days_needed(100, 0) is None
    assert holdout.days_needed(100, 30) == 4
    assert holdout.people_needed(0.3, 0.4, 0.1) is None
    assert holdout.people_needed(0.3, 0.1, 0) is None


# -- cost and the others' formulas --------------------------------------------------------------


def test_a_ticket_costs_what_tickets_cost_where_they_stand() -> None:
    tiers = {n: TierCost(n, str(n), price, count) for n, price, count in
             [(0, 1.0, 9), (1, 10.0, 3), (2, 50.0, 1)]}  # fmt: skip
    assert analytics_figures.ticket_cost(tiers) == 20.0
    assert (
        analytics_figures.ticket_cost({n: TierCost(n, "", t.cost) for n, t in tiers.items()})
        == 10.0
    )
    assert analytics_figures.ticket_cost({0: TierCost(0, "", 5.0), 1: TierCost(1, "", 0.0)}) is None


def test_the_others_formulas_are_theirs() -> None:
    counts = RivalCounts(100, 10, 50, people=80, people_with_ticket=20, searches=90,
                    searches_with_click=60)  # fmt: skip
    assert analytics_deflection.self_service_ratio(counts) == 4.0
    assert analytics_deflection.no_ticket(counts) == 0.75
    assert analytics_deflection.everybody_silent(counts) == 0.6
    assert analytics_deflection.click_is_solved(counts) == pytest.approx(2 / 3)
    nothing = RivalCounts(0, 0, 0, 0, 0, 0, 0)
    assert (
        analytics_deflection.no_ticket(nothing)
        is analytics_deflection.click_is_solved(nothing)
        is None
    )
    assert (
        analytics_deflection.everybody_silent(nothing)
        is analytics_deflection.self_service_ratio(nothing)
        is None
    )


@given(SHARES)
def test_every_look_is_wider_than_one(share: tuple[int, int]) -> None:
    one = wilson(*share)
    assert one is not None
    arms = Arms(share[1] + MIN_ARM, share[0], share[1] + MIN_ARM, share[0], 10)
    found = holdout.effect(arms)
    assert found is not None
    assert found.always[1] - found.always[0] > 0
