"""Leases: exactly one worker runs each periodic job."""

from kb.desk.leases.store import hold, release

__all__ = ["hold", "release"]
