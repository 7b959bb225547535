"""The boundary of the worker's tests: letters are kept instead of sent."""

from __future__ import annotations

from typing import Any

import pytest

from kb.connectors.base import TemporaryFailure


class Post:
    """A channel that keeps letters instead of sending them: the boundary of these tests."""

    def __init__(self) -> None:
        self.letters: list[dict[str, Any]] = []
        self.down = False

    def send(self, payload: Any, key: str) -> None:
        """Keep the letter with its key; raise TemporaryFailure while the line is down."""
        if self.down:
            raise TemporaryFailure(f"no line for {key}")
        self.letters.append(dict(payload) | {"key": key})


@pytest.fixture
def post() -> Post:
    """Return a channel of the test's own."""
    return Post()
