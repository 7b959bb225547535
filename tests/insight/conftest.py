"""A small language for what visitors did: `did` makes events, `minutes` places them in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kb.lookup.events import Event, EventKind
from kb.lookup.words import words_key

NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)
Did = Callable[..., Event]


@pytest.fixture
def noon() -> datetime:
    return NOON


@pytest.fixture
def did() -> Did:
    """Return a maker of events: did("search", seconds, words=..., total=..., answerable=...)."""
    count = [0]

    def make(kind: str, at: float, *, visitor: str = "v", **more: Any) -> Event:
        count[0] += 1
        made = more.pop("id", f"{kind}{count[0]}")
        fields = {name: more.pop(name, None) for name in ("search_id", "article", "user_id")}
        words = more.pop("words", None)
        left_out = more.pop("left_out", "")
        if kind == "search":
            more = {"total": 3, "answerable": True, "language": "en", "surface": "page"} | more
            fields["search_id"] = made
        key = words_key(words) if words is not None else None
        return Event(made, NOON + timedelta(seconds=at), EventKind(kind), visitor, words=words,
                     words_key=key, left_out=left_out, data=more, **fields)  # fmt: skip

    return make
