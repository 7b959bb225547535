"""Replays in the database: live states, the searches to replay, and their answers.

A search is answered once: an answer that was found meanwhile by another process stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from kb.analytics.model import Failure
from kb.content.article import Audience
from kb.database import Database
from kb.gaps.answers.model import AnsweredSearch, GapAnswer, SearchOfGap
from kb.gaps.answers.rules import FailedSearch, Known, QueryToRepeat
from kb.gaps.model import Gap
from kb.schema import (
    article_parts,
    events,
    failed_searches,
    gap_events,
    gap_searches,
    gaps,
    replays,
)

CHUNK = 400  # values in one IN (...); SQLite before 3.32 took 999
SHOWN_UNSURE = 3  # hits that the page shows where nothing clearly answers


@dataclass(frozen=True, slots=True)
class ReplayedState:
    """A state that failed searches were replayed against, and since when it was live."""

    state: str
    commit: str
    live_at: datetime


# -- what was live ------------------------------------------------------------------------------


def last(connection: Connection) -> ReplayedState | None:
    """Return the last replay, None before the first."""
    row = connection.execute(sa.select(replays).order_by(replays.c.seq.desc()).limit(1)).first()
    return ReplayedState(row.state, row.commit, row.live_at) if row else None


def known(connection: Connection) -> dict[str, Known]:
    """Return what is kept of each article, by slug."""
    rows = connection.execute(sa.select(article_parts))
    return {row.slug: Known(row.blob, row.parts, row.was, row.commit) for row in rows}


def begin(
    db: Database,
    connection: Connection,
    replay: ReplayedState,
    changed: Mapping[str, Known],
    gone: Collection[str],
) -> None:
    """Store the live state: write the `changed` articles by slug, delete those `gone`."""
    for chunk in _chunks(sorted({*changed, *gone})):
        connection.execute(sa.delete(article_parts).where(article_parts.c.slug.in_(chunk)))
    rows = [
        {
            "slug": slug,
            "blob": each.blob,
            "was": each.was,
            "commit": each.commit,
            "parts": dict(each.parts),
        }
        for slug, each in changed.items()
    ]
    db.insert_once(connection, article_parts, rows)
    connection.execute(
        sa.insert(replays).values(state=replay.state, commit=replay.commit, live_at=replay.live_at)
    )


# -- what is asked ------------------------------------------------------------------------------


def waiting(
    connection: Connection, state: str, *, since: datetime, before: datetime
) -> tuple[FailedSearch, ...]:
    """Return the failed searches from `since` on and before `before` that nothing answers yet and
    that were not replayed against this state, the latest first.
    """
    joined = failed_searches.join(events, events.c.id == failed_searches.c.search_id, isouter=True)
    joined = joined.join(
        gap_searches, gap_searches.c.search_id == failed_searches.c.search_id, isouter=True
    )
    replayed = sa.func.coalesce(gap_searches.c.replayed_commit, "")
    query = (
        sa.select(
            failed_searches,
            events.c.user_id,
            events.c.data.label("facts"),
            replayed.label("replayed"),
        )
        .select_from(joined)
        .where(
            failed_searches.c.at >= since,
            failed_searches.c.at < before,
            failed_searches.c.words.is_not(None),
            gap_searches.c.answered_at.is_(None),
            replayed != state,
        )
        .order_by(failed_searches.c.at.desc(), failed_searches.c.search_id)
    )
    lived = states(connection)
    return tuple(_asked(row, lived) for row in connection.execute(query))


def states(connection: Connection) -> dict[str, datetime]:
    """Return since when each state was live, by its name."""
    rows = connection.execute(sa.select(replays.c.state, replays.c.live_at).order_by(replays.c.seq))
    return {row.state: row.live_at for row in rows}


def _asked(row: Row[Any], lived: Mapping[str, datetime]) -> FailedSearch:
    facts = row.facts or {}
    shown = [str(slug) for slug, *_ in facts.get("hits", ())]
    if row.failure in {Failure.ZERO, Failure.WEAK}:
        shown = shown[:SHOWN_UNSURE]
    audience = (Audience.SIGNED_IN if row.user_id else Audience.PUBLIC).value
    return FailedSearch(
        id=row.search_id,
        at=row.at,
        words=row.words,
        question=QueryToRepeat(row.words_key, row.language, audience),
        failure=row.failure,
        asked_at=max(row.at, lived.get(row.replayed, row.at)),
        shown=tuple(shown),
        confidence=float(facts.get("confidence", 0.0)),
        visitor=row.visitor,
    )


# -- what was found -----------------------------------------------------------------------------


def mark(
    db: Database,
    connection: Connection,
    state: str,
    searches: Mapping[str, datetime],
    answers: Mapping[str, GapAnswer],
    now: datetime,
) -> int:
    """Mark searches (with their times) as replayed and write their answers; return how many were
    not answered before.
    """
    rows = [{"search_id": each, "at": at} for each, at in sorted(searches.items())]
    for some in _chunks(rows):
        _insert(db, connection, some)
    for chunk in _chunks(sorted(searches)):
        where = gap_searches.c.search_id.in_(chunk)
        connection.execute(sa.update(gap_searches).where(where).values(replayed_commit=state))
    return sum(_answer(connection, each, answers[each], now) for each in sorted(answers))


def _insert(db: Database, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert those that are not there yet, all in one statement."""
    there = sa.select(gap_searches.c.search_id).where(
        gap_searches.c.search_id.in_([row["search_id"] for row in rows])
    )
    known = set(connection.scalars(there))
    db.insert_once(connection, gap_searches, [r for r in rows if r["search_id"] not in known])


def _answer(connection: Connection, search_id: str, found: GapAnswer, now: datetime) -> int:
    open_still = (gap_searches.c.search_id == search_id) & gap_searches.c.answered_at.is_(None)
    statement = sa.update(gap_searches).where(open_still)
    values = {"answered_commit": found.commit[:64], "answered_article": found.article}
    return connection.execute(statement.values(answered_at=now, **values)).rowcount


def answered(connection: Connection, since: datetime) -> tuple[AnsweredSearch, ...]:
    """Return the searches answered from `since` on, the latest answers first; words may be ""."""
    joined = gap_searches.join(
        failed_searches, failed_searches.c.search_id == gap_searches.c.search_id
    )
    query = (
        sa.select(
            failed_searches.c.search_id,
            failed_searches.c.visitor,
            failed_searches.c.words,
            failed_searches.c.words_key,
            failed_searches.c.at,
            gap_searches.c.answered_at,
            gap_searches.c.answered_commit,
            gap_searches.c.answered_article,
        )
        .select_from(joined)
        .where(gap_searches.c.answered_at >= since)
        .order_by(gap_searches.c.answered_at.desc(), failed_searches.c.at.desc())
    )
    return tuple(
        AnsweredSearch(row[0], row[1], row[2] or "", *row[3:]) for row in connection.execute(query)
    )


def placed(connection: Connection) -> dict[str, list[SearchOfGap]]:
    """Return the searches of each gap, with what answers them."""
    joined = gap_searches.join(
        failed_searches, failed_searches.c.search_id == gap_searches.c.search_id
    )
    query = (
        sa.select(
            gap_searches.c.gap_id,
            failed_searches.c.visitor,
            failed_searches.c.at,
            gap_searches.c.answered_commit,
            gap_searches.c.answered_article,
        )
        .select_from(joined)
        .where(gap_searches.c.gap_id.is_not(None))
        .order_by(failed_searches.c.at, failed_searches.c.search_id)
    )
    found: dict[str, list[SearchOfGap]] = {}
    for row in connection.execute(query):
        found.setdefault(row[0], []).append(SearchOfGap(*row[1:]))
    return found


def set_status(
    connection: Connection, gap: Gap, status: str, found: GapAnswer | None, now: datetime
) -> bool:
    """Write a gap's status and its answer, None when it is reopened; return False when somebody
    changed it since it was read.
    """
    statement = (
        sa.update(gaps)
        .where(gaps.c.id == gap.id, gaps.c.version == gap.version)
        .values(
            status=status,
            answered_at=now if found else None,
            answered_commit=found.commit[:64] if found else "",
            answered_article=found.article if found else "",
            updated_at=now,
            version=gap.version + 1,
        )
    )
    return connection.execute(statement).rowcount == 1


def reopened(connection: Connection, kind: str) -> dict[str, datetime]:
    """Return when each gap was last reopened, by gap id."""
    query = (
        sa.select(gap_events.c.gap_id, sa.func.max(gap_events.c.at))
        .where(gap_events.c.kind == kind)
        .group_by(gap_events.c.gap_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def asked_before(connection: Connection, words_key: str, since: datetime) -> tuple[int, str]:
    """Return how many distinct people failed on the same words since then, or are in the gap that
    these words are in, and the status of that gap, "" where they are in none.
    """
    visitors = sa.select(sa.func.count(sa.distinct(failed_searches.c.visitor))).where(
        failed_searches.c.words_key == words_key, failed_searches.c.at >= since
    )
    people = int(connection.scalar(visitors) or 0)
    gap = (
        sa.select(gaps.c.people, gaps.c.status)
        .select_from(
            failed_searches.join(
                gap_searches, gap_searches.c.search_id == failed_searches.c.search_id
            ).join(gaps, gaps.c.id == gap_searches.c.gap_id)
        )
        .where(failed_searches.c.words_key == words_key, failed_searches.c.at >= since)
        .order_by(failed_searches.c.at.desc())
        .limit(1)
    )
    row = connection.execute(gap).first() if people else None
    return (max(people, row.people), row.status) if row else (people, "")


def forget(connection: Connection, before: datetime) -> None:
    """Delete the replays of states that were live before that time, except the last one."""
    newest = sa.select(sa.func.max(replays.c.seq)).scalar_subquery()
    connection.execute(sa.delete(replays).where(replays.c.live_at < before, replays.c.seq < newest))


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))
