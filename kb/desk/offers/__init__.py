"""Offers: a person whose search came to nothing is asked whether they still need help."""

from kb.desk.offers.offer import Offer, OfferState

__all__ = ["Offer", "OfferState"]
