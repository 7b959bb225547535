"""What answers changed, from the record; and kept, because searches are forgotten.

Promises that the counts of an answer stay as they were once both spans are over, whatever is
forgotten later. Knows the order of steps; rules and SQL are elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta

from kb.analytics.daily_counts_store import searches_by_day
from kb.database import Connection, Database
from kb.gaps import store as gaps
from kb.gaps.cycle import store
from kb.gaps.cycle.figures import Answered, Effect, Failures, effect
from kb.gaps.cycle.spans import LONGEST, SETTLED, Spans, spans
from kb.gaps.gap import Event, Gap
from kb.gaps.reading import name_of

SearchesByDay = Callable[[Connection, date, date], Mapping[date, int]]


def keep(db: Database, now: datetime, *, retention: timedelta) -> int:
    """Keep the counts of each answer whose spans are over, once; return how many."""
    with db.read() as connection:
        told = store.answers(connection, now - retention, now - SETTLED - timedelta(days=LONGEST))
        known = store.kept(connection, now - retention, now)
        due = {
            event.gap_id: event
            for event in told
            if (event.gap_id, event.at) not in known
            and (held := spans(event.at, now))
            and held.whole
            and held.start >= now - retention
        }
        wanted = {gap_id: Spans(event.at.date(), LONGEST) for gap_id, event in due.items()}
        found = store.failures(connection, wanted)
    if not found:
        return 0
    with db.begin() as connection:
        counted = {(gap_id, due[gap_id].at): each for gap_id, each in found.items()}
        return store.keep(db, connection, counted)


def effects(
    connection: Connection,
    start: datetime,
    end: datetime,
    *,
    k: int,
    now: datetime,
    retention: timedelta,
    searches: SearchesByDay = searches_by_day,
) -> tuple[Effect, ...]:
    """Return the first answer of each gap in [start, end) with what it changed, the latest first;
    `k` and `retention` as the settings. `searches` gives those of all by UTC day.
    """
    told = store.answers(connection, start, end)
    if not told:
        return ()
    answers = _answers(connection, told, k)
    compared = {each.gap_id: spans(each.answered_at, now) for each in answers}
    kept = store.kept(connection, start, end)
    live = {
        each.gap_id: held
        for each in answers
        if (each.gap_id, each.answered_at) not in kept
        and (held := compared[each.gap_id] or Spans(each.answered_at.date(), 0)).start
        >= now - retention
    }
    counted: dict[str, Failures] = store.failures(connection, live)
    counted |= {gap_id: found for (gap_id, _), found in kept.items()}
    days = [each for each in compared.values() if each]
    first, last = (
        (min(d.before for d in days), max(d.after for d in days)) if days else (None, None)
    )
    by_day = searches(connection, first, last) if first and last else {}
    found = [
        effect(each, compared[each.gap_id], counted.get(each.gap_id), by_day) for each in answers
    ]
    return tuple(sorted(found, key=lambda one: one.answer.answered_at, reverse=True))


def _answers(connection: Connection, told: Sequence[Event], k: int) -> list[Answered]:
    again = store.opened_again(connection, min(event.at for event in told))
    known = store.created(connection, [event.gap_id for event in told])
    every = {gap.id: gap for gap in gaps.every(connection)}
    return [
        _answered(every[event.gap_id], event, known[event.gap_id], again.get(event.gap_id, ()), k)
        for event in told
        if event.gap_id in every
    ]


def _answered(
    gap: Gap, event: Event, known_at: datetime, again: Sequence[datetime], k: int
) -> Answered:
    return Answered(
        gap_id=gap.id,
        number=gap.number,
        name=name_of(gap) if gap.people >= k else gap.title,
        people=gap.people,
        merged=bool(gap.became_id),
        known_at=known_at,
        answered_at=event.at,
        article=str(event.data.get("article", "")),
        commit=str(event.data.get("commit", "")),
        again_at=next((at for at in again if at > event.at), None),
    )
