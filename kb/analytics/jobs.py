"""The periodic work of analytics: bring episodes and daily counts up to date, forget old words.

Running it twice, or in two workers at once, leaves the same rows as running it once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from kb.analytics import daily_counts_store, store
from kb.analytics.daily_counts_store import bring_up_to_date
from kb.analytics.definitions import DEFINITION_VERSION
from kb.analytics.episodes import ACTS, ASIDES, LATE, episodes
from kb.analytics.model import QueryDemand, TicketIndex, UnresolvedEpisode
from kb.analytics.outcomes import Waits, judge
from kb.database import Connection, Database, Row
from search.semantic.encoder import Progress, silent

MARGIN = timedelta(hours=1)  # for differing clocks and missed rounds
POLICY_REACH = timedelta(days=7)  # a ticket or email offered later than this would only confuse
DAYS_A_ROUND = 30  # days counted in one round; more are waiting only after an upgrade
BATCH = 100  # visitors in one transaction, so that pages never wait long for a lock


class EpisodeSettings(Protocol):
    """The settings that judging episodes needs."""

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
    """The result of one round: episodes judged, and unresolved ones that no policy has marked."""

    judged: int = 0
    unresolved: tuple[UnresolvedEpisode, ...] = ()


def close_episodes(
    db: Database, settings: EpisodeSettings, now: datetime, *, since: datetime | None = None
) -> Closed:
    """Bring the episodes of recently active visitors up to date; return what is unresolved.

    `since` looks further back, for events that came late out of the spool.
    """
    spans = Waits(settings.episode_gap, settings.outcome_window)
    with db.read() as connection:
        horizon = _horizon(connection, now, since or now, spans=spans)
        due = _due(connection, horizon, now, spans)
    judged = _judge_all(db, due, now, spans)
    bring_up_to_date(db, now, most=DAYS_A_ROUND)
    return Closed(judged, unresolved_without_policy(db, now))


def judge_again(
    db: Database,
    settings: EpisodeSettings,
    now: datetime,
    *,
    visitors: Collection[str],
    since: datetime,
) -> int:
    """Judge again those episodes of these visitors that a ticket at `since` or later can affect,
    however old they are; return how many.
    """
    spans = Waits(settings.episode_gap, settings.outcome_window)
    with db.read() as connection:
        due = _reached(connection, visitors, since, spans)
    return _judge_all(db, due, now, spans)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The result of a rebuild: episodes judged, rows that differ from the stored ones, days
    counted, and days whose counts differ from the stored ones.
    """

    judged: int
    rows: int
    days: int
    days_differ: int


def rebuild(
    db: Database,
    settings: EpisodeSettings,
    now: datetime,
    *,
    since: datetime,
    progress: Progress = silent,
) -> Rebuilt:
    """Judge every episode since `since` again from the raw events, then count every day again from
    its episodes; return how much differs. Episodes that changed since the worker's last round are
    brought up to date first and do not count as differences.

    After an interruption a new run starts over; batches already written stay. `progress` is called
    with (what, done, all).
    """
    spans = Waits(settings.episode_gap, settings.outcome_window)
    close_episodes(db, settings, now)
    bring_up_to_date(db, now)
    kinds = {kind.value for kind in ACTS | ASIDES}
    with db.read() as connection:
        latest, begun = store.activity(connection, since, kinds), store.starts(connection, since)
        kept = daily_counts_store.kept(connection)
    due = {v: min(since, begun.get(v, since)) for v in latest.keys() | begun.keys()}
    differ = judged = 0
    for done, chosen in enumerate(_batches(due)):
        progress("visitors", done * BATCH, len(due))
        with db.begin() as connection:
            before = store.stored(connection, chosen)
            judged += _close(connection, chosen, now, spans)
            after = store.stored(connection, chosen)
        differ += sum(before.get(key) != after.get(key) for key in before.keys() | after.keys())
    with db.begin() as connection:
        daily_counts_store.touch_all(connection)
    counted = bring_up_to_date(db, now, progress=lambda done, total: progress("days", done, total))
    with db.read() as connection:
        found = daily_counts_store.kept(connection)
    # A day that another process changed meanwhile is missing from one of them: no difference.
    changed = sum(kept[day] != found[day] for day in kept.keys() & found.keys())
    return Rebuilt(judged, differ, counted, changed)


def _judge_all(db: Database, due: Mapping[str, datetime], now: datetime, spans: Waits) -> int:
    judged = 0
    for chosen in _batches(due):
        with db.begin() as connection:
            judged += _close(connection, chosen, now, spans)
    return judged


def _batches(due: Mapping[str, datetime]) -> Iterator[dict[str, datetime]]:
    visitors = sorted(due)
    for start in range(0, len(visitors), BATCH):
        yield {visitor: due[visitor] for visitor in visitors[start : start + BATCH]}


def _horizon(connection: Connection, now: datetime, since: datetime, *, spans: Waits) -> datetime:
    """Return the time from which events are read: an earlier round may not have seen them."""
    usual = now - spans.gap - max(spans.window, LATE) - MARGIN
    last = store.last_seen(connection)
    return min(usual, since - spans.gap, last - spans.gap - MARGIN if last else usual)


def _due(
    connection: Connection, horizon: datetime, now: datetime, spans: Waits
) -> dict[str, datetime]:
    """Return the visitors whose episodes may have changed, with the time to read from."""
    latest = store.activity(connection, horizon, {kind.value for kind in ACTS | ASIDES})
    known = store.known(connection, horizon)
    changed = {
        visitor
        for visitor in latest.keys() | known.keys()
        if _changed(known.get(visitor, []), latest.get(visitor, 0), now, spans=spans)
    }
    due = {visitor: _from(known.get(visitor, []), horizon) for visitor in changed}
    return due | _ticketed(connection, horizon, spans)


def _ticketed(connection: Connection, horizon: datetime, spans: Waits) -> dict[str, datetime]:
    """Return visitors with a ticket since the horizon, with the time to read from."""
    visitors = store.visitors_of(connection, store.tickets_since(connection, horizon))
    return _reached(connection, visitors, horizon, spans)


def _reached(
    connection: Connection, visitors: Collection[str], since: datetime, spans: Waits
) -> dict[str, datetime]:
    """Return these visitors with the start of the oldest episode that a ticket can affect."""
    begun = store.first_starts(connection, visitors, since - spans.reach)
    return {visitor: min(since, begun.get(visitor, since)) for visitor in visitors}


def _changed(rows: Sequence[Row[Any]], latest: int, now: datetime, *, spans: Waits) -> bool:
    """Return whether there is a newer event, a wait that is over, or a newer definition."""
    if latest > max((int(row.data.get("seq", 0)) for row in rows), default=0):
        return True
    return any(
        row.definition != DEFINITION_VERSION
        or (not row.ended and now - row.ended_at > spans.gap)
        or (not row.closed and now - row.ended_at > spans.window)
        for row in rows
    )


def _from(rows: Sequence[Row[Any]], horizon: datetime) -> datetime:
    """Return a time to read from that cuts no episode of the visitor in two."""
    starts: list[datetime] = [row.started_at for row in rows]
    return min([horizon, *starts])


def _close(connection: Connection, due: Mapping[str, datetime], now: datetime, spans: Waits) -> int:
    found = store.events_of(connection, sorted(due), due)
    tickets = TicketIndex(store.tickets_since(connection, min(due.values()), found))
    judged = [
        judge(one, tickets.candidates(one), now, spans=spans) for one in episodes(found, spans.gap)
    ]
    store.replace(connection, judged, due, definition=DEFINITION_VERSION)
    return len(judged)


def unresolved_without_policy(db: Database, now: datetime) -> tuple[UnresolvedEpisode, ...]:
    """Return unresolved episodes of signed-in people, of the last week and without policy mark."""
    with db.read() as connection:
        return store.unresolved_without_policy(connection, now - POLICY_REACH)


def demand(db: Database, since: datetime, threshold: int) -> tuple[QueryDemand, ...]:
    """Return the queries that failed for `threshold` or more distinct people since `since`."""
    with db.read() as connection:
        return store.demand(connection, since, threshold)


def purge(db: Database, settings: EpisodeSettings, now: datetime, *, retention: timedelta) -> int:
    """Erase words older than `retention` and salts no longer needed; return events changed."""
    with db.begin() as connection:
        store.forget_salts(connection, oldest_salt(settings, now))
        return store.forget_words(connection, now - retention)


def oldest_salt(settings: EpisodeSettings, now: datetime) -> str:
    """Return the first UTC day whose salt is still needed, as YYYY-MM-DD."""
    # At least yesterday's: a form opened before midnight may be sent after it.
    needed = now - max(settings.episode_gap + settings.outcome_window, timedelta(days=2))
    return needed.date().isoformat()


def mark_policy(connection: Connection, episode_id: str, what: str) -> bool:
    """Mark an episode, in an open transaction, with what a policy did; False if marked before."""
    return store.mark_policy(connection, episode_id, what)
