"""The periodic work of insight: episodes brought up to date, words forgotten in time.

Promises that running it twice, or in two workers at once, leaves the same rows as running it
once. Knows the order of steps; rules and SQL are elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from kb.db import Connection, Database, Row
from kb.insight import store
from kb.insight.definitions import DEFINITION_VERSION
from kb.insight.episodes import ACTS, ASIDES, LATE, episodes
from kb.insight.facts import Demand, EndedEpisode, TicketIndex
from kb.insight.judging import Spans, judge
from kb.insight.unmet import store as unmet

MARGIN = timedelta(hours=1)  # clocks of several machines, and rounds that were missed
POLICY_REACH = timedelta(days=7)  # an offer later than this would puzzle rather than help
BATCH = 50  # visitors in one transaction, so that pages never wait long for a lock


class HasSpans(Protocol):
    """The settings that closing reads."""

    @property
    def episode_gap(self) -> timedelta:
        """Silence that ends an episode."""
        ...

    @property
    def outcome_window(self) -> timedelta:
        """Wait for a ticket."""
        ...


@dataclass(frozen=True, slots=True)
class Closed:
    """What one round did: episodes looked at, and those newly ended with the need unmet."""

    judged: int = 0
    unresolved: tuple[EndedEpisode, ...] = ()


def close_episodes(
    db: Database, settings: HasSpans, now: datetime, *, since: datetime | None = None
) -> Closed:
    """Bring the episodes of everybody active lately up to date; return what is newly unmet.

    `since` reaches further back, for events that came out of the spool late.
    """
    spans = Spans(settings.episode_gap, settings.outcome_window)
    with db.read() as connection:
        horizon = _horizon(connection, now, since or now, spans=spans)
        due = _due(connection, horizon, now, spans)
    judged = _judge_all(db, due, now, spans)
    return Closed(judged, unresolved_without_policy(db, now))


def judge_again(
    db: Database, settings: HasSpans, now: datetime, *, visitors: Collection[str], since: datetime
) -> int:
    """Judge anew these visitors' episodes that a ticket at `since` or later can reach, however old
    they are; return how many.
    """
    spans = Spans(settings.episode_gap, settings.outcome_window)
    with db.read() as connection:
        due = _reached(connection, visitors, since, spans)
    return _judge_all(db, due, now, spans)


def rebuild(db: Database, settings: HasSpans, now: datetime, *, since: datetime) -> tuple[int, int]:
    """Judge every episode of `since` and later anew from the raw events; return how many were
    judged, and how many of the rows of then differ from what was stored.
    """
    spans = Spans(settings.episode_gap, settings.outcome_window)
    kinds = {kind.value for kind in ACTS | ASIDES}
    with db.read() as connection:
        stored = store.judged_since(connection, since)
        latest, known = store.activity(connection, since, kinds), store.known(connection, since)
        due = {v: _from(known.get(v, []), since) for v in latest.keys() | known.keys()}
    judged = _judge_all(db, due, now, spans)
    with db.read() as connection:
        found = store.judged_since(connection, since)
    return judged, sum(stored.get(key) != found.get(key) for key in stored.keys() | found.keys())


def _judge_all(db: Database, due: Mapping[str, datetime], now: datetime, spans: Spans) -> int:
    visitors = sorted(due)
    judged = 0
    for start in range(0, len(visitors), BATCH):
        chosen = {visitor: due[visitor] for visitor in visitors[start : start + BATCH]}
        with db.begin() as connection:
            judged += _close(db, connection, chosen, now, spans)
    return judged


def _horizon(connection: Connection, now: datetime, since: datetime, *, spans: Spans) -> datetime:
    """Return from when on events are looked at: all that an earlier round may not have seen."""
    usual = now - spans.gap - max(spans.window, LATE) - MARGIN
    last = store.last_seen(connection)
    return min(usual, since - spans.gap, last - spans.gap - MARGIN if last else usual)


def _due(
    connection: Connection, horizon: datetime, now: datetime, spans: Spans
) -> dict[str, datetime]:
    """Return the visitors whose episodes may have changed, with the time to look from."""
    latest = store.activity(connection, horizon, {kind.value for kind in ACTS | ASIDES})
    known = store.known(connection, horizon)
    changed = {
        visitor
        for visitor in latest.keys() | known.keys()
        if _changed(known.get(visitor, []), latest.get(visitor, 0), now, spans=spans)
    }
    due = {visitor: _from(known.get(visitor, []), horizon) for visitor in changed}
    return due | _ticketed(connection, horizon, spans)


def _ticketed(connection: Connection, horizon: datetime, spans: Spans) -> dict[str, datetime]:
    """Return whoever got a ticket since the horizon, from the oldest episode that it reaches."""
    visitors = store.visitors_of(connection, store.tickets_since(connection, horizon))
    return _reached(connection, visitors, horizon, spans)


def _reached(
    connection: Connection, visitors: Collection[str], since: datetime, spans: Spans
) -> dict[str, datetime]:
    """Return these visitors with the start of the oldest episode that a ticket of then reaches."""
    begun = store.first_starts(connection, visitors, since - spans.reach)
    return {visitor: min(since, begun.get(visitor, since)) for visitor in visitors}


def _changed(rows: Sequence[Row[Any]], latest: int, now: datetime, *, spans: Spans) -> bool:
    """Return whether there is a newer event, a span that has passed, or a newer definition."""
    if latest > max((int(row.data.get("seq", 0)) for row in rows), default=0):
        return True
    return any(
        row.definition != DEFINITION_VERSION
        or (not row.ended and now - row.ended_at > spans.gap)
        or (not row.closed and now - row.ended_at > spans.window)
        for row in rows
    )


def _from(rows: Sequence[Row[Any]], horizon: datetime) -> datetime:
    """Return a time at which no episode of the visitor is cut in two."""
    starts: list[datetime] = [row.started_at for row in rows]
    return min([horizon, *starts])


def _close(
    db: Database, connection: Connection, due: Mapping[str, datetime], now: datetime, spans: Spans
) -> int:
    found = store.events_of(connection, sorted(due), due)
    tickets = TicketIndex(store.tickets_since(connection, min(due.values())))
    judged = [
        judge(one, tickets.candidates(one), now, spans=spans) for one in episodes(found, spans.gap)
    ]
    store.replace(db, connection, judged, due, definition=DEFINITION_VERSION)
    return len(judged)


def unresolved_without_policy(db: Database, now: datetime) -> tuple[EndedEpisode, ...]:
    """Return signed-in people's unresolved episodes of the last week that no policy has marked."""
    with db.read() as connection:
        return unmet.unresolved_without_policy(connection, now - POLICY_REACH)


def demand(db: Database, since: datetime, threshold: int) -> tuple[Demand, ...]:
    """Return the words on which `threshold` or more distinct people failed since then."""
    with db.read() as connection:
        return unmet.demand(connection, since, threshold)


def purge(db: Database, settings: HasSpans, now: datetime, *, retention: timedelta) -> int:
    """Forget words older than `retention` and salts no longer needed; return events emptied."""
    with db.begin() as connection:
        store.forget_salts(connection, oldest_salt(settings, now))
        return store.forget_words(connection, now - retention)


def oldest_salt(settings: HasSpans, now: datetime) -> str:
    """Return the first UTC day whose salt is still needed, as YYYY-MM-DD."""
    # Yesterday's at least: a form opened before midnight may be sent after it.
    needed = now - max(settings.episode_gap + settings.outcome_window, timedelta(days=2))
    return needed.date().isoformat()


def mark_policy(connection: Connection, episode_id: str, what: str) -> bool:
    """Note on an open transaction what a policy did; False when another was there first."""
    return unmet.mark_policy(connection, episode_id, what)
