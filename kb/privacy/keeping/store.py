"""What is kept beside the record's own words, and for how long.

Promises counts of what is due without changing it, and the same counts when it is forgotten. The
record's own words are forgotten by `kb.analytics.store`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.schema import (
    events,
    failed_searches,
    gap_searches,
    offers,
    outbox,
    question_vectors,
    salts,
    subscriptions,
)

UNCONFIRMED = timedelta(days=7)  # a wish to be told that nobody confirmed: perhaps not theirs
_DELIVERED = "delivered"


def due(connection: Connection, now: datetime, *, retention: timedelta, day: str) -> dict[str, int]:
    """Return how many rows are due to be forgotten, by what they are."""
    before = now - retention
    worded = (events.c.at < before, events.c.words.is_not(None))
    failed = (failed_searches.c.at < before, failed_searches.c.words.is_not(None))
    return {
        "events": _count(connection, events, *worded),
        "failed searches": _count(connection, failed_searches, *failed),
        "salts": _count(connection, salts, salts.c.day < day),
        "question vectors": _count(connection, question_vectors, *_wordless(before)),
        "searches in gaps": _count(connection, gap_searches, gap_searches.c.at < before),
        "offers": _count(connection, offers, *_stale_offers(before)),
        "letters": _count(connection, outbox, *_old_letters(before)),
        "subscriptions": _count(connection, subscriptions, _ended_wishes(now, before)),
    }


def forget(connection: Connection, now: datetime, *, retention: timedelta) -> dict[str, int]:
    """Forget what is due beside the record's words; return how many rows of each."""
    before = now - retention
    vectors = sa.delete(question_vectors).where(*_wordless(before))
    placed = sa.delete(gap_searches).where(gap_searches.c.at < before)
    bare = sa.update(offers).where(*_stale_offers(before))
    ended = sa.case((offers.c.state == "open", "declined"), else_=offers.c.state)
    emptied = sa.update(outbox).where(*_old_letters(before)).values(payload={})
    wishes = sa.delete(subscriptions).where(_ended_wishes(now, before))
    return {
        "question vectors": connection.execute(vectors).rowcount,
        "searches in gaps": connection.execute(placed).rowcount,
        "offers": connection.execute(bare.values(words="", state=ended)).rowcount,
        "letters": connection.execute(emptied).rowcount,
        "subscriptions": connection.execute(wishes).rowcount,
    }


def _wordless(before: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions of a vector whose words nobody's search holds any more."""
    worded = sa.exists().where(
        events.c.words_key == question_vectors.c.words_key,
        events.c.words.is_not(None),
        events.c.at >= before,
    )
    return question_vectors.c.at < before, ~worded


def _stale_offers(before: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return offers.c.created_at < before, offers.c.words != ""


def _old_letters(before: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions of a delivered letter that still says to whom it went."""
    addressed = outbox.c.payload["to"].as_string().is_not(None)
    return outbox.c.state == _DELIVERED, outbox.c.created_at < before, addressed


def _ended_wishes(now: datetime, before: datetime) -> sa.ColumnElement[bool]:
    unconfirmed = sa.and_(
        subscriptions.c.confirmed_at.is_(None), subscriptions.c.created_at < now - UNCONFIRMED
    )
    return sa.or_(unconfirmed, subscriptions.c.created_at < before)


def _count(connection: Connection, table: sa.Table, *where: sa.ColumnElement[Any]) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(*where)
    return int(connection.execute(query).scalar_one())
