"""Offers in the database.

Promises one offer an episode at most, however often it is made. Knows no letter.
"""

from __future__ import annotations

from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.database import Database
from kb.desk.offers.offer import Offer, OfferState
from kb.schema import offers


class Offers:
    """The offers as one transaction sees them."""

    def __init__(self, db: Database, connection: Connection) -> None:
        self._db = db
        self._connection = connection

    def add(self, offer: Offer) -> bool:
        """Insert the offer; return False when its episode has one already."""
        return self._db.insert_once(self._connection, offers, [asdict(offer)]) == 1

    def open_of(self, user_id: str) -> Offer | None:
        """Return the newest offer that the person has not answered."""
        return self._one(offers.c.user_id == user_id, offers.c.state == OfferState.OPEN)

    def open_for(self, user_id: str, need_key: str) -> Offer | None:
        """Return the unanswered offer for the same need."""
        return self._one(
            offers.c.user_id == user_id,
            offers.c.need_key == need_key,
            offers.c.state == OfferState.OPEN,
        )

    def of_person(self, offer_id: str, user_id: str) -> Offer | None:
        """Return the offer if it was made to this person."""
        return self._one(offers.c.id == offer_id, offers.c.user_id == user_id)

    def answer(self, offer_id: str, state: OfferState) -> None:
        """Keep what the person answered."""
        self._connection.execute(
            sa.update(offers).where(offers.c.id == offer_id).values(state=state)
        )

    def _one(self, *conditions: sa.ColumnElement[bool]) -> Offer | None:
        statement = sa.select(offers).where(*conditions)
        newest = statement.order_by(offers.c.created_at.desc(), offers.c.id).limit(1)
        row = self._connection.execute(newest).mappings().first()
        return Offer(**{**row, "state": OfferState(row["state"])}) if row else None
