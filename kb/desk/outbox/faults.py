"""Which ways out are blocked, so that the log says so once and once that it is over.

A fault that stops every letter would otherwise be a line a letter, or none. Knows no mail.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field

from kb.connectors.channel import ChannelFailure, TemporaryFailure

log = logging.getLogger(__name__)

IN_A_ROW = 3  # letters put off one after the other before that is taken for more than bad luck
_ADDRESS = re.compile(r"[^\s<>\"']+@[^\s<>\"']+")


@dataclass(slots=True)
class Faults:
    """The channels that take nothing, by name with what was said of them, as one worker saw it."""

    _standing: dict[str, str] = field(default_factory=dict)
    _put_off: dict[str, set[str]] = field(default_factory=dict)

    def failed(self, channel: str, parcel: str, failure: TemporaryFailure) -> None:
        """Take note that the channel did not take the parcel of that id."""
        row = self._put_off.setdefault(channel, set())
        row.add(parcel)
        if isinstance(failure, ChannelFailure):
            self._begin(channel, failure.fault, str(failure))
        elif len(row) >= IN_A_ROW and channel not in self._standing:
            self._begin(channel, "several", str(failure))

    def _begin(self, channel: str, fault: str, said: str) -> None:
        if self._standing.get(channel) != fault:
            self._standing[channel] = fault
            log.warning("nothing gets through by %s: %s", channel, without_addresses(said))

    def went(self, channel: str) -> bool:
        """Take note that the channel took something; return whether that ends a fault."""
        self._put_off.pop(channel, None)
        if self._standing.pop(channel, None) is None:
            return False
        log.warning("%s gets through again", channel)
        return True


def without_addresses(said: str) -> str:
    """Return what another system said, for the log, without anybody's address."""
    return _ADDRESS.sub("(address)", said)
