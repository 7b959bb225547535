"""What readers did with an article, added up for those who keep it, from both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kb.analytics.article_metrics import FailedNear, Seen, Vote, article_figures
from kb.analytics.jobs import close_episodes
from kb.analytics.report import DateRange
from kb.analytics.service import article_figures_of, failing_words
from kb.config.settings import load
from kb.database import Database
from kb.tracking.events import Event
from kb.tracking.store import put_all

Did = Callable[..., Event]
DAY = DateRange(date(2025, 3, 10), date(2025, 3, 10))
NOW = datetime(2025, 3, 20, tzinfo=UTC)


def test_a_day_of_one_article(database: Database, did: Did) -> None:
    events = [did("view", 0, article="a", visitor="agent", left_out="staff")]
    for name in ("ann", "bob", "cid"):
        search = did("search", 0, words="vpn drops", visitor=name, hits=[["a", 0.9], ["b", 0.5]])
        view = did("view", 5, article="a", visitor=name, search_id=search.id)
        events += [search, view, did("view", 9, article="a", visitor=name)]
    events += [
        did("vote", 20, article="a", visitor="ann", helpful=True, reason=""),
        did("vote", 21, article="a", visitor="bob", helpful=True, reason=""),
        did("vote", 22, article="a", visitor="bob", helpful=False, reason="out-of-date"),
        did("search", 0, words="a secret of one", visitor="dan", hits=[["a", 0.1]], total=0),
        did("view", 86_400, article="a", visitor="tomorrow"),
    ]
    put_all(database, events)
    close_episodes(database, load({}), NOW)
    known = article_figures_of(database, DAY, k=3)
    told = known["a"]
    assert (told.views, told.people) == (6, 3)
    assert (told.helpful.numerator, told.helpful.n, told.helpful.value) == (1, 2, 0.5)
    assert dict(told.reasons) == {"out-of-date": 1}
    assert [(w.words, w.people, w.searches) for w in told.led_here] == [("vpn drops", 3, 3)]
    assert "secret" not in repr(known)


def test_what_failed_near_an_article_and_what_is_wanted(database: Database, did: Did) -> None:
    put_all(database, [
        did("search", n, words="printer jams", visitor=f"v{n}", answerable=False,
            hits=[["c", 0.3], ["d", 0.2], ["e", 0.2], ["far", 0.1]])
        for n in range(4)
    ])  # fmt: skip
    close_episodes(database, load({}), NOW)
    near = {slug: one.failed_near for slug, one in article_figures_of(database, DAY, k=4).items()}
    assert {slug: rows[0].people for slug, rows in near.items()} == {"c": 4, "d": 4, "e": 4}
    assert [(row.words, row.people) for row in failing_words(database, DAY, k=4, now=NOW)] == [
        ("printer jams", 4)
    ]
    assert failing_words(database, DAY, k=5, now=NOW) == ()
    assert all(not one.failed_near for one in article_figures_of(database, DAY, k=5).values())


SLUGS, PEOPLE = st.sampled_from("abc"), st.sampled_from("123456")
WORDS, REASONS = st.sampled_from(["", "x", "y"]), st.sampled_from("mn")
TIMES = st.integers(0, 50).map(lambda s: datetime(2025, 3, 10, tzinfo=UTC) + timedelta(seconds=s))
SEEN = st.builds(lambda a, v, w: Seen(a, v, w, w), SLUGS, PEOPLE, WORDS)
VOTES = st.builds(Vote, SLUGS, PEOPLE, TIMES, st.booleans(), REASONS)
FAILED = st.builds(lambda v, w, a: FailedNear(v, w, w, tuple(a)), PEOPLE, WORDS, st.lists(SLUGS))


@given(
    st.lists(SEEN, max_size=40),
    st.lists(VOTES, max_size=20),
    st.lists(FAILED, max_size=20),
    st.integers(1, 4),
)
def test_figures_add_up_and_few_stay_unnamed(
    seen: list[Seen], votes: list[Vote], failed: list[FailedNear], k: int
) -> None:
    known = article_figures(seen, votes, failed, k=k)
    assert sum(one.views for one in known.values()) == len(seen)
    for slug, one in known.items():
        assert one.people == len({row.visitor for row in seen if row.article == slug})
        assert one.helpful.n == len({vote.visitor for vote in votes if vote.article == slug})
        assert one.helpful.numerator + sum(one.reasons.values()) == one.helpful.n
        for words in (*one.led_here, *one.failed_near):
            assert words.people >= k
            assert words.words
