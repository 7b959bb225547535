"""The rules of gaps: grouping, identity, anonymity, demand."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.gaps import anonymity, impact
from kb.gaps.clustering import CUT, FREE, centre, grouped, grouped_in_time, joining, matched
from kb.gaps.clustering import vectors as stem_vectors
from kb.gaps.model import FailedQuery
from kb.tracking.query_text import words_key

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def unit(rows: object) -> np.ndarray:
    """Return the rows at length 1."""
    found = np.asarray(rows, np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def failed(words: str, visitor: str, days: float = 1, **more: object) -> FailedQuery:
    at = NOW - timedelta(days=days)
    search_id = f"{words}{visitor}{days}"
    return FailedQuery(search_id, at, visitor, words, words_key(words), "en", "weak", **more)


# -- grouping -----------------------------------------------------------------------------------


def cloud(seed: int, count: int, centres: int, spread: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    middle = unit(rng.normal(size=(centres, 24)))
    return unit(middle[rng.integers(0, centres, count)] + rng.normal(0, spread, (count, 24)))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(2, 120),
    centres=st.integers(1, 12),
    spread=st.sampled_from([0.05, 0.15, 0.3]),
    cut=st.sampled_from([0.2, 0.5, 0.8]),
)
def test_groups_are_those_of_average_linkage(
    seed: int, count: int, centres: int, spread: float, cut: float
) -> None:
    from sklearn.cluster import AgglomerativeClustering  # slow to import

    vectors = cloud(seed, count, centres, spread)
    expected = AgglomerativeClustering(
        n_clusters=None, distance_threshold=cut + 1e-6, metric="cosine", linkage="average"
    ).fit_predict(vectors.astype(np.float64))
    found = grouped(vectors, cut=cut)
    pairs = {(a, b) for a, b in zip(found, expected, strict=True)}
    assert len(pairs) == len(set(found)) == len(set(expected))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 80))
def test_seeds_stay_together_and_apart_from_each_other(seed: int, count: int) -> None:
    vectors = cloud(seed, count, 3, 0.3)
    seeds = np.random.default_rng(seed).integers(-1, 3, count)
    found = grouped(vectors, seeds=list(seeds))
    for each in range(3):
        assert len(set(found[seeds == each])) <= 1
    groups_of_seeds = [found[seeds == each][0] for each in range(3) if (seeds == each).any()]
    assert len(groups_of_seeds) == len(set(groups_of_seeds))


def test_the_same_input_gives_the_same_groups_numbered_in_order() -> None:
    vectors = cloud(7, 300, 20, 0.2)
    first = grouped(vectors)
    assert (first == grouped(vectors)).all()
    seen = list(dict.fromkeys(first))
    assert seen == sorted(seen)


@given(
    angles=st.lists(st.sampled_from([0.0, 1.5, 3.0, 4.5]), min_size=1, max_size=40),
    most=st.integers(4, 12),
    data=st.data(),
)
def test_of_too_many_the_heaviest_are_grouped_and_the_others_join(
    angles: list[float], most: int, data: st.DataObject
) -> None:
    vectors = unit([[np.cos(angle), np.sin(angle)] for angle in angles])
    weights = data.draw(st.lists(st.integers(1, 3), min_size=len(angles), max_size=len(angles)))
    found = grouped_in_time(vectors, weights, most=most)
    whole = grouped(vectors)
    assert len(found) == len(angles)
    for one, other in itertools.combinations(range(len(angles)), 2):
        if found[one] == found[other]:  # never two meanings; one meaning may stay in parts
            assert whole[one] == whole[other]
    if len(angles) <= most:
        assert list(found) == list(whole)


def test_a_seed_is_never_left_out_of_too_many() -> None:
    vectors = unit([[1, 0.01 * n] for n in range(20)] + [[0, 1], [0, 1]])
    seeds = [FREE] * 20 + [0, 0]
    found = grouped_in_time(vectors, [5] * 20 + [1, 1], seeds=seeds, most=4)
    assert found[20] == found[21]
    assert set(found[:20]) == {found[0]}
    assert found[0] != found[20]


def test_nothing_and_one_are_grouped_too() -> None:
    assert list(grouped(np.zeros((0, 4), np.float32))) == []
    assert list(grouped(unit([[1, 0]]))) == [0]


def test_a_vector_joins_the_nearest_centre_within_the_cut() -> None:
    centres = np.stack([centre(unit([[1, 0, 0], [1, 0.1, 0]])), centre(unit([[0, 1, 0]]))])
    asked = unit([[0.9, 0.2, 0], [0, 1, 0.1], [0, 0, 1]])
    assert list(joining(asked, centres, cut=CUT)) == [0, 1, FREE]


def test_stems_bring_inflections_and_order_together() -> None:
    texts = ["printers keep jamming", "the printer jams", "reset my password"]
    rows = stem_vectors(texts, ["en"] * 3)
    assert rows[0] @ rows[1] > 0.5 > rows[0] @ rows[2] + 0.3


# -- identity -----------------------------------------------------------------------------------


def test_the_greatest_overlap_keeps_the_number() -> None:
    before = {"a": "G", "b": "G", "c": "G", "d": "H"}
    found = matched(before, {"a": 0, "b": 0, "c": 1, "d": 2, "e": 1}, kept={})
    assert found.gap_of == {0: "G", 2: "H"}
    assert found.came_from == {1: "G"}
    assert not found.became
    assert not found.faded


def test_a_gap_that_went_into_another_is_merged_and_a_scattered_one_fades() -> None:
    before = dict.fromkeys("abcde", "G") | dict.fromkeys("fgh", "H") | dict.fromkeys("ij", "I")
    groups = dict.fromkeys("abcdefg", 0) | {"h": 1, "i": 0, "j": 1}
    found = matched(before, groups, kept={})
    assert found.gap_of == {0: "G", 1: "I"} or found.gap_of == {0: "G", 1: "H"}
    assert set(found.became) | set(found.faded) == {"H", "I"} - set(found.gap_of.values())


def test_a_gap_without_questions_left_fades() -> None:
    assert matched({"a": "G"}, {}, kept={}).faded == ("G",)


@settings(max_examples=80, deadline=None)
@given(
    before=st.dictionaries(st.integers(0, 40).map(str), st.sampled_from("GHIJ")),
    groups=st.dictionaries(st.integers(0, 40).map(str), st.integers(0, 5)),
)
def test_every_gap_is_accounted_for_once(before: dict[str, str], groups: dict[str, int]) -> None:
    found = matched(before, groups, kept={})
    assert len(set(found.gap_of.values())) == len(found.gap_of)
    told = [*found.gap_of.values(), *found.became, *found.faded]
    assert sorted(told) == sorted(set(before.values()))
    assert set(found.gap_of) | set(found.came_from) <= set(groups.values())


# -- anonymity ----------------------------------------------------------------------------------


def test_words_of_few_people_are_hidden_inside_a_gap_of_many() -> None:
    rows = [failed("vpn drops at home", f"v{n}") for n in range(3)]
    rows += [failed("vpn drops for Ada Lovelace", "ada"), failed("my VPN dropped", "w")]
    found = {one.words: one.people for one in anonymity.shown(rows, k=3)}
    assert found == {"vpn drops at home": 3, "vpn drops for …": 1, "my VPN dropped": 1}
    assert anonymity.label(anonymity.shown(rows, k=3)) == "vpn drops at home"


def test_of_a_gap_of_few_people_nothing_is_shown() -> None:
    rows = [failed("secret project falcon", f"v{n % 2}", n) for n in range(9)]
    assert anonymity.shown(rows, k=3) == ()


def test_a_question_of_only_hidden_words_counts_and_says_nothing() -> None:
    rows = [failed("salary", f"v{n}") for n in range(3)] + [failed("is it bonus", "x")]
    assert [one.words for one in anonymity.shown(rows, k=3)] == ["salary", "…"]


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.lists(
                st.sampled_from(["alpha", "beta", "gamma", "delta", "a@b.c", "of"]), max_size=5
            ),
            st.integers(0, 6),
        ),
        max_size=25,
    ),
    k=st.integers(1, 5),
)
def test_no_word_is_shown_that_fewer_than_k_people_used(
    rows: list[tuple[list[str], int]], k: int
) -> None:
    searched = [failed(" ".join(words), f"v{who}") for words, who in rows if words]
    told = anonymity.shown(searched, k=k)
    used: dict[str, set[str]] = {}
    for one in searched:
        for word in one.words.split():
            used.setdefault(word, set()).add(one.visitor)
    for one in told:
        for word in one.words.split():
            assert word in {anonymity.HIDDEN, "of"} or len(used[word]) >= k
    if len({one.visitor for one in searched}) < k:
        assert told == ()


# -- demand -------------------------------------------------------------------------------------


def test_demand_counts_people_once_and_compares_two_periods() -> None:
    rows = [failed("a", "x", 1), failed("a", "x", 2), failed("a", "y", 3, ticketed=True)]
    rows += [failed("a", "z", 40), failed("a", "z", 80)]
    found = impact.demand(rows, NOW)
    assert (found.people, found.searches, found.tickets) == (3, 5, 1)
    assert found.trend == (2, 1)
    assert found.language == "en"


@pytest.mark.parametrize(
    ("sizes", "total", "share"), [([], 0, None), ([5, 3], 10, 0.8), ([1] * 20, 40, 0.25)]
)
def test_the_ten_largest_hold_a_share(sizes: list[int], total: int, share: float | None) -> None:
    assert impact.held_by_largest(sizes, total) == share
