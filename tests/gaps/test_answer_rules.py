"""When a search is answered, and when a gap is: the rules alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.content.article import Article, ArticleStatus, Audience
from kb.gaps.answers import rules as answers_rules
from kb.gaps.answers.model import SearchOfGap
from kb.gaps.answers.rules import (
    LEAD,
    RISE,
    SURE,
    FailedSearch,
    Known,
    QueryToRepeat,
    Since,
    answer,
    is_open_again,
    share,
)
from search.types import Hit, Mode, Query, Results, Section

THEN = datetime(2026, 3, 1, tzinfo=UTC)
BEFORE, AFTER = THEN.timestamp() - 60, THEN.timestamp() + 60
OLD, NEW = Since(BEFORE, {"a": BEFORE}), Since(AFTER, {"a": AFTER})


def results(*hits: tuple[str, float], confidence: float = 0.95, answerable: bool = True) -> Results:
    found = tuple(Hit(slug, score, anchor="a") for slug, score in hits)
    return Results(
        Query("x"), found, len(found), Mode.HYBRID, confidence=confidence, answerable=answerable
    )


def asked(
    failure: str = "weak", shown: tuple[str, ...] = (), confidence: float = 0.0
) -> FailedSearch:
    question = QueryToRepeat("key", "en", "public")
    return FailedSearch("s", THEN, "x", question, failure, THEN, shown, confidence)


def test_a_new_article_that_comes_first_and_clear_answers() -> None:
    live = {"new": NEW, "old": OLD}
    assert answer(asked(), results(("new", 1.0), ("old", 0.5)), live) == "new"
    assert answer(asked("no_click", ("old",)), results(("new", 1.0), ("old", 0.5)), live) == "new"


@pytest.mark.parametrize(
    "found",
    [
        results(),
        results(("old", 1.0), ("new", 0.5)),
        results(("new", 1.0), ("old", 1.0 - LEAD / 2)),
        results(("new", 1.0), confidence=SURE - 0.01),
        results(("new", 1.0), answerable=False),
        results(("gone", 1.0)),
    ],
)
def test_anything_less_does_not(found: Results) -> None:
    assert answer(asked(), found, {"new": NEW, "old": OLD}) == ""


def test_two_new_articles_do_not_stand_in_each_others_way() -> None:
    live = {"new": NEW, "other": NEW, "old": OLD}
    found = results(("new", 1.0), ("other", 0.99), ("old", 0.2))
    assert answer(asked(), found, live) == "new"


def test_an_article_shown_then_must_answer_otherwise_now() -> None:
    named = {"new": Since(AFTER, {"a": BEFORE})}
    found = results(("new", 1.0))
    assert answer(asked("weak", ("new",), 0.95 - RISE / 2), found, {"new": NEW}) == ""
    assert answer(asked("weak", ("new",), 0.95 - RISE), found, {"new": NEW}) == "new"
    for seen in ("no_click", "refined", "bounced", "voted_down", "ticketed"):
        assert answer(asked(seen, ("new",), 0.95), found, {"new": NEW}) == "new"
        assert answer(asked(seen, ("new",), 0.95), found, named) == ""
        assert answer(asked(seen, (), 0.95), found, named) == "new"


@given(st.floats(0, 1), st.booleans(), st.sampled_from(["zero", "weak", "no_click", "bounced"]))
def test_what_was_there_before_never_answers(sure: float, known: bool, failure: str) -> None:
    shown = ("old",) if known else ()
    found = results(("old", 1.0), confidence=sure)
    assert answer(asked(failure, shown), found, {"old": OLD}) == ""


# -- since when ----------------------------------------------------------------------------------


def article(text: str = "Text.", **more: object) -> Article:
    sections = (Section("a", ("A",), text), Section("b", ("B",), "More."))
    given = {"slug": "x", "title": "X", "path": "x.md", "html": "", "sections": sections}
    return Article(**{**given, "blob": "blob-1", **more})  # type: ignore[arg-type]


def test_only_what_changed_is_new() -> None:
    first = answers_rules.known(article(), None, {}, live_at=1.0, commit="c1")
    changed = article("Another text.", blob="blob-2")
    second = answers_rules.known(
        changed, first, answers_rules.times([first]), live_at=2.0, commit="c2"
    )
    since = answers_rules.since(changed, second)
    assert (since.section("a"), since.section("b"), since.naming) == (2.0, 1.0, 1.0)
    assert (second.was, second.commit) == ("blob-1", "c2")
    assert since.section("none") == answers_rules.NEVER


def test_a_text_keeps_its_time_wherever_it_moves_but_not_for_new_readers() -> None:
    first = answers_rules.known(article(), None, {}, live_at=1.0, commit="c1")
    moved = answers_rules.known(
        article(slug="y"), None, answers_rules.times([first]), live_at=2.0, commit="c2"
    )
    assert set(moved.parts.values()) == {1.0}
    wider = article(audience=Audience.STAFF)
    other = answers_rules.known(
        wider, first, answers_rules.times([first]), live_at=2.0, commit="c2"
    )
    assert set(other.parts.values()) == {2.0}


def test_what_nobody_can_find_is_not_live() -> None:
    assert answers_rules.published([article(status=ArticleStatus.DRAFT), article()]) == [article()]


def test_a_state_is_named_by_commit_texts_and_model() -> None:
    held = {"x": Known("b", {"t": 1.0})}
    name = answers_rules.state_of("c" * 64, held, "m")
    assert len(name) <= 64
    others = (({"x": Known("b", {"u": 1.0})}, "m"), ({}, "m"), (held, "n"))
    assert all(answers_rules.state_of("c" * 64, each, model) != name for each, model in others)
    assert answers_rules.state_of("c" * 64, {"x": Known("z", {"t": 9.0})}, "m") == name


# -- gaps -----------------------------------------------------------------------------------------


def placed(*rows: tuple[str, str]) -> list[SearchOfGap]:
    return [SearchOfGap(who, THEN, "c" if slug else "", slug) for who, slug in rows]


def test_half_of_the_people_are_enough_and_one_wording_each() -> None:
    assert share(placed(("ana", "x"), ("ana", ""), ("ben", ""))).enough
    assert not share(placed(("ana", "x"), ("ben", ""), ("cleo", ""))).enough
    assert not share([]).enough
    found = share(placed(("ana", "y"), ("ben", "x"), ("cleo", "x")))
    assert found.most is not None
    assert (found.most.article, found.answered, found.people) == ("x", 3, 3)


def test_after_it_was_open_again_only_later_searches_count() -> None:
    later = SearchOfGap("dora", THEN + timedelta(days=1), "", "")
    searches = [*placed(("ana", "x"), ("ben", "x")), later]
    assert share(searches).enough
    assert not share(searches, THEN).enough


def test_one_person_does_not_open_a_gap_again() -> None:
    one = placed(("ana", ""), ("ana", ""), ("ben", "x"))
    assert not is_open_again(one, THEN - timedelta(days=1))
    assert is_open_again([*one, *placed(("cleo", ""))], THEN - timedelta(days=1))
    assert not is_open_again([*one, *placed(("cleo", ""))], THEN)
