"""Articles that say the same come up once, with the others named; ties go to the newer one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.engine import Engine
from search.index.duplicates import groups, sketch
from search.index.generation import build
from search.types import Document, Query, Section

TEXT = " ".join(f"Step {n}: choose the {n * 7} option of the tunnel client." for n in range(12))
OTHER = " ".join(f"Tray {n} holds {n * 9} sheets of heavy paper." for n in range(12))


def article(name: str, title: str, text: str, **more: object) -> Document:
    return Document(name, title, (Section("", (), text),), **more)  # type: ignore[arg-type]


def built(folder: Path, documents: Sequence[Document]) -> Engine:
    build(documents, folder, commit="c", encoder=None)
    return Engine(folder)


SAME = (
    article("old", "Set up the tunnel", TEXT, changed=100, collection="a"),
    article("new", "Set up the tunnel", TEXT + " That is all.", changed=200, collection="b"),
    article("hidden", "Set up the tunnel", TEXT, changed=300, audience="staff"),
    article("template", "Set up the printer", TEXT.replace("tunnel", "printer")),
    article("paper", "Paper trays", OTHER),
)


def test_one_of_those_that_say_the_same_is_a_hit(tmp_path: Path) -> None:
    found = built(tmp_path, SAME).search(Query("set up the tunnel"))
    hits = {hit.id: hit.duplicates for hit in found.hits}
    assert ("old" in hits) != ("new" in hits)
    assert {*hits, *(name for row in hits.values() for name in row)} >= {"old", "new"}
    assert found.total == len(found.hits)
    assert "hidden" not in str(hits)


def test_who_may_see_more_is_told_of_more(tmp_path: Path) -> None:
    staff = frozenset({"public", "staff"})
    found = built(tmp_path, SAME).search(Query("set up the tunnel", audiences=staff))
    assert {found.hits[0].id, *found.hits[0].duplicates} == {"old", "new", "hidden"}


def test_a_filter_finds_the_one_that_would_have_been_behind_another(tmp_path: Path) -> None:
    engine = built(tmp_path, SAME)
    for name, collection in (("old", "a"), ("new", "b")):
        query = Query("set up the tunnel", collections=frozenset({collection}))
        hits = engine.search(query).hits
        assert [hit.id for hit in hits] == [name]
        assert hits[0].duplicates == ()


def test_facets_count_what_choosing_them_shows(tmp_path: Path) -> None:
    engine = built(tmp_path, SAME)
    for collection, count in engine.search(Query("tunnel printer")).facets["collection"].items():
        query = Query("tunnel printer", collections=frozenset({collection}))
        assert engine.search(query).total == count


@pytest.mark.parametrize("newer", ["a", "b"])
def test_of_equal_articles_the_one_changed_last_is_first(tmp_path: Path, newer: str) -> None:
    rows = [
        article(name, "Paper trays", "Short note.", changed=9 if name == newer else 8)
        for name in "ab"
    ]
    hits = built(tmp_path, rows).search(Query("paper trays")).hits
    assert [hit.id for hit in hits] == [newer, "b" if newer == "a" else "a"]


def test_an_article_that_stops_being_the_same_is_a_hit_again(tmp_path: Path) -> None:
    engine = built(tmp_path, SAME)
    changed = [replace(SAME[1], sections=(Section("", (), OTHER + " tunnel"),)), *SAME[2:], SAME[0]]
    build(changed, tmp_path, commit="d", encoder=None)
    found = engine.search(Query("set up the tunnel"))
    assert {"old", "new"} <= {hit.id for hit in found.hits}
    assert not any(hit.duplicates for hit in found.hits)


WORDS = st.lists(st.sampled_from([f"word{n}" for n in range(40)]), min_size=30, max_size=60)


@given(
    st.lists(st.tuples(st.sampled_from("xy"), WORDS), max_size=6), st.randoms(use_true_random=False)
)
def test_copies_meet_in_any_order(rows: list[tuple[str, list[str]]], chance: object) -> None:
    twice = [*rows, *rows]
    documents = [article(str(n), t, " ".join(words)) for n, (t, words) in enumerate(twice)]
    order = list(range(len(documents)))
    chance.shuffle(order)  # type: ignore[attr-defined]
    sketches = np.array([sketch(d) for d in documents] or np.zeros((0, 65)), np.uint32)
    plain, mixed = groups(sketches), groups(sketches[order])
    for n in range(len(rows)):
        assert plain[n] == plain[n + len(rows)]
    for i, left in enumerate(order):
        for j, right in enumerate(order):
            if rows[left % len(rows)] == rows[right % len(rows)]:
                assert mixed[i] == mixed[j]
