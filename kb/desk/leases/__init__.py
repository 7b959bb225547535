"""Leases: exactly one worker runs each periodic job."""

from kb.desk.leases.owner import of_folder, of_process
from kb.desk.leases.store import hold, release

__all__ = ["hold", "of_folder", "of_process", "release"]
