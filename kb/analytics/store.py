"""Episodes, failed searches, tickets and unmet needs in the database.

Judging a visitor's episodes again replaces the rows stored before, but a policy's mark on an
episode is kept. Only one policy can mark an episode. Tickets are read from the service desk and
from the event log; whether a ticket belongs to a person's episode is decided in `episodes`. Unmet
needs count distinct people over ended episodes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from kb.analytics.daily_counts_store import touch
from kb.analytics.model import JudgedEpisode, QueryDemand, TicketSeen, UnresolvedEpisode
from kb.database import insert_into
from kb.schema import episodes, events, failed_searches, salts, tickets
from kb.tracking.events import Event, EventKind
from kb.tracking.query_text import favourite
from kb.tracking.store import event_of

# -- Episodes and failed searches --


CHUNK = 400  # values in one IN (...); SQLite before 3.32 took 999
_WORDS_IN_DATA = ("searched_for", "suggestion", "reason")


# -- Reading what has to be judged --


def activity(connection: Connection, since: datetime, kinds: Collection[str]) -> dict[str, int]:
    """Return the `seq` of each visitor's latest event at or after `since`."""
    query = (
        sa.select(events.c.visitor, sa.func.max(events.c.seq))
        .where(
            events.c.at >= since,
            events.c.left_out == "",
            events.c.visitor != "",
            events.c.kind.in_(sorted(kinds)),
        )
        .group_by(events.c.visitor)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def known(connection: Connection, since: datetime) -> dict[str, list[Any]]:
    """Return each visitor's stored episodes that ended at or after `since` or are not closed."""
    columns = sa.select(
        episodes.c.id,
        episodes.c.visitor,
        episodes.c.started_at,
        episodes.c.ended_at,
        episodes.c.ended,
        episodes.c.closed,
        episodes.c.definition,
        episodes.c.data,
    )
    # Two queries, each of which uses its own index.
    rows = {
        row.id: row
        for condition in (episodes.c.ended_at >= since, ~episodes.c.closed)
        for row in connection.execute(columns.where(condition))
    }
    found: dict[str, list[Any]] = {}
    for row in rows.values():
        found.setdefault(row.visitor, []).append(row)
    return found


def first_starts(
    connection: Connection, visitors: Collection[str], since: datetime
) -> dict[str, datetime]:
    """Return the start of each visitor's first stored episode that ended at `since` or later."""
    found: dict[str, datetime] = {}
    for chunk in chunks(sorted(visitors)):
        query = (
            sa.select(episodes.c.visitor, sa.func.min(episodes.c.started_at))
            .where(episodes.c.visitor.in_(chunk), episodes.c.ended_at >= since)
            .group_by(episodes.c.visitor)
        )
        found |= {row[0]: row[1] for row in connection.execute(query)}
    return found


def starts(connection: Connection, since: datetime) -> dict[str, datetime]:
    """Return the start of each visitor's first episode that ended at `since` or later or is not
    closed.
    """
    query = (
        sa.select(episodes.c.visitor, sa.func.min(episodes.c.started_at))
        .where(sa.or_(episodes.c.ended_at >= since, ~episodes.c.closed))
        .group_by(episodes.c.visitor)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def stored(
    connection: Connection, since: Mapping[str, datetime]
) -> dict[tuple[str, str], tuple[Any, ...]]:
    """Return stored episodes and failed searches by (table name, id), for each visitor from the
    time in `since` on.
    """
    rows = _theirs(connection, episodes, "started_at", since)
    found = {("episodes", row.id): tuple(row) for row in rows}
    rows = _theirs(connection, failed_searches, "at", since)
    return found | {("failed_searches", row.search_id): tuple(row) for row in rows}


def events_of(
    connection: Connection, visitors: Sequence[str], since: Mapping[str, datetime]
) -> list[Event]:
    """Return the events of these visitors, for each from the time in `since` on."""
    found: list[Event] = []
    for chunk in chunks(visitors):
        query = sa.select(events).where(
            events.c.visitor.in_(chunk),
            events.c.at >= min(since[visitor] for visitor in chunk),
            events.c.left_out == "",
        )
        rows = connection.execute(query)
        found += [event_of(row) for row in rows if row.at >= since[row.visitor]]
    return found


def last_seen(connection: Connection) -> datetime | None:
    """Return the end of the latest stored episode; without one, the time of the first event."""
    last: datetime | None = connection.scalar(sa.select(sa.func.max(episodes.c.ended_at)))
    return last or connection.scalar(sa.select(sa.func.min(events.c.at)))


def approving(connection: Connection, since: datetime) -> list[str]:
    """Return, sorted, the visitors who since `since` said "solved" or voted on an article."""
    query = (
        sa.select(events.c.visitor)
        .distinct()
        .where(
            events.c.at >= since,
            events.c.kind.in_([EventKind.SOLVED.value, EventKind.VOTE.value]),
            events.c.left_out == "",
            events.c.visitor != "",
            events.c.article.is_not(None),
        )
        .order_by(events.c.visitor)
    )
    return list(connection.scalars(query))


# -- Writing what was judged --


def replace(
    connection: Connection,
    judged: Sequence[JudgedEpisode],
    since: Mapping[str, datetime],
    *,
    definition: int,
) -> None:
    """Replace the rows of these visitors, for each from the time in `since` on, by `judged`, and
    mark the days as changed.
    """
    policies, days = _forget_stale(connection, judged, since)
    ordered = sorted(judged, key=lambda one: one.episode.id)
    rows = [
        _episode_row(one, definition) | {"policy": policies.get(one.episode.id, "")}
        for one in ordered
    ]
    _upsert(connection, episodes, rows, keep="policy")
    for heir, policy in policies.items():  # its row may exist without a mark
        unmarked = (episodes.c.id == heir) & (episodes.c.policy == "")
        connection.execute(sa.update(episodes).where(unmarked).values(policy=policy))
    _upsert(connection, failed_searches, _failed_rows(judged, definition))
    touch(connection, days | {one.episode.started_at.date() for one in judged})


def _forget_stale(
    connection: Connection, judged: Sequence[JudgedEpisode], since: Mapping[str, datetime]
) -> tuple[dict[str, str], set[date]]:
    """Delete rows that were not judged again; return the policy marks to pass to overlapping
    episodes, by the new id, and the days of the deleted episodes.

    Late events may join two episodes or start one earlier, which gives it another id.
    """
    kept = {one.episode.id for one in judged}
    mine: dict[str, list[JudgedEpisode]] = {}
    for one in judged:
        mine.setdefault(one.episode.visitor, []).append(one)
    gone = [row for row in _theirs(connection, episodes, "started_at", since) if row.id not in kept]
    inherited = {
        heir: row.policy
        for row in gone
        if row.policy and (heir := _heir(row, mine.get(row.visitor, ())))
    }
    _delete(connection, episodes.c.id, [row.id for row in gone])
    failed = _ids(judged)
    rows = _theirs(connection, failed_searches, "at", since)
    stale = [row.search_id for row in rows if row.search_id not in failed]
    _delete(connection, failed_searches.c.search_id, stale)
    return inherited, {row.started_at.date() for row in gone}


def _theirs(
    connection: Connection, table: sa.Table, time: str, since: Mapping[str, datetime]
) -> list[Row[Any]]:
    """Return the rows of these visitors, for each from the time in `since` on."""
    found: list[Row[Any]] = []
    for chunk in chunks(sorted(since)):
        query = sa.select(table).where(
            table.c.visitor.in_(chunk), table.c[time] >= min(since[each] for each in chunk)
        )
        rows = connection.execute(query)
        found += [row for row in rows if getattr(row, time) >= since[row.visitor]]
    return found


def _delete(connection: Connection, column: sa.Column[Any], values: Sequence[str]) -> None:
    for chunk in chunks(values):
        connection.execute(sa.delete(column.table).where(column.in_(chunk)))


def _ids(judged: Iterable[JudgedEpisode]) -> set[str]:
    return {search_id for one in judged for search_id in one.failures}


def _heir(row: Row[Any], judged: Iterable[JudgedEpisode]) -> str | None:
    """Return the id of the judged episode that overlaps the row's, None without one."""
    for one in judged:
        if one.episode.started_at <= row.ended_at and one.episode.ended_at >= row.started_at:
            return one.episode.id
    return None


def _episode_row(one: JudgedEpisode, definition: int) -> dict[str, Any]:
    episode = one.episode
    return {
        "id": episode.id,
        "visitor": episode.visitor,
        "user_id": episode.user_id or None,
        "started_at": episode.started_at,
        "ended_at": episode.ended_at,
        "outcome": one.outcome.value,
        "ended": one.ended,
        "closed": one.closed,
        "unresolved": one.unresolved,
        "definition": definition,
        "data": dict(one.data),
    }


def _failed_rows(judged: Sequence[JudgedEpisode], definition: int) -> list[dict[str, Any]]:
    rows = [
        {
            "search_id": search.id,
            "episode_id": one.episode.id,
            "at": search.at,
            "visitor": one.episode.visitor,
            "failure": one.failures[search.id].value,
            "words": search.words or None,
            "words_key": search.words_key,
            "language": search.language[:16],
            "definition": definition,
        }
        for one in judged
        for search in one.searches
        if search.id in one.failures
    ]
    return sorted(rows, key=lambda row: str(row["search_id"]))


def _upsert(
    connection: Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    keep: str = "",
) -> None:
    """Insert the rows; update existing ones, by primary key, in all columns except `keep`."""
    if not rows:
        return
    insert = insert_into(connection, table)
    keys = [column.name for column in table.primary_key]
    changed = {name: insert.excluded[name] for name in rows[0] if name not in keys and name != keep}
    statement = insert.on_conflict_do_update(index_elements=keys, set_=changed)
    connection.execute(statement, [dict(row) for row in rows])


# -- Retention --


def forget_words(connection: Connection, before: datetime) -> int:
    """Erase the words of events and failed searches before `before`; return how many events."""
    connection.execute(
        sa.update(failed_searches)
        .where(failed_searches.c.at < before, failed_searches.c.words.is_not(None))
        .values(words=None)
    )
    worded = sa.or_(events.c.words.is_not(None), events.c.kind == EventKind.VOTE.value)
    query = sa.select(events.c.seq, events.c.data).where(events.c.at < before, worded)
    rows = [row for row in connection.execute(query) if _has_words(row.data)]
    for row in rows:
        bare = {name: value for name, value in row.data.items() if name not in _WORDS_IN_DATA}
        connection.execute(sa.update(events).where(events.c.seq == row.seq).values(data=bare))
    emptied = connection.execute(
        sa.update(events)
        .where(events.c.at < before, events.c.words.is_not(None))
        .values(words=None)
    )
    return emptied.rowcount


def _has_words(data: Mapping[str, Any]) -> bool:
    return any(name in data for name in _WORDS_IN_DATA)


def forget_salts(connection: Connection, before_day: str) -> int:
    """Delete the salts of days before `before_day`; return how many."""
    return connection.execute(sa.delete(salts).where(salts.c.day < before_day)).rowcount


def chunks(values: Sequence[str]) -> Iterable[Sequence[str]]:
    """Return the values in parts small enough for one query."""
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


# -- Tickets and their visitors --


def tickets_since(
    connection: Connection, since: datetime, of: Collection[Event] | None = None
) -> tuple[TicketSeen, ...]:
    """Return the tickets since `since`, from the service desk and from the event log: all, or those
    that share a visitor, account or search with an event in `of`.

    Tickets opened for demand are left out: they belong to no single person.
    """
    desk = sa.select(
        tickets.c.created_at, tickets.c.visitor, tickets.c.requester_id, tickets.c.search_id
    ).where(tickets.c.created_at >= since, tickets.c.origin != "demand")
    record = sa.select(events.c.at, events.c.visitor, events.c.user_id, events.c.search_id).where(
        events.c.at >= since,
        # A literal, not a parameter: only then is the partial index on tickets used.
        events.c.kind == sa.literal_column(f"'{EventKind.TICKET_CREATED.value}'"),
        events.c.visitor != "",
    )
    if of is not None:
        desk = desk.where(_shares(tickets.c.visitor, tickets.c.requester_id, tickets.c, of))
        record = record.where(_shares(events.c.visitor, events.c.user_id, events.c, of))
    rows = [*connection.execute(desk), *connection.execute(record)]
    return tuple(TicketSeen(row[0], row[1] or "", row[2] or "", row[3] or "") for row in rows)


def _shares(
    visitor: sa.Column[Any], account: sa.Column[Any], columns: Any, of: Collection[Event]
) -> sa.ColumnElement[bool]:
    searches = {event.id for event in of if event.kind is EventKind.SEARCH}
    return sa.or_(
        visitor.in_(sorted({event.visitor for event in of})),
        account.in_(sorted({event.user_id for event in of if event.user_id})),
        columns.search_id.in_(sorted(searches)),
    )


def visitors_of(connection: Connection, seen: Iterable[TicketSeen]) -> set[str]:
    """Return the visitors to whom these tickets may belong, by visitor, search or account."""
    seen = tuple(seen)
    found = {ticket.visitor for ticket in seen if ticket.visitor}
    for column, name in ((events.c.id, "search_id"), (events.c.user_id, "user_id")):
        values = sorted({getattr(ticket, name) for ticket in seen} - {""})
        for chunk in chunks(values):
            query = sa.select(events.c.visitor).distinct().where(column.in_(chunk))
            found |= set(connection.scalars(query))
    return found


# -- Unmet needs, for policies --


def unresolved_without_policy(
    connection: Connection, since: datetime
) -> tuple[UnresolvedEpisode, ...]:
    """Return unresolved episodes of signed-in people, without a policy mark, that ended at `since`
    or later, oldest first.
    """
    query = (
        sa.select(episodes)
        .where(
            episodes.c.ended.is_(True),
            episodes.c.unresolved.is_(True),
            episodes.c.policy == "",
            episodes.c.user_id.is_not(None),
            episodes.c.ended_at >= since,
        )
        .order_by(episodes.c.ended_at, episodes.c.id)
    )
    return tuple(_ended(connection, row) for row in connection.execute(query).all())


def _ended(connection: Connection, row: Row[Any]) -> UnresolvedEpisode:
    search_id = str(row.data.get("last_failed", ""))
    query = sa.select(failed_searches).where(failed_searches.c.search_id == search_id)
    failed = connection.execute(query).first()
    return UnresolvedEpisode(
        id=row.id,
        visitor=row.visitor,
        user_id=row.user_id or "",
        search_id=search_id,
        words=(failed.words if failed else "") or "",
        words_key=failed.words_key if failed else "",
        language=failed.language if failed else "",
        ended_at=row.ended_at,
    )


def mark_policy(connection: Connection, episode_id: str, what: str) -> bool:
    """Mark an episode with what a policy did; return False if it was marked before."""
    statement = (
        sa.update(episodes)
        .where(episodes.c.id == episode_id, episodes.c.policy == "")
        .values(policy=what)
    )
    return connection.execute(statement).rowcount == 1


def demand(connection: Connection, since: datetime, threshold: int) -> tuple[QueryDemand, ...]:
    """Return the queries that failed for `threshold` or more distinct people, most people first.

    Only ended episodes without a ticket count. A threshold below 1 returns nothing.
    """
    if threshold < 1:
        return ()
    people = sa.func.count(sa.distinct(failed_searches.c.visitor))
    keys = _failed_since(sa.select(failed_searches.c.words_key), since)
    keys = keys.group_by(failed_searches.c.words_key).having(people >= threshold)
    query = _failed_since(sa.select(failed_searches), since).where(
        failed_searches.c.words_key.in_(keys)
    )
    groups: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(query.order_by(failed_searches.c.at)):
        groups.setdefault(row.words_key, []).append(row)
    found = [_demand(key, rows) for key, rows in groups.items()]
    return tuple(sorted(found, key=lambda one: (-one.people, one.first_at, one.words_key)))


def _failed_since(query: sa.Select[Any], since: datetime) -> sa.Select[Any]:
    joined = failed_searches.join(episodes, episodes.c.id == failed_searches.c.episode_id)
    return query.select_from(joined).where(
        failed_searches.c.at >= since, episodes.c.ended.is_(True), episodes.c.outcome != "ticketed"
    )


def _demand(words_key: str, rows: Sequence[Row[Any]]) -> QueryDemand:
    visitors = sorted({row.visitor for row in rows})
    return QueryDemand(
        words_key=words_key,
        words=favourite([(row.words, row.visitor) for row in rows]),
        people=len(visitors),
        searches=len(rows),
        languages=tuple(sorted({row.language for row in rows if row.language})),
        first_at=rows[0].at,
        last_at=rows[-1].at,
        visitors=tuple(visitors),
    )
