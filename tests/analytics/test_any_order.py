"""Reports equal a slow model written straight from docs/metrics.md, whatever comes when.

A state machine records what visitors do in any order: late, twice, from other systems, with rounds
of the worker between. In the end the stored figures are those of the model, which sees all events
at once and knows nothing of episodes kept, horizons or rounds.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from kb.analytics.external_tickets.reading import OutsideTicket
from kb.analytics.external_tickets.service import MatchedPerson, _event, import_tickets
from kb.analytics.jobs import close_episodes, rebuild
from kb.analytics.report import DateRange, Report
from kb.analytics.service import report
from kb.config.settings import load
from kb.database import Database
from kb.tracking.events import Event, EventKind
from kb.tracking.store import put_all

START = datetime(2025, 3, 1, tzinfo=UTC)
SPAN = DateRange(date(2025, 3, 1), date(2025, 4, 30))
GAP, WINDOW = timedelta(minutes=30), timedelta(hours=24)
SETTINGS = load({})

VISITORS = st.sampled_from(["ana", "ben", "eve"])
ACTS = st.sampled_from([
    ("view", {"article": "a"}), ("view", {"article": "b"}),
    ("dwell", {"article": "a", "seconds": 4}), ("dwell", {"article": "a", "seconds": 40}),
    ("vote", {"article": "a", "helpful": True}),
    ("vote", {"article": "a", "helpful": False}), ("solved", {"article": "b"}), ("search", {}),
    ("form_opened", {}), ("form_withdrawn", {}), ("ticket_created", {"origin": "asked"}),
    ("holdout", {"arm": "shown", "share": 10}), ("holdout", {"arm": "held_out", "share": 10}),
    ("survey_shown", {}), ("survey_answered", {"found": True}),
    ("survey_answered", {"found": False}),
])  # fmt: skip
MINUTES = st.integers(0, 3 * 24 * 60) | st.integers(0, 90)


# -- the model ----------------------------------------------------------------------------------


def model(events: dict[str, Event], now: datetime) -> list[dict[str, Any]]:
    """Return what each episode was, from all events."""
    found = []
    for visitor in sorted({event.visitor for event in events.values() if event.visitor}):
        mine = [e for e in events.values() if e.visitor == visitor and not e.left_out]
        mine.sort(key=lambda event: (event.at, event.id))
        found += list(_visits(mine, now))
    return found


ASIDE = {"holdout", "survey_shown", "survey_answered", "suggestion_shown"}


def _visits(mine: list[Event], now: datetime) -> Iterator[dict[str, Any]]:
    visits: list[list[Event]] = []
    ends: list[datetime] = []
    for event in mine:
        if event.kind in ASIDE:
            continue
        near = bool(ends) and event.at - ends[-1] <= GAP
        if event.kind in {"dwell", "ticket_created"} and not near:
            if visits and event.at - ends[-1] <= timedelta(days=1):
                visits[-1].append(event)
        elif near:
            visits[-1].append(event)
            ends[-1] = event.at
        else:
            visits.append([event])
            ends.append(event.at)
    tickets = [e.at for e in mine if e.kind == "ticket_created"]
    for visit, end in zip(visits, ends, strict=True):
        beside = [e for e in mine if e.kind in ASIDE and _during(e, visits, ends) is visit]
        yield _judged(visit, end, beside, tickets, now)


def _during(aside: Event, visits: list[list[Event]], ends: list[datetime]) -> list[Event] | None:
    """The last visit begun by then, unless it was over."""
    begun = [
        (visit, end) for visit, end in zip(visits, ends, strict=True) if visit[0].at <= aside.at
    ]
    return begun[-1][0] if begun and aside.at <= begun[-1][1] + GAP else None


def _judged(
    visit: list[Event], end: datetime, beside: list[Event], tickets: list[datetime], now: datetime
) -> dict[str, Any]:
    begin = visit[0].at
    after = [(at - end).total_seconds() for at in tickets if at >= begin]
    first = {e.kind: e.data for e in reversed(beside)}
    otherwise = _otherwise(visit, end)
    ticketed = any(wait <= WINDOW.total_seconds() for wait in after)
    heard = "shown" if "survey_shown" in first else ""
    if "survey_answered" in first:
        heard = "yes" if first["survey_answered"]["found"] else "no"
    return {
        "visitor": visit[0].visitor,
        "begin": begin,
        "closed": now - end > WINDOW,
        "outcome": "ticketed" if ticketed else otherwise,
        "otherwise": otherwise,
        "after": min(after, default=None),
        "form": any(e.kind == "form_opened" for e in visit),
        "arm": first.get("holdout", {}).get("arm", ""),
        "survey": heard,
        "old": now - end > timedelta(days=7),
    }


def _otherwise(visit: list[Event], end: datetime) -> str:
    last = {e.article: e.data["helpful"] for e in visit if e.kind == "vote"}
    if any(last.values()) or any(e.kind in {"solved", "form_withdrawn"} for e in visit):
        return "confirmed"
    for article in {e.article for e in visit if e.kind == "view"}:
        if last.get(article, True) and _seconds(visit, article or "", end) >= 10:
            return "potential"
    return "abandoned"


def _seconds(visit: list[Event], article: str, end: datetime) -> float:
    """The longest time reported, else the longest time from a view to the next other act."""
    told = [e.data["seconds"] for e in visit if e.kind == "dwell" and e.article == article]
    if told:
        return max(told)
    spans = [0.0]
    for place, event in enumerate(visit):
        if event.kind == "view" and event.article == article:
            rest = [e for e in visit[place + 1 :] if e.kind != "dwell" and e.at <= end
                    and not (e.kind == "view" and e.article == article)]  # fmt: skip
            spans += [(e.at - event.at).total_seconds() for e in rest[:1]]
    return max(spans)


def agrees(told: Report, visits: list[dict[str, Any]]) -> None:
    """Compare the report's figures with the model's, counted one by one."""
    closed = [visit for visit in visits if visit["closed"]]
    counted = Counter(visit["outcome"] for visit in closed)
    counted["open"] = len(visits) - len(closed)
    assert {f.key: f.numerator for f in told.outcomes} == {
        key: counted[key] for key in ("ticketed", "confirmed", "potential", "abandoned", "open")
    }
    assert told.deflection_lower.numerator == counted["confirmed"]
    assert told.deflection_upper.numerator == counted["confirmed"] + counted["potential"]
    heard = Counter(v["survey"] for v in closed if v["outcome"] == "potential")
    silence = told.deflection.silence
    assert (silence.yes, silence.no) == (heard["yes"], heard["no"])
    assert silence.asked == heard["yes"] + heard["no"] + heard["shown"]
    form = sum(visit["form"] for visit in closed)
    assert [group.closed for group in told.deflection.populations] == [form, len(closed) - form]
    first: dict[str, dict[str, Any]] = {}
    for visit in sorted(closed, key=lambda one: one["begin"]):
        if visit["arm"]:
            first.setdefault(visit["visitor"], visit)
    arms = told.deflection.arms
    for arm, people, tickets in (("shown", arms.shown, arms.shown_tickets),
                                 ("held_out", arms.held_out, arms.held_out_tickets)):  # fmt: skip
        drawn = [visit for visit in first.values() if visit["arm"] == arm]
        assert people == len(drawn)
        assert tickets == sum(visit["outcome"] == "ticketed" for visit in drawn)
    for group, hours in zip(told.deflection.waits, (1, 24, 168), strict=True):
        young = {visit["begin"].date() for visit in visits if not visit["old"]}
        old = [visit for visit in closed if visit["begin"].date() not in young]
        waited = [v for v in old if v["after"] is not None and v["after"] <= hours * 3600]
        rest = Counter(v["otherwise"] for v in old if v not in waited)
        assert (group.closed, group.ticketed.numerator) == (len(old), len(waited))
        assert group.lower.numerator == rest["confirmed"]


# -- the machine --------------------------------------------------------------------------------


class Record(RuleBasedStateMachine):
    """A site's record over days."""

    template: Path

    @initialize()
    def opens(self) -> None:
        self.folder = tempfile.mkdtemp()
        file = Path(self.folder) / "record.db"
        shutil.copy(self.template, file)
        self.db = Database(f"sqlite:///{file}")
        self.events: dict[str, Event] = {}
        self.now = START

    @rule(visitor=VISITORS, act=ACTS, pause=st.integers(0, 45))
    def does(self, visitor: str, act: tuple[str, dict[str, Any]], pause: int) -> None:
        """Somebody does something, after a pause of so many minutes."""
        self.now += timedelta(minutes=pause)
        self._put(visitor, act, self.now)

    @rule(visitor=VISITORS, act=ACTS, ago=MINUTES)
    def comes_late(self, visitor: str, act: tuple[str, dict[str, Any]], ago: int) -> None:
        """An event comes out of the spool, and is judged as the worker does."""
        at = max(START, self.now - timedelta(minutes=ago))
        self._put(visitor, act, at)
        close_episodes(self.db, SETTINGS, self.now, since=at)

    @rule(visitor=VISITORS, ago=st.integers(0, 20 * 24 * 60))
    def is_told_of_a_ticket(self, visitor: str, ago: int) -> None:
        """Another system tells of a ticket of then."""
        ticket = OutsideTicket(f"{len(self.events)}", max(START, self.now - timedelta(minutes=ago)))
        event = _event(ticket, MatchedPerson(visitor), "desk")
        self.events[event.id] = event
        import_tickets(
            self.db,
            SETTINGS,
            [ticket],
            lambda _: MatchedPerson(visitor),
            source="desk",
            now=self.now,
        )

    @rule(which=st.integers(0, 999))
    def hears_twice(self, which: int) -> None:
        """An event is sent again."""
        if self.events:
            put_all(self.db, [list(self.events.values())[which % len(self.events)]])

    @rule(hours=st.sampled_from([0, 1, 5, 26, 200]))
    def works(self, hours: int) -> None:
        """Time passes, and the worker makes a round."""
        self.now += timedelta(hours=hours)
        close_episodes(self.db, SETTINGS, self.now)

    def _put(self, visitor: str, act: tuple[str, dict[str, Any]], at: datetime) -> None:
        kind, data = act
        more = dict(data)
        article = more.pop("article", None)
        if kind == "search":
            more |= {"total": 3, "answerable": True, "surface": "page"}
        name = f"e{len(self.events):03d}"
        event = Event(name, at, EventKind(kind), visitor, article=article, data=more,
                      search_id=name if kind == "search" else None,
                      words_key=name if kind == "search" else None)  # fmt: skip
        self.events[name] = event
        put_all(self.db, [event])

    def teardown(self) -> None:
        """Compare: as the rounds left it, and judged anew."""
        if not hasattr(self, "db"):
            return
        try:
            close_episodes(self.db, SETTINGS, self.now)
            visits = model(self.events, self.now)
            agrees(report(self.db, SPAN, k=1, now=self.now), visits)
            done = rebuild(self.db, SETTINGS, self.now, since=START)
            assert (done.rows, done.days_differ) == (0, 0)
        finally:
            self.db.close()
            shutil.rmtree(self.folder)


@pytest.fixture
def empty(request: pytest.FixtureRequest) -> Path:
    """Return an empty, migrated SQLite file to copy."""
    return Path(request.getfixturevalue("_sqlite_template"))


def test_reports_equal_the_model(empty: Path) -> None:
    Record.template = empty
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Record,
        settings=settings(
            max_examples=60, stateful_step_count=25, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
