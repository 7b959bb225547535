"""The outbox: what was promised in a transaction, delivered after it."""

from kb.desk.outbox.delivery import Delivery, deliver_due
from kb.desk.outbox.store import Outbox, Parcel, State

__all__ = ["Delivery", "Outbox", "Parcel", "State", "deliver_due"]
