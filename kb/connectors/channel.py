"""What every way out of the product looks like.

Promises two kinds of failure and nothing else: one that may pass and one that will not; of the
first, some stop everything that goes this way. Knows no system.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol


class TemporaryFailure(Exception):
    """It did not work this time; `retry_after` is what the other side asked for."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ChannelFailure(TemporaryFailure):
    """Nothing gets through this way at present, whoever it is for: `fault` says why in words that
    anybody may read, `detail` what the other side or this machine said.
    """

    def __init__(self, fault: str, detail: str = "") -> None:
        super().__init__(f"{fault} {detail}".strip())
        self.fault = fault


class PermanentFailure(Exception):
    """It was refused and would be refused again; somebody has to look at it."""


class Channel(Protocol):
    """One way out."""

    def send(self, payload: Mapping[str, Any], key: str) -> None:
        """Deliver the payload. The same key may come again after a failure or a crash, and the
        far side must be able to tell that it is the same thing.

        Raises TemporaryFailure or PermanentFailure.
        """
