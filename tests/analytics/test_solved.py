"""Solved queries from raw events, on each kind of database, and the file that pages read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kb.analytics.jobs import purge
from kb.analytics.solved_queries import LONGEST, SolvedQueries, SolvedQuery, refresh, solved
from kb.database import Database
from kb.tracking.events import Event
from kb.tracking.store import put_all

Did = Callable[..., Event]
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Spans:
    """The settings that are read."""

    episode_gap: timedelta = timedelta(minutes=30)
    outcome_window: timedelta = timedelta(hours=24)
    retention: timedelta = timedelta(days=90)
    k_anonymity: int = 2


def visit(did: Did, visitor: str, words: str, *then: Event, **more: object) -> list[Event]:
    return [did("search", 0, words=words, visitor=visitor, **more), *then]


def offered(database: Database, noon: datetime, *visits: Sequence[Event]) -> list[SolvedQuery]:
    put_all(database, [event for one in visits for event in one])
    return list(solved(database, Spans(), noon + HOUR))


def test_enough_people_who_solved_it_in_either_way(
    database: Database, noon: datetime, did: Did
) -> None:
    found = offered(
        database,
        noon,
        visit(did, "a", "Printer jams!", did("solved", 60, visitor="a", article="jam")),
        visit(did, "b", "printer jams", did("vote", 60, visitor="b", article="jam", helpful=True)),
        visit(did, "c", "printer jams", did("solved", 60, visitor="c", article="jam")),
        visit(did, "d", "printer smells", did("solved", 60, visitor="d", article="jam")),
        visit(did, "d", "printer smells", did("solved", 90, visitor="d", article="jam")),
    )
    assert found == [SolvedQuery("printer jams", "jam", 3)]


@pytest.mark.parametrize(
    "then",
    [
        {"kind": "view", "article": "jam"},  # read, and nothing said
        {"kind": "vote", "article": "jam", "helpful": False},
        {"kind": "solved"},  # of no article
        {"kind": "solved", "article": "jam", "left_out": "staff"},
        {"kind": "solved", "article": "jam", "at": 3600},  # another episode, no search named
    ],
    ids=lambda then: "-".join(map(str, then.values())),
)
def test_what_solves_nothing(
    database: Database, noon: datetime, did: Did, then: dict[str, object]
) -> None:
    what = {"at": 60, "left_out": ""} | then
    visits = (
        visit(did, v, "jams", did(visitor=v, **what), left_out=what["left_out"]) for v in "abc"
    )
    assert offered(database, noon, *visits) == []


def test_a_search_of_somebody_else_that_is_named_is_nobodys(
    database: Database, noon: datetime, did: Did
) -> None:
    other = did("search", -60, words="else", visitor="z")
    visits = (
        visit(did, v, "jams", did("solved", 9, visitor=v, article="a", search_id=other.id))
        for v in "ab"
    )
    assert offered(database, noon, [other], *visits) == [SolvedQuery("jams", "a", 2)]


def test_the_search_that_is_named_counts_even_hours_later(
    database: Database, noon: datetime, did: Did
) -> None:
    visits = []
    for visitor in "ab":
        first = did("search", 0, words="screen is dark", visitor=visitor)
        later = did("search", 30, words="mouse", visitor=visitor)
        done = did("solved", 2 * 3600, visitor=visitor, article="lamp", search_id=first.id)
        visits.append([first, later, done])
    put_all(database, [event for one in visits for event in one])
    assert solved(database, Spans(), noon + 3 * HOUR) == (SolvedQuery("screen is dark", "lamp", 2),)


def test_a_vote_taken_back_solves_nothing(database: Database, noon: datetime, did: Did) -> None:
    def votes(visitor: str) -> list[Event]:
        return [
            did("vote", at, visitor=visitor, article="jam", helpful=at == 60) for at in (60, 70)
        ]

    assert offered(database, noon, *(visit(did, v, "jams", *votes(v)) for v in "abc")) == []


def test_each_article_needs_its_own_people(database: Database, noon: datetime, did: Did) -> None:
    found = offered(
        database,
        noon,
        *(visit(did, v, "vpn drops", did("solved", 9, visitor=v, article="vpn")) for v in "ab"),
        visit(did, "c", "vpn drops", did("solved", 9, visitor="c", article="secret")),
    )
    assert found == [SolvedQuery("vpn drops", "vpn", 2)]


@pytest.mark.parametrize(
    ("words", "more"),
    [
        ("badge of [number]", {}),
        ("x" * (LONGEST + 1), {}),
        ("prin", {"surface": "suggest"}),
        ("my subject", {"surface": "form"}),
        ("of a robot", {"left_out": "robot"}),
    ],
)
def test_words_that_are_not_offered(
    database: Database, noon: datetime, did: Did, words: str, more: dict[str, str]
) -> None:
    visits = (visit(did, v, words, did("solved", 9, visitor=v, article="a"), **more) for v in "abc")
    assert offered(database, noon, *visits) == []


def test_what_is_older_than_the_retention_is_gone(
    database: Database, noon: datetime, did: Did
) -> None:
    visits = [visit(did, v, "jams", did("solved", 9, visitor=v, article="a")) for v in "abc"]
    assert offered(database, noon, *visits) != []
    assert solved(database, Spans(), noon + timedelta(days=91)) == ()
    purge(database, Spans(), noon + timedelta(days=91), retention=timedelta(days=90))
    assert solved(database, Spans(retention=timedelta(days=180)), noon + timedelta(days=91)) == ()


def test_the_file_is_what_pages_see(
    database: Database, noon: datetime, did: Did, tmp_path: Path
) -> None:
    file = tmp_path / "solved.json"
    seen = SolvedQueries(file)
    assert seen().articles == []
    visits = [visit(did, v, "jams", did("solved", 9, visitor=v, article="a/b")) for v in "ab"]
    put_all(database, [event for one in visits for event in one])
    assert refresh(database, Spans(), noon + HOUR, file=file) == 1
    assert seen().articles == ["a/b"]
    assert seen().people == {"a/b": 2}
    assert seen() is seen()  # read once
    assert refresh(database, Spans(k_anonymity=3), noon + HOUR, file=file) == 0
    assert seen().articles == []
    assert [path.name for path in tmp_path.glob("solved*")] == [file.name]


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "[]",
        '{"queries": [["one"]]}',
        '{"queries": [["one", "a"]], "people": []}',
        "\x00\xff",
    ],
)
def test_a_damaged_file_offers_nothing(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "solved.json"
    file.write_text(damage, encoding="latin-1")
    assert SolvedQueries(file)().articles == []
