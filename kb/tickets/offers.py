"""A person's answer to an offer of help: to take it or to decline it.

An offer makes one ticket however often it is taken, and nobody sees or answers another's offer.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from kb.errors import NotFound
from kb.tickets import deduplication, forms
from kb.tickets.creation import CreatedTicket
from kb.tickets.model import Offer, OfferState, Origin, TicketDraft
from kb.tickets.requester_store import Offers
from kb.tickets.service import Desk


def open_offer(desk: Desk, user_id: str) -> Offer | None:
    """Return the newest offer this person has not answered, for the next visit."""
    with desk.db.read() as connection:
        return Offers(desk.db, connection).open_of(user_id) if user_id else None


def find_offer(desk: Desk, offer_id: str, *, user_id: str) -> Offer:
    """Return the person's offer, answered or not; NotFound when it is not theirs."""
    with desk.db.read() as connection:
        return _theirs(Offers(desk.db, connection), offer_id, user_id)


def take_offer(desk: Desk, offer_id: str, *, draft: TicketDraft, now: datetime) -> CreatedTicket:
    """Take an offer and return its ticket. The draft is the person's form, its requester signed in;
    what the offer knows of the search replaces what the form says of it.

    Raises NotFound when the offer is not this person's, InvalidInput as `Desk.open_ticket`.
    """
    clean = forms.from_words(draft)
    with desk.work() as work:
        work.tickets.reserve()
        offers = Offers(desk.db, work.connection)
        offer = _theirs(offers, offer_id, clean.requester.user_id)
        about = replace(
            clean, search_id=offer.search_id, words_key=deduplication.words_of(offer.need_key)
        )
        submission = deduplication.episode_submission(offer.episode_id)
        opened = work.opening.open(about, Origin.POLICY, now=now, submission=submission)
        offers.answer(offer.id, OfferState.TAKEN)
    desk.tell_record(opened.told(about, now))
    return opened


def decline_offer(desk: Desk, offer_id: str, *, user_id: str) -> None:
    """Decline an offer. One that was taken stays so: the ticket is there."""
    with desk.work() as work:
        offers = Offers(desk.db, work.connection)
        offer = _theirs(offers, offer_id, user_id)
        if offer.state is OfferState.OPEN:
            offers.answer(offer.id, OfferState.DECLINED)


def _theirs(offers: Offers, offer_id: str, user_id: str) -> Offer:
    offer = offers.of_person(offer_id, user_id) if user_id else None
    if offer is None:
        raise NotFound("There is no such offer for you.", "Sign in as the person it was sent to.")
    return offer
