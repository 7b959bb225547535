"""Episodes, outcomes, failed searches: the definitions, one example each, and their laws."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.analytics import episodes
from kb.analytics.failures import failures, related
from kb.analytics.model import Episode, Failure, Outcome, TicketSeen
from kb.analytics.outcomes import Waits, judge
from kb.tracking.events import Event, EventKind
from kb.tracking.query_text import words_key

Did = Callable[..., Event]
GAP, WINDOW = timedelta(minutes=30), timedelta(hours=24)
START = datetime(2025, 3, 10, 12, tzinfo=UTC)
LATER = START + timedelta(days=3)


def only(*events: Event) -> Episode:
    (episode,) = episodes.episodes(events, GAP)
    return episode


def ended(*events: Event, ticket: float | None = None) -> tuple[Outcome, bool, list[str]]:
    """Return outcome, unresolved, and the failure classes of a finished episode."""
    at = START + timedelta(seconds=ticket or 0)
    tickets = () if ticket is None else (TicketSeen(at, visitor="v"),)
    one = judge(only(*events), tickets, LATER, spans=Waits())
    return one.outcome, one.unresolved, [str(one.failures.get(s.id, "")) for s in one.searches]


def test_a_silence_of_thirty_minutes_keeps_an_episode_and_a_longer_one_ends_it(did: Did) -> None:
    close = [did("search", 0, words="a"), did("search", 1800, words="b")]
    assert len(episodes.episodes(close, GAP)) == 1
    assert len(episodes.episodes([*close, did("search", 3601, words="c")], GAP)) == 2


def test_what_makes_no_episode(did: Did) -> None:
    none = [
        did("search", 0, words="a", left_out="staff"),
        did("view", 1, article="x", left_out="robot"),
        did("holdout", 2), did("suggestion_shown", 3), did("dwell", 4, article="x", seconds=9),
        did("ticket_created", 5, visitor=""),
    ]  # fmt: skip
    assert episodes.episodes(none, GAP) == ()


def test_a_late_dwell_report_belongs_to_its_reading_and_moves_no_end(did: Did) -> None:
    view = did("view", 0, article="x")
    episode = only(view, did("dwell", 9000, article="x", seconds=500))
    assert episode.ended_at == view.at
    assert episodes.readings(episode)[0].seconds == 500


def test_a_ticket_opened_by_policy_is_no_visit_of_its_own(did: Did) -> None:
    failed, ticket = did("search", 0, words="a", total=0), did("ticket_created", 3600, number=1)
    assert only(failed, ticket).ended_at == failed.at
    assert episodes.episodes([ticket], GAP) == ()


def test_confirmed(did: Did) -> None:
    found = did("search", 0, words="vpn")
    click = did("click", 5, article="a", search_id=found.id)
    solved = did("solved", 9, article="a", search_id=found.id)
    helpful = did("vote", 9, article="a", search_id=found.id, helpful=True)
    assert ended(found, click, solved) == (Outcome.CONFIRMED, False, [""])
    assert ended(found, click, helpful) == (Outcome.CONFIRMED, False, [""])


def test_a_vote_taken_back_confirms_nothing(did: Did) -> None:
    up = did("vote", 20, article="a", helpful=True)
    down = did("vote", 30, article="a", helpful=False)
    assert ended(did("view", 0, article="a"), up, down)[0] is Outcome.ABANDONED


def test_potential_by_reported_time_or_by_the_next_act(did: Did) -> None:
    view = did("view", 0, article="a")
    assert ended(view, did("dwell", 60, article="a", seconds=10))[0] is Outcome.POTENTIAL
    assert ended(view, did("search", 10, words="b"))[0] is Outcome.POTENTIAL
    assert ended(view, did("search", 9.9, words="b"))[0] is Outcome.ABANDONED


def test_a_last_page_that_reported_nothing_is_not_read(did: Did) -> None:
    assert ended(did("view", 0, article="a"))[0] is Outcome.ABANDONED


def test_click_and_view_of_one_opening_are_no_time_on_the_page(did: Did) -> None:
    click, view = did("click", 0, article="a"), did("view", 30, article="a")
    assert episodes.readings(only(click, view))[0].seconds is None


@pytest.mark.parametrize(
    ("after", "outcome"), [(0, "ticketed"), (86400, "ticketed"), (86401, "confirmed")]
)
def test_ticketed_within_the_window(did: Did, after: float, outcome: str) -> None:
    assert ended(did("solved", 0), ticket=after)[0] == outcome


def test_a_ticket_matches_by_account_or_by_search(did: Did) -> None:
    found = did("search", 0, words="a", user_id="u")
    for ticket in (TicketSeen(START, user_id="u"), TicketSeen(START, search_id=found.id)):
        assert episodes.outcome(only(found), [ticket], LATER, window=WINDOW) is Outcome.TICKETED
    stranger = TicketSeen(START, visitor="w", user_id="x", search_id="y")
    assert episodes.outcome(only(found), [stranger], LATER, window=WINDOW) is Outcome.ABANDONED
    nobody = only(did("search", 0, words="a"))
    assert episodes.outcome(nobody, [TicketSeen(START)], LATER, window=WINDOW) is Outcome.ABANDONED


def test_too_early_until_the_window_has_passed(did: Did) -> None:
    episode = only(did("solved", 0))
    edge = START + WINDOW
    assert episodes.outcome(episode, (), edge, window=WINDOW) is Outcome.OPEN
    after = edge + timedelta(seconds=1)
    assert episodes.outcome(episode, (), after, window=WINDOW) is Outcome.CONFIRMED


def test_each_failure_class(did: Did) -> None:
    one = did("search", 0, words="printer jam")
    click = did("click", 5, article="a", search_id=one.id)
    again = did("search", 12, words="wifi slow")
    assert ended(did("search", 0, words="x", total=0))[2] == ["zero"]
    assert ended(did("search", 0, words="x", answerable=False))[2] == ["weak"]
    down = did("vote", 60, article="a", search_id=one.id, helpful=False)
    assert ended(one, click, down)[2] == ["voted_down"]
    assert ended(one, click, ticket=60)[2] == ["ticketed"]
    assert ended(one, click, again)[2] == ["bounced", "no_click"]
    assert ended(one, did("search", 9, words="printers jammed"))[2] == ["refined", "no_click"]
    assert ended(one, again)[2] == ["no_click", "no_click"]
    assert ended(one, click)[2] == [""]
    assert ended(one, did("solved", 5, search_id=one.id))[2] == [""]


def test_a_running_episode_leaves_silence_undecided(did: Did) -> None:
    searches = [did("search", 0, words="a b"), did("search", 5, words="c", total=0)]
    assert failures(only(*searches), (), ended=False) == {searches[1].id: Failure.ZERO}


def test_the_same_words_asked_again_at_once_are_one_search(did: Did) -> None:
    one, back = did("search", 0, words="VPN"), did("search", 30, words="vpn!")
    click = did("click", 40, article="a", search_id=back.id)
    (search,) = episodes.searches(only(one, back, click))
    assert search.ids == (one.id, back.id)
    assert ended(one, back, click)[2] == [""]


def test_unresolved_until_something_helps_after_the_last_failure(did: Did) -> None:
    failed = did("search", 0, words="x", total=0)
    click = did("view", 10, article="a")
    read = did("dwell", 50, article="a", seconds=40)
    assert ended(failed)[1]
    assert ended(failed, click)[1]
    assert not ended(failed, click, read)[1]
    assert not ended(failed, did("solved", 20))[1]
    assert not ended(failed, ticket=60)[1]
    assert ended(failed, click, read, did("vote", 60, article="a", helpful=False))[1]
    assert ended(failed, did("solved", 20), did("search", 30, words="y", total=0))[1]
    assert ended(did("search", 0, words="x"), click, did("solved", 20))[0] is not Outcome.OPEN


@pytest.mark.parametrize(
    ("one", "other", "language", "expected"),
    [
        ("printing fails", "printer failing", "en", True),
        ("impresora rota", "las impresoras", "es", True),
        ("how do i vpn", "how do i print", "en", False),
        ("outlok", "outlook", "en", True),
        ("vpn", "wifi", "", False),
        ("", "", "en", False),  # forgotten
    ],
)
def test_related_words(one: str, other: str, language: str, expected: bool) -> None:
    assert related(one, other, language) is expected


# -- laws -----------------------------------------------------------------------------------------

ACTS = st.builds(
    lambda n, kind, at, visitor, article, words, flag, ref: Event(
        id=f"e{n}",
        at=START + timedelta(seconds=at),
        kind=kind,
        visitor=visitor,
        search_id=f"e{n}" if kind is EventKind.SEARCH else ref,
        article=None if kind is EventKind.SEARCH else article,
        words=words,
        words_key=words_key(words),
        left_out="",
        data={"total": int(flag), "answerable": flag, "helpful": flag, "seconds": at % 20},
    ),
    st.integers(0, 40), st.sampled_from(EventKind), st.integers(0, 12000), st.sampled_from("vw"),
    st.sampled_from("ab"), st.sampled_from(["vpn", "vpns", "wifi"]), st.booleans(),
    st.sampled_from([None, "e1", "e2", "e3"]),
)  # fmt: skip
RECORDS = st.lists(ACTS, max_size=25, unique_by=lambda event: event.id)


@settings(deadline=None)
@given(RECORDS, st.randoms(use_true_random=False))
def test_order_and_repeats_change_nothing(record: list[Event], chance: random.Random) -> None:
    shuffled = record + chance.choices(record, k=5) if record else []
    chance.shuffle(shuffled)
    assert episodes.episodes(shuffled, GAP) == episodes.episodes(record, GAP)


@settings(deadline=None)
@given(RECORDS, st.integers(0, 200_000))
def test_every_episode_has_one_outcome_and_every_search_at_most_one_class(
    record: list[Event], after: int
) -> None:
    now = START + timedelta(seconds=after)
    for episode in episodes.episodes(record, GAP):
        one = judge(episode, (), now, spans=Waits())
        assert one.outcome in Outcome
        assert (one.outcome is Outcome.OPEN) == (not one.closed)
        assert set(one.failures) <= {search.id for search in one.searches}
        assert not (one.unresolved and not one.failures)


@settings(deadline=None)
@given(RECORDS)
def test_episodes_hold_each_act_once_and_no_gap(record: list[Event]) -> None:
    found = episodes.episodes(record, GAP)
    held = [event.id for episode in found for event in episode.events]
    acts = {event.id for event in record if event.kind in episodes.ACTS}
    assert len(held) == len(set(held))
    assert acts - set(held) <= {e.id for e in record if e.kind in episodes.FOLLOWERS}
    for episode in found:
        times = [e.at for e in episode.events if e.at <= episode.ended_at]
        assert all(b - a <= GAP for a, b in pairwise(times))


# -- asides -------------------------------------------------------------------------------------

ASIDE_KINDS = ("suggestion_shown", "holdout", "survey_shown", "survey_answered")


@given(
    asides=st.lists(st.tuples(st.sampled_from(ASIDE_KINDS), st.integers(-4000, 9000)), max_size=8),
    answer=st.booleans(),
)
def test_an_aside_changes_no_episode_and_no_outcome(
    asides: list[tuple[str, int]], answer: bool
) -> None:
    def event(name: str, at: int, kind: str, **data: object) -> Event:
        when = START + timedelta(seconds=at)
        return Event(name, when, EventKind(kind), "v", article="a", data=data)

    acts = [event("1", 0, "search"), event("2", 20, "view"), event("3", 60, "form_opened"),
            event("4", 4000, "view")]  # fmt: skip
    beside = [event(f"x{n}", at, kind, found=answer) for n, (kind, at) in enumerate(asides)]
    plain, mixed = episodes.episodes(acts, GAP), episodes.episodes(acts + beside, GAP)
    bare = [(e.id, e.events, e.started_at, e.ended_at) for e in plain]
    assert [(e.id, e.events, e.started_at, e.ended_at) for e in mixed] == bare
    for one, other in zip(plain, mixed, strict=True):
        before = episodes.outcome(one, [], LATER, window=WINDOW)
        assert episodes.outcome(other, [], LATER, window=WINDOW) == before
    kept = [aside for episode in mixed for aside in episode.asides]
    assert len(kept) == len({aside.id for aside in kept})
    assert {aside.id for aside in beside if 0 <= (aside.at - START).total_seconds() <= 60} <= {
        aside.id for aside in kept
    }


def test_the_first_of_each_kind_of_aside_is_judged(did: Did, noon: datetime) -> None:
    [episode] = episodes.episodes([
        did("form_opened", 0), did("holdout", 0, arm="held_out", share=10),
        did("holdout", 5, arm="shown", share=10), did("survey_shown", 6),
        did("survey_answered", 9, found=True), did("survey_answered", 12, found=False),
    ], GAP)  # fmt: skip
    data = judge(episode, [], noon + timedelta(days=2), spans=Waits()).data
    assert (data["arm"], data["share"], data["survey"]) == ("held_out", 10, "yes")


@pytest.mark.parametrize(("after", "told"), [(-30, -30.0), (3600, 3600.0), (8 * 86400, None)])
def test_the_wait_for_a_ticket_is_kept_as_far_as_any_figure_looks(
    did: Did, noon: datetime, after: int, told: float | None
) -> None:
    [episode] = episodes.episodes([did("search", 0), did("search", 60)], GAP)
    ticket = TicketSeen(episode.ended_at + timedelta(seconds=after), visitor="v")
    data = judge(episode, [ticket], noon + timedelta(days=9), spans=Waits()).data
    assert data["ticket_after"] == told
    assert data["otherwise"] == "abandoned"


def test_a_form_withdrawn_says_that_the_need_was_met(did: Did, noon: datetime) -> None:
    [episode] = episodes.episodes([
        did("search", 0, id="s1"), did("form_opened", 9), did("form_withdrawn", 30, search_id="s1")
    ], GAP)  # fmt: skip
    judged = judge(episode, [], noon + timedelta(days=2), spans=Waits())
    assert judged.outcome is Outcome.CONFIRMED
    assert judged.failures == {}
    assert judged.data["asked"] == [("en", "page", "", "", "", 1)]


def test_a_suggestion_read_on_the_form_leaves_the_search_failed(did: Did) -> None:
    """Its results were left for the form: the search failed, and yet the need may be met."""
    events = [
        did("search", 0, words="vpn", id="s"),
        did("form_opened", 20, search_id="s"),
        did("suggestion_shown", 20, search_id="s", articles=["a"]),
        did("suggestion_opened", 30, search_id="s", article="a"),
        did("view", 30, article="a"),
        did("dwell", 90, article="a", seconds=60),
    ]
    episode = only(*events)
    [reading] = episodes.readings(episode)
    assert (reading.article, reading.search_id, reading.seconds) == ("a", "", 60)
    assert failures(episode, [], ended=True) == {"s": Failure.NO_CLICK}
    judged = judge(episode, [], LATER + timedelta(days=9), spans=Waits())
    assert judged.outcome is Outcome.POTENTIAL
    assert not judged.unresolved
    assert judged.data["clicked"] == 0
    assert judged.data["ranks"] == []
