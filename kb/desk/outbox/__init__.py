"""The outbox: what was promised in a transaction, delivered after it."""

from kb.desk.outbox.store import Outbox, Parcel, State

__all__ = ["Outbox", "Parcel", "State"]
