"""Limits counted by several processes let through what was promised, in whatever order things go.

The promise is in `kb.accounts.rate_limits_store`: with P processes n + (P - 1) * M in a window.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.accounts.rate_limits import Key, Rate, RateCounter

NOON = 1_772_000_040  # in the middle of a minute
MINUTE = timedelta(minutes=1)
PEOPLE = ("ann", "ben")


def test_one_process_counts_exactly() -> None:
    counts, rate = RateCounter(), Rate("search", 7, MINUTE)
    found = [counts.take([(rate, "ann")], NOON) for _ in range(9)]
    assert [each.full is None for each in found] == [True] * 7 + [False] * 2
    assert [each.standings[0].left for each in found] == [6, 5, 4, 3, 2, 1, 0, 0, 0]
    assert counts.take([(rate, "ben")], NOON).full is None


@pytest.mark.parametrize("second", range(NOON - 40, NOON + 20, 7))
def test_the_wait_is_the_time_until_it_is_accepted(second: int) -> None:
    """flask-limiter#62: whoever came again after exactly that time was refused again, and told
    nought or a negative number.
    """
    counts, rate = RateCounter(), Rate("search", 1, MINUTE)
    counts.take([(rate, "ann")], second)
    for late in (0.0, 0.4, 0.999):
        refused = counts.take([(rate, "ann")], second + late).full
        assert refused is not None
        assert 1 <= refused.wait <= 60
        assert counts.take([(rate, "ann")], second + late + refused.wait).full is None
        counts = RateCounter()
        counts.take([(rate, "ann")], second)


def test_what_one_limit_refuses_costs_nothing_of_another() -> None:
    """One person who floods does not use up what the network has."""
    counts, narrow, wide = (
        RateCounter(),
        Rate("search", 3, MINUTE),
        Rate("search-network", 5, MINUTE),
    )
    for _ in range(100):
        last = counts.take([(narrow, "ann"), (wide, "office")], NOON)
    assert last.full is not None
    assert last.full.rate is narrow
    ben = [counts.take([(narrow, "ben"), (wide, "office")], NOON) for _ in range(3)]
    assert [each.full and each.full.rate for each in ben] == [None, None, wide]


@dataclass
class Process:
    """One process with its counts, and the most it ever counted between two settlements."""

    counts: RateCounter = field(default_factory=RateCounter)
    since: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)

    def settle(self, rows: Counter[Key]) -> None:
        """Settle with the rows all processes share, as the database does."""
        due = self.counts.due()
        rows.update(due)
        self.counts.settled(due, {key: rows[key] for key in due})
        for _, who, _ in due:
            self.since[who] = 0


STEPS = st.lists(
    st.tuples(
        st.integers(0, 3), st.sampled_from(PEOPLE), st.sampled_from(["asks", "asks", "settles"])
    ),
    max_size=250,
)


@given(limit=st.integers(0, 40), processes=st.integers(1, 4), steps=STEPS, prompt=st.booleans())
def test_in_any_order_no_more_pass_than_promised_and_none_is_refused_too_early(
    limit: int, processes: int, steps: list[tuple[int, str, str]], prompt: bool
) -> None:
    """Beside a model that knows everything: a list of all that passed. `prompt`: a settlement
    follows as soon as one is due, otherwise whenever.
    """
    rate, rows, passed = Rate("search", limit, MINUTE), Counter[Key](), Counter[str]()
    made = [Process() for _ in range(processes)]
    for number, who, what in steps:
        process = made[number % processes]
        if what == "settles":
            process.settle(rows)
            continue
        if process.counts.take([(rate, who)], NOON).full:
            assert passed[who] >= limit, "refused although the limit is not reached"
            continue
        passed[who] += 1
        process.since[who] += 1
        process.most[who] = max(process.most[who], process.since[who])
        if prompt:
            process.settle(rows)
    for who in PEOPLE:
        others = sorted(process.most[who] for process in made)[1:]
        assert passed[who] <= limit + sum(others)
        assert passed[who] <= limit * processes
        if prompt:
            assert passed[who] <= limit + (processes - 1) * rate.share


@given(jump=st.integers(-4 * 3600, 4 * 3600), second=st.integers(0, 59))
def test_a_clock_that_jumps_shuts_nobody_out_beyond_a_window(jump: int, second: int) -> None:
    """go-limiter#41, node-rate-limiter#48, MediaWiki-MCP-Server#557: the clock went back, and
    people were refused for as long as it had jumped.
    """
    counts, rate, at = RateCounter(), Rate("search", 3, MINUTE), float(NOON + second)
    for when in (at, at, at, at + jump, at + jump, at + jump):
        counts.take([(rate, "ann")], when)
    refused = counts.take([(rate, "ann")], at + jump).full
    assert refused is not None
    assert 1 <= refused.wait <= 60
    after = at + jump + refused.wait
    between = counts.take([(rate, "ann")], after).full
    if between:  # the window of before the jump, used up as well
        assert counts.take([(rate, "ann")], after + between.wait).full is None


def test_memory_is_bounded_and_the_busiest_are_remembered() -> None:
    """reinhardt-web#368, Eventra#9240, security-use#22: a count for each address ever seen."""
    counts = RateCounter(most=100)
    narrow, wide = Rate("search", 5, MINUTE), Rate("search-network", 3000, MINUTE)
    passed = 0
    for number in range(5000):  # one attacker, a new browser each time
        taken = counts.take([(narrow, f"browser {number}"), (wide, "attacker")], NOON)
        passed += taken.full is None
    assert len(counts) <= 100
    assert len(counts.due()) <= 100
    assert passed == 3000


def test_counts_that_are_over_are_forgotten() -> None:
    counts, rate = RateCounter(), Rate("search", 5, MINUTE)
    for number in range(500):
        counts.take([(rate, f"person {number}")], NOON)
    counts.take([(rate, "ann")], NOON + 3600)
    assert len(counts) == 1
