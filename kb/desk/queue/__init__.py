"""The queue: which tickets staff, or a person, wants to see."""

from kb.desk.queue.filters import Order, Queue, QueueFilter

__all__ = ["Order", "Queue", "QueueFilter"]
