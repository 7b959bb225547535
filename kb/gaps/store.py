"""Gaps, their searches, history, vectors and diagnoses in the database.

A number is given once, history only grows, and a change of a gap that somebody changed meanwhile is
refused. A search has one diagnosis, the latest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from kb.database import Database
from kb.gaps.clustering import Vectors
from kb.gaps.model import Diagnosis, FailedQuery, Gap, GapEvent, GapStatus, RootCause
from kb.schema import (
    episodes,
    events,
    failed_searches,
    gap_events,
    gap_searches,
    gaps,
    question_vectors,
    tickets,
)

# -- Gaps, searches, history and vectors --


DEFINITION = 1  # of gaps, their demand and their causes; see docs/gaps.md
CHUNK = 400  # values in one IN (...); SQLite before 3.32 took 999
NUMBERS_LOCK = 0x7137_0002  # key of a PostgreSQL advisory lock; any fixed number
GROUPED = "grouped"  # the event, of no gap in particular, that marks a full grouping
_TEXTS = ("owner_id", "became_id", "came_from_id")
_DECIDED = (
    "title",
    "status",
    "owner_id",
    "became_id",
    "came_from_id",
    "answered_at",
    "answered_commit",
    "answered_article",
)


@dataclass(frozen=True, slots=True)
class GapOfSearch:
    """The gap that a failed search is in ("" for none), and whether a person put it there."""

    gap_id: str
    by_hand: bool


# -- what is read -------------------------------------------------------------------------------


def failed(connection: Connection, since: datetime) -> tuple[FailedQuery, ...]:
    """Return the failed searches of ended episodes from `since` on whose words are kept, in order
    of time.
    """
    query = _worded().where(failed_searches.c.at >= since)
    return tuple(_failed(row) for row in connection.execute(query))


def members(connection: Connection, gap_id: str) -> tuple[FailedQuery, ...]:
    """Return the failed searches that are in a gap and whose words are kept, in order of time."""
    inside = sa.select(gap_searches.c.search_id).where(gap_searches.c.gap_id == gap_id)
    query = _worded().where(failed_searches.c.search_id.in_(inside))
    return tuple(_failed(row) for row in connection.execute(query))


def count_failed(connection: Connection, since: datetime) -> int:
    """Return how many searches failed from `since` on in episodes that have ended."""
    found = _worded().where(failed_searches.c.at >= since).order_by(None).subquery()
    return int(connection.scalar(sa.select(sa.func.count()).select_from(found)) or 0)


def _worded() -> sa.Select[Any]:
    joined = failed_searches.join(episodes, episodes.c.id == failed_searches.c.episode_id)
    return (
        sa.select(failed_searches, episodes.c.outcome, episodes.c.data)
        .select_from(joined)
        .where(failed_searches.c.words.is_not(None), episodes.c.ended.is_(True))
        .order_by(failed_searches.c.at, failed_searches.c.search_id)
    )


def _failed(row: Row[Any]) -> FailedQuery:
    last = row.data.get("last_failed") == row.search_id
    return FailedQuery(
        search_id=row.search_id,
        at=row.at,
        visitor=row.visitor,
        words=row.words,
        words_key=row.words_key,
        language=row.language,
        failure=row.failure,
        ticketed=row.outcome == "ticketed" and last,
    )


def placed(connection: Connection) -> dict[str, GapOfSearch]:
    """Return the gap of each failed search, by search id."""
    query = sa.select(gap_searches.c.search_id, gap_searches.c.gap_id, gap_searches.c.by_hand)
    return {row[0]: GapOfSearch(row[1] or "", row[2]) for row in connection.execute(query)}


def every(connection: Connection) -> tuple[Gap, ...]:
    """Return all gaps, by number."""
    query = sa.select(gaps).order_by(gaps.c.number)
    return tuple(_gap(row) for row in connection.execute(query))


def numbered(connection: Connection, number: int) -> Gap | None:
    """Return the gap of that number, None where there is none."""
    if not 0 < number < 2**31:
        return None
    row = connection.execute(sa.select(gaps).where(gaps.c.number == number)).first()
    return _gap(row) if row else None


def by_id(connection: Connection, gap_id: str) -> Gap | None:
    """Return the gap of that id, None where there is none."""
    row = connection.execute(sa.select(gaps).where(gaps.c.id == gap_id)).first()
    return _gap(row) if row else None


def _gap(row: Row[Any]) -> Gap:
    own = {name: getattr(row, name) for name in Gap.__slots__ if hasattr(row, name)}
    own |= {name: own[name] or "" for name in _TEXTS}
    return Gap(**{**own, "status": GapStatus(row.status)})


def centres(connection: Connection) -> dict[str, Vectors]:
    """Return the mean vector of each gap that has one, by id."""
    query = sa.select(gaps.c.id, gaps.c.centre).where(gaps.c.centre.is_not(None))
    return {row[0]: np.frombuffer(row[1], "<f4") for row in connection.execute(query)}


def history(connection: Connection, gap_id: str) -> tuple[GapEvent, ...]:
    """Return what happened to a gap, the latest first."""
    query = sa.select(gap_events).where(gap_events.c.gap_id == gap_id)
    rows = connection.execute(query.order_by(gap_events.c.seq.desc()))
    return tuple(GapEvent(row.gap_id, row.at, row.kind, row.actor, row.data) for row in rows)


def last_event(connection: Connection, kind: str) -> datetime | None:
    """Return when the last event of that kind happened that is of no gap; None before the first."""
    query = sa.select(sa.func.max(gap_events.c.at)).where(
        gap_events.c.gap_id == "", gap_events.c.kind == kind
    )
    found: datetime | None = connection.scalar(query)
    return found


def vectors(connection: Connection, model: str, keys: Collection[str]) -> dict[str, Vectors]:
    """Return the kept vectors of these questions by key: float32, shape (d,)."""
    found: dict[str, Vectors] = {}
    columns = question_vectors.c
    for chunk in _chunks(sorted(keys)):
        query = sa.select(columns.words_key, columns.vector).where(
            columns.model == model, columns.words_key.in_(chunk)
        )
        for key, held in connection.execute(query):
            found[key] = np.frombuffer(held, "<f2").astype(np.float32)
    return found


# -- what is written ----------------------------------------------------------------------------


def add_vectors(
    db: Database, connection: Connection, model: str, made: Mapping[str, Vectors], now: datetime
) -> None:
    """Keep the vectors of questions, as float16."""
    rows = [
        {"words_key": key, "model": model, "vector": row.astype("<f2").tobytes(), "at": now}
        for key, row in made.items()
    ]
    db.insert_once(connection, question_vectors, rows)


def next_number(db: Database, connection: Connection) -> int:
    """Return a number that no gap has had; other callers wait for the end of this transaction."""
    if db.dialect == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(NUMBERS_LOCK)))
    return int(connection.scalar(sa.select(sa.func.max(gaps.c.number))) or 0) + 1


def add_gap(connection: Connection, gap: Gap, now: datetime) -> None:
    """Insert a gap."""
    row = _row(gap) | {"id": gap.id, "number": gap.number, "created_at": now, "version": 1}
    connection.execute(sa.insert(gaps).values(**row, updated_at=now, definition=DEFINITION))


def save(connection: Connection, gap: Gap, now: datetime) -> bool:
    """Write what people or answers set on a gap; False when it was changed since it was read."""
    row = _row(gap)
    decided = {name: row[name] for name in _DECIDED}
    statement = (
        sa.update(gaps)
        .where(gaps.c.id == gap.id, gaps.c.version == gap.version)
        .values(**decided, updated_at=now, version=gap.version + 1, definition=DEFINITION)
    )
    return connection.execute(statement).rowcount == 1


def count(connection: Connection, gap_id: str, values: Mapping[str, Any], now: datetime) -> None:
    """Write what was counted (`trend` goes into the data); what people decided and the version stay
    as they are.
    """
    values = dict(values)
    if "trend" in values:
        held = connection.scalar(sa.select(gaps.c.data).where(gaps.c.id == gap_id)) or {}
        values["data"] = {**held, "trend": list(values.pop("trend"))}
    statement = sa.update(gaps).where(gaps.c.id == gap_id)
    connection.execute(statement.values(**values, definition=DEFINITION, updated_at=now))


def _row(gap: Gap) -> dict[str, Any]:
    names = set(Gap.__slots__) - {"id", "number", "version", "updated_at"}
    row = {name: getattr(gap, name) for name in sorted(names)}
    return row | {name: row[name] or None for name in _TEXTS} | {"data": dict(gap.data)}


def place(
    db: Database,
    connection: Connection,
    searches: Mapping[str, datetime],
    gap_id: str,
    *,
    by_hand: bool,
) -> None:
    """Put searches (with their times) into a gap, "" for none; their diagnoses stay."""
    rows = [
        {"search_id": search_id, "gap_id": gap_id or None, "at": at, "by_hand": by_hand}
        for search_id, at in searches.items()
    ]
    db.insert_once(connection, gap_searches, rows)
    for chunk in _chunks(sorted(searches)):
        connection.execute(
            sa.update(gap_searches)
            .where(gap_searches.c.search_id.in_(chunk))
            .values(gap_id=gap_id or None, by_hand=by_hand)
        )


def tell(connection: Connection, events: Iterable[GapEvent]) -> None:
    """Add events to the history."""
    rows = [
        {"gap_id": e.gap_id, "at": e.at, "kind": e.kind, "actor": e.actor, "data": dict(e.data)}
        for e in events
    ]
    if rows:
        connection.execute(sa.insert(gap_events), rows)


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


# -- Diagnoses --


def diagnosed(connection: Connection, gap_id: str, live: str) -> frozenset[str]:
    """Return the searches of a gap that were diagnosed against the generation `live`."""
    query = sa.select(gap_searches.c.search_id).where(
        gap_searches.c.gap_id == gap_id, gap_searches.c.diagnosed == live
    )
    return frozenset(connection.scalars(query))


def diagnoses_of_gap(connection: Connection, gap_id: str) -> dict[str, Diagnosis]:
    """Return the diagnoses of a gap's searches, by search id."""
    columns = gap_searches.c
    query = sa.select(columns.search_id, columns.cause, columns.evidence).where(
        columns.gap_id == gap_id, columns.cause != ""
    )
    return {
        row.search_id: Diagnosis(
            RootCause(row.cause), str((row.evidence or {}).get("article", "")), row.evidence or {}
        )
        for row in connection.execute(query)
    }


def put_diagnoses(connection: Connection, found: Mapping[str, Diagnosis], live: str) -> None:
    """Write the diagnoses of searches, made against the generation `live`."""
    for search_id, diagnosis in sorted(found.items()):
        connection.execute(
            sa.update(gap_searches)
            .where(gap_searches.c.search_id == search_id)
            .values(
                cause=diagnosis.cause.value,
                diagnosed=live,
                evidence={**diagnosis.evidence, "article": diagnosis.article},
            )
        )


def note_on_gap(connection: Connection, gap_id: str, name: str, value: Any) -> None:
    """Write one fact into a gap's data."""
    query = sa.select(gaps.c.data).where(gaps.c.id == gap_id)
    held = connection.scalar(query) or {}
    statement = sa.update(gaps).where(gaps.c.id == gap_id)
    connection.execute(statement.values(data={**held, name: value}))


def asked_by(connection: Connection, search_id: str) -> tuple[bool, frozenset[str]]:
    """Return whether somebody signed in made the search, and the languages it was limited to."""
    query = sa.select(events.c.user_id, events.c.data).where(events.c.id == search_id)
    row = connection.execute(query).first()
    if row is None:
        return False, frozenset()
    chosen = row.data.get("filters", {}).get("languages", ())
    return bool(row.user_id), frozenset(map(str, chosen))


def shown_then(connection: Connection, searches: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the articles that each search was shown, best first, by search."""
    found: dict[str, tuple[str, ...]] = {}
    for start in range(0, len(searches), CHUNK):
        query = sa.select(events.c.id, events.c.data).where(
            events.c.id.in_(searches[start : start + CHUNK])
        )
        for row in connection.execute(query):
            found[row.id] = tuple(str(hit[0]) for hit in row.data.get("hits", ()))
    return found


def resolved(connection: Connection, searches: Sequence[str]) -> dict[str, str]:
    """Return the articles with which tickets of these searches were resolved, by search."""
    found: dict[str, str] = {}
    for start in range(0, len(searches), CHUNK):
        query = sa.select(tickets.c.search_id, tickets.c.resolution_article).where(
            tickets.c.search_id.in_(searches[start : start + CHUNK]),
            tickets.c.resolution_article != "",
        )
        found |= {row[0]: row[1] for row in connection.execute(query)}
    return found
