"""Subscriptions in the database.

An address is kept only while somebody waits, each subscription is told once, and a link is found by
its digest alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from kb.analytics.model import Failure
from kb.gaps.answers.rules import FailedSearch, QueryToRepeat
from kb.gaps.answers.store import SHOWN_UNSURE, states
from kb.schema import events, subscriptions
from kb.tracking.query_text import words_key

ASKED, CONFIRMED, TOLD = "asked", "confirmed", "told"


@dataclass(frozen=True, slots=True)
class Subscription:
    """One person's request to be told. `email` is "" once they were; `audience` is the widest that
    they may read, `language` that of the emails.
    """

    id: str
    search_id: str
    email: str
    language: str
    audience: str
    words: str
    state: str
    created_at: datetime
    told_article: str = ""


def add(connection: Connection, made: Subscription, digest: str) -> None:
    """Insert a subscription with the digest of its link."""
    row = {name: getattr(made, name) for name in Subscription.__slots__}
    confirmed = made.created_at if made.state == CONFIRMED else None
    connection.execute(
        sa.insert(subscriptions).values(**row, link_digest=digest, confirmed_at=confirmed)
    )


def same(connection: Connection, email: str, words: str) -> Subscription | None:
    """Return the open subscription of that address for these words, None where there is none."""
    query = sa.select(subscriptions).where(
        subscriptions.c.email == email,
        subscriptions.c.words == words,
        subscriptions.c.state.in_((ASKED, CONFIRMED)),
    )
    row = connection.execute(query.order_by(subscriptions.c.created_at)).first()
    return _subscription(row) if row else None


def by_link(connection: Connection, digest: str) -> Subscription | None:
    """Return the subscription of a link, None where there is none."""
    query = sa.select(subscriptions).where(subscriptions.c.link_digest == digest)
    row = connection.execute(query).first()
    return _subscription(row) if row else None


def by_ids(connection: Connection, ids: Sequence[str]) -> dict[str, Subscription]:
    """Return the confirmed subscriptions among these, by id."""
    query = sa.select(subscriptions).where(
        subscriptions.c.id.in_(ids), subscriptions.c.state == CONFIRMED
    )
    return {row.id: _subscription(row) for row in connection.execute(query)}


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(**{name: getattr(row, name) for name in Subscription.__slots__})


def confirm(connection: Connection, subscription_id: str, now: datetime) -> bool:
    """Confirm a subscription; return False when it was not waiting for that."""
    statement = (
        sa.update(subscriptions)
        .where(subscriptions.c.id == subscription_id, subscriptions.c.state == ASKED)
        .values(state=CONFIRMED, confirmed_at=now)
    )
    return connection.execute(statement).rowcount == 1


def stop(connection: Connection, subscription_id: str) -> None:
    """Delete a subscription with its address and words."""
    connection.execute(sa.delete(subscriptions).where(subscriptions.c.id == subscription_id))


def waiting(connection: Connection, state: str, before: datetime) -> list[FailedSearch]:
    """Return the searches of confirmed subscriptions, made before that time and not yet replayed
    against this state.
    """
    joined = subscriptions.join(events, events.c.id == subscriptions.c.search_id, isouter=True)
    at = sa.func.coalesce(events.c.at, subscriptions.c.created_at, type_=events.c.at.type)
    query = (
        sa.select(subscriptions, at.label("asked"), events.c.data.label("facts"))
        .select_from(joined)
        .where(subscriptions.c.state == CONFIRMED, subscriptions.c.replayed != state, at < before)
        .order_by(subscriptions.c.created_at, subscriptions.c.id)
    )
    lived = states(connection)
    return [_asked(row, lived) for row in connection.execute(query)]


def _asked(row: Row[Any], lived: Mapping[str, datetime]) -> FailedSearch:
    facts = row.facts or {}
    return FailedSearch(
        id=row.id,
        at=row.asked,
        words=row.words,
        question=QueryToRepeat(words_key(row.words), row.language, row.audience),
        failure=Failure.WEAK.value,
        asked_at=max(row.asked, lived.get(row.replayed, row.asked)),
        shown=tuple(str(slug) for slug, *_ in facts.get("hits", ())[:SHOWN_UNSURE]),
        confidence=float(facts.get("confidence", 0.0)),
        by_subscription=True,
    )


def replayed(connection: Connection, ids: Sequence[str], state: str) -> None:
    """Mark these as replayed against a state."""
    connection.execute(
        sa.update(subscriptions).where(subscriptions.c.id.in_(ids)).values(replayed=state)
    )


def told(connection: Connection, subscription_id: str, article: str, now: datetime) -> bool:
    """Mark a subscription as told and forget the address; return False when it was before."""
    statement = (
        sa.update(subscriptions)
        .where(subscriptions.c.id == subscription_id, subscriptions.c.state == CONFIRMED)
        .values(state=TOLD, told_at=now, told_article=article, email="")
    )
    return connection.execute(statement).rowcount == 1
