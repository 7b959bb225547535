"""What was seen of proxies that the settings do not name, or name otherwise.

Promises one line in the log for each kind of trouble, and a sentence about it for an hour after it
was seen last: behind a proxy that is not declared all visitors are one. Knows no header.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

KEPT_S = 3600.0  # a single request of somebody who tries things out is forgotten by then


class Proxied:
    """The troubles of one process, by their kind."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, float] = {}

    def undeclared(self, peer: str) -> None:
        """Note that `peer`, of this machine or a private network, says whom it asks for."""
        self._note(
            "forwarding headers come from a proxy that the setting trusted_proxies does not name, "
            "so all its visitors count as one",
            peer,
        )

    def prefixed(self, said: str, path: str) -> None:
        """Note that a declared proxy shows the site under another path than site_url has."""
        self._note(
            "the proxy says another path than the setting site_url, so links lead elsewhere",
            f"{said} and {path or '/'}",
        )

    def trouble(self) -> str:
        """Return what was seen lately, without addresses; "" for nothing."""
        since = self._clock() - KEPT_S
        return "; ".join(said for said, at in list(self._seen.items()) if at >= since)

    def _note(self, said: str, which: str) -> None:
        if said not in self._seen:
            log.warning("%s (%s)", said, which)
        self._seen[said] = self._clock()
