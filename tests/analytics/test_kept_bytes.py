"""The kept counts of days read the same for ever: a day written long ago, and the codes in it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kb.analytics.daily_counts import EpisodeKind, SearchGroup, Waited, number_of, number_of_words
from kb.analytics.daily_counts_store import PEOPLE, packed, unpacked
from kb.analytics.model import Failure
from kb.analytics.report import DateRange
from kb.analytics.service import report
from kb.database import Database
from kb.schema import report_days

# Written by the site of November 2026 from eight people's visits, and never to be written anew.
WRITTEN = json.loads((Path(__file__).parent / "day_of_layout_2.json").read_text())
ROW: dict[str, Any] = WRITTEN["row"] | {
    name: bytes.fromhex(WRITTEN["row"][name]) for name in PEOPLE
}
CODES = {
    "zero": 0, "weak": 1, "voted_down": 2, "ticketed": 3, "bounced": 4, "refined": 5, "no_click": 6,
}  # fmt: skip


def test_a_code_is_neither_changed_nor_used_again() -> None:
    """A class that is added gets a number that none had before; append it here too."""
    assert {failure.value: failure.code for failure in Failure} == CODES
    assert len({failure.code for failure in Failure}) == len(Failure)
    assert [Failure(name) for name in CODES] == list(Failure)


def test_a_day_written_long_ago_reads_as_the_same_values() -> None:
    day = unpacked(ROW)
    by_code = {failure.code: failure.value for failure in Failure}
    found = [(w, v, by_code[code]) for w, v, code in day.failed.tolist()]
    assert Counter(found) == Counter(
        (number_of_words(one["words_key"]), number_of(one["visitor"]), one["failure"])
        for one in WRITTEN["failed"]
    )
    assert {one["failure"] for one in WRITTEN["failed"]} == set(CODES)
    people = ("zero", "zero2", "weak", "down", "tick", "bounce", "refine", "none")
    assert set(day.people.tolist()) == {number_of(name) for name in people}
    assert day.ticketed.tolist() == [number_of("tick")]
    assert sorted(day.exposed.tolist()) == sorted([
        (number_of("tick"), True, 10, True), (number_of("none"), False, 10, False),
    ])  # fmt: skip
    kind = EpisodeKind(
        outcome="potential", closed=True, ended=True, form=False, survey="yes", unresolved=False,
        stage="read", definition=3,
    )  # fmt: skip
    assert day.kinds[kind] == 1
    assert day.waited[Waited(hours=168, outcome="abandoned", survey="")] == 5
    assert day.asked[SearchGroup(by="language", value="es", failure="zero")] == 1
    assert (day.ranks, day.took) == ({1: 1, 2: 1}, {30: 10})
    assert day.reasons == {("a", "did-not-work"): 1}
    assert day.last_end == datetime(2025, 3, 10, 12, 1, 30, tzinfo=UTC)
    again = packed(day)
    assert json.loads(json.dumps(again["counts"])) == ROW["counts"]
    assert {name: again[name] for name in PEOPLE} == {name: ROW[name] for name in PEOPLE}


def test_a_report_says_of_that_day_what_it_said_then(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(sa.insert(report_days).values(
            **(ROW | {"marks": 1, "counted": 1, "counted_at": datetime(2025, 3, 15, tzinfo=UTC)})
        ))  # fmt: skip
    day = date.fromisoformat(ROW["day"])
    told = report(database, DateRange(day, day), k=1, now=datetime(2025, 4, 1, tzinfo=UTC))
    expected = Counter(one["failure"] for one in WRITTEN["failed"])
    assert {figure.key: figure.numerator for figure in told.failures} == expected
    [others] = told.failing_words
    assert (others.classes, others.people) == (expected, 8)


@pytest.mark.parametrize("unknown", [7, 255])
def test_a_class_of_a_newer_version_is_left_out_and_breaks_nothing(unknown: int) -> None:
    """After a step back to this version, days counted by the newer one still open."""
    from kb.analytics.search_metrics import failing_words, grouped

    rows = unpacked(ROW).failed.copy()
    rows["failure"][0] = unknown
    [row] = failing_words(grouped(rows), 1, {})
    assert row.searches == len(rows)
    assert sum(row.classes.values()) == len(rows) - 1
