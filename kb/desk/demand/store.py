"""Which of the people behind a demand need no ticket of the team.

Promises a count over exactly the failed searches that the demand counted. Knows no threshold.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.desk.ticket import ACTIVE, Origin
from kb.schema import episodes, failed_searches, tickets

TICKETED = "ticketed"  # as episodes keep it; those people are not in a demand to begin with


def provided_for(connection: Connection, words_key: str, *, since: datetime) -> int:
    """Return how many distinct visitors who failed on these words since then have a ticket of
    their own for them that is open, or have not failed again since the team resolved its last.
    """
    visitor = failed_searches.c.visitor
    answered = sa.func.max(failed_searches.c.at) <= _last_resolved(words_key)
    own = sa.func.max(sa.case((_own_ticket(words_key), 1), else_=0)) == 1
    people = (
        sa.select(visitor)
        .join(episodes, episodes.c.id == failed_searches.c.episode_id)
        .where(
            failed_searches.c.words_key == words_key,
            failed_searches.c.at >= since,
            episodes.c.outcome != TICKETED,
        )
        .group_by(visitor)
        .having(sa.or_(own, answered))
    )
    count: int = connection.execute(
        sa.select(sa.func.count()).select_from(people.subquery())
    ).scalar_one()
    return count


def _own_ticket(words_key: str) -> sa.ColumnElement[bool]:
    """Return the condition that the visitor, or the account behind the visit, has one open."""
    same_person = sa.or_(
        tickets.c.visitor == failed_searches.c.visitor,
        tickets.c.requester_id == episodes.c.user_id,
    )
    return (
        sa.select(tickets.c.id)
        .where(
            tickets.c.words_key == words_key,
            tickets.c.status.in_(ACTIVE),
            tickets.c.origin != Origin.DEMAND,
            same_person,
        )
        .correlate(failed_searches, episodes)
        .exists()
    )


def _last_resolved(words_key: str) -> sa.ScalarSelect[datetime]:
    """Return when the team last resolved a ticket by demand for these words; null if never."""
    return (
        sa.select(sa.func.max(tickets.c.resolved_at))
        .where(tickets.c.words_key == words_key, tickets.c.origin == Origin.DEMAND)
        .scalar_subquery()
    )
