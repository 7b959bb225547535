"""Mail into the log, where no mail server is set.

Promises that what would be sent can be read on the console, private links included: it is for
trying the product out. Knows no network.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

log = logging.getLogger("kb.mail")


class ConsoleChannel:
    """Writes each letter to the log."""

    def send(self, payload: Mapping[str, Any], key: str) -> None:
        """Log the letter; this cannot fail."""
        log.info(
            "mail %s to %s: %s\n%s",
            key,
            payload.get("to", ""),
            payload.get("subject", ""),
            payload.get("text", ""),
        )
