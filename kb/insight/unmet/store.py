"""Unmet needs in the database: what the policies of the desk ask for.

Promises distinct people, episodes that have ended, and a mark that only one policy can set.
Knows no policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from kb.insight.facts import Demand, EndedEpisode
from kb.schema import episodes, failed_searches
from kb.tracking.query_text import favourite


def unresolved_without_policy(connection: Connection, since: datetime) -> tuple[EndedEpisode, ...]:
    """Return signed-in people's unresolved episodes that ended since then, oldest first."""
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


def _ended(connection: Connection, row: Row[Any]) -> EndedEpisode:
    search_id = str(row.data.get("last_failed", ""))
    query = sa.select(failed_searches).where(failed_searches.c.search_id == search_id)
    failed = connection.execute(query).first()
    return EndedEpisode(
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
    """Note what a policy did with the episode; False when one was there before."""
    statement = (
        sa.update(episodes)
        .where(episodes.c.id == episode_id, episodes.c.policy == "")
        .values(policy=what)
    )
    return connection.execute(statement).rowcount == 1


def demand(connection: Connection, since: datetime, threshold: int) -> tuple[Demand, ...]:
    """Return the words on which `threshold` or more distinct people failed, most people first.

    Counted over ended episodes without a ticket; a threshold below 1 asks for nothing.
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


def _demand(words_key: str, rows: Sequence[Row[Any]]) -> Demand:
    visitors = sorted({row.visitor for row in rows})
    return Demand(
        words_key=words_key,
        words=favourite([(row.words, row.visitor) for row in rows]),
        people=len(visitors),
        searches=len(rows),
        languages=tuple(sorted({row.language for row in rows if row.language})),
        first_at=rows[0].at,
        last_at=rows[-1].at,
        visitors=tuple(visitors),
    )
