"""Causes: the constructed set, the rules of a gap, and rounds of diagnosis in the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from benchmarks.diagnosing import cases, judged, looking, show
from kb.database import Database
from kb.gaps import store as gaps_store
from kb.gaps.diagnosis import Refined, diagnose, odds, of_gap, synonyms
from kb.gaps.diagnosis_jobs import Diagnosing, Investigation, QueryWording
from kb.gaps.jobs import Grouping
from kb.gaps.model import (
    AfterFailure,
    Best,
    Diagnosis,
    DiagnosisFacts,
    RootCause,
    SearchAttempt,
    Visibility,
)
from kb.gaps.service import detail
from kb.publishing.live_library import LiveLibrary
from search.semantic.encoder import Encoder

Fail = Callable[..., list[str]]


@pytest.fixture(scope="module")
def look(published: Path) -> Iterator[Investigation]:
    with looking(published / "model", published / "index") as found:
        yield found


def test_the_causes_of_the_constructed_set_are_named(look: Investigation) -> None:
    some = cases()
    assert min(Counter(case.cause for case in some).values()) >= 10
    assert len(set(Counter(case.cause for case in some))) == len(RootCause)
    told: list[str] = []
    found = judged(some, look)
    assert show(found, told.append) >= 0.85, "\n".join(told)


def test_a_search_that_reached_its_article_low_down_says_at_which_place(
    look: Investigation,
) -> None:
    asked = QueryWording(
        "sign in", aftermath=AfterFailure("software/clear-the-browser-cache", "said")
    )
    found = diagnose(look.facts(asked))
    assert found.cause is RootCause.RANKS_LOW
    assert found.evidence["rank"] > 3


# -- rules --------------------------------------------------------------------------------------

SURE = SearchAttempt(0.97, 0.5, ("a", "b"), Best("a", "en", cosine=0.8, coverage=0.9))
WEAK = SearchAttempt(0.3, 0.5, ("a",), Best("a", "en", cosine=0.3, coverage=0.2))


def test_an_article_that_was_opened_in_vain_is_no_answer() -> None:
    vain = AfterFailure(refuted={"a": "not-my-problem"})
    assert diagnose(DiagnosisFacts("x", "en", SURE)).cause is RootCause.WORDING
    assert diagnose(DiagnosisFacts("x", "en", SURE, aftermath=vain)).cause is RootCause.TRUE_GAP
    dated = AfterFailure(refuted={"a": "out-of-date"})
    assert diagnose(DiagnosisFacts("x", "en", SURE, aftermath=dated)).cause is RootCause.DRAFT


def test_what_the_person_found_in_the_end_goes_before_what_they_may_not_see() -> None:
    closed = SearchAttempt(0.99, 0.5, ("s",), Best("s", "en", Visibility.CLOSED, 0.9, 1.0))
    assert diagnose(DiagnosisFacts("x", "en", WEAK, closed=closed)).cause is RootCause.NOT_PERMITTED
    found = Best("b", "en")
    after = AfterFailure("b", "said", "y")
    facts = DiagnosisFacts("x", "en", WEAK, closed=closed, aftermath=after, found=found)
    assert diagnose(facts).cause is RootCause.WORDING


def test_many_weak_signs_decide_between_wording_and_a_true_gap() -> None:
    wording = Diagnosis(RootCause.WORDING, "a", {"confidence": 0.9})
    none = Diagnosis(RootCause.TRUE_GAP, "", {"confidence": 0.8})
    far = Diagnosis(RootCause.TRUE_GAP, "", {"confidence": 0.3})
    assert odds(0.85) == pytest.approx(0)
    assert of_gap([(wording, 3), (none, 3)])[0] is RootCause.WORDING
    assert of_gap([(wording, 3), (far, 4)])[0] is RootCause.TRUE_GAP
    assert (
        of_gap([(Diagnosis(RootCause.TYPO, "a", {"spelling": "b"}), 6), (far, 4)])[0]
        is RootCause.TYPO
    )
    assert of_gap([]) == (None, {})


def test_synonyms_need_k_people_on_the_way_to_one_article() -> None:
    ways = [Refined(f"v{n}", "holiday balance", "vacation balance", "a", "en") for n in range(3)]
    ways += [Refined("v9", "pto balance", "vacation balance", "a", "en")]
    [found] = synonyms(ways, k=3)
    assert (found.words, found.instead, found.people) == ("holiday", "vacation", 3)
    assert synonyms(ways, k=4) == ()
    long = [Refined(f"v{n}", "a b c d one two three four", "five", "a", "en") for n in range(5)]
    assert synonyms(long, k=3) == ()


# -- rounds -------------------------------------------------------------------------------------


@pytest.fixture
def diagnosing(database: Database, published: Path, encoder: Encoder, tmp_path: Path) -> Diagnosing:
    from kb.gaps.unpublished import quiet_engine

    engine = quiet_engine(published / "index", encoder)
    return Diagnosing(
        database,
        published / "index",
        LiveLibrary(engine),
        lambda: encoder,
        root=tmp_path / "beyond",
        k=3,
        episode_gap=timedelta(minutes=30),
    )


def test_gaps_get_their_cause_once_for_what_is_live(
    database: Database, fail: Fail, by_meaning: Grouping, diagnosing: Diagnosing, now: datetime
) -> None:
    fail("download my payslip", 4)
    fail("where do I find my payslip", 3)
    fail("no space left for new letters in outlook", 5)
    by_meaning.run(now)
    assert diagnosing.run(now) == 3
    assert diagnosing.run(now) == 0
    causes_found = {detail(database, n, k=3).gap.cause for n in (1, 2)}
    assert causes_found == {"true_gap", "wording"}
    first = detail(database, 1, k=3)
    assert {each.cause for each in first.questions} == {"true_gap"}
    with database.read() as connection:
        known = gaps_store.diagnoses_of_gap(connection, first.gap.id)
    assert all("confidence" in each.evidence for each in known.values())


def test_a_round_looks_at_a_bounded_number_of_questions(
    database: Database, fail: Fail, by_meaning: Grouping, diagnosing: Diagnosing, now: datetime
) -> None:
    for words in ("my payslip", "download payslip", "payslip missing"):
        fail(words, 2)
    by_meaning.run(now)
    assert [diagnosing.run(now, most=2) for _ in range(3)] == [2, 1, 0]
