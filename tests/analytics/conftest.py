"""A small language for what visitors did: `did` makes events, `minutes` places them in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kb.analytics.jobs import close_episodes
from kb.services import Services
from kb.tracking.events import Event, EventKind
from kb.tracking.query_text import words_key
from kb.tracking.store import put_all

NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)
LATER = datetime(2025, 4, 20, tzinfo=UTC)
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


@pytest.fixture
def month(services: Services, did: Did) -> Services:
    """Return a site with a month of 400 people whose outcomes differ."""
    put_all(services.db, [event for n in range(400) for event in _life(did, n)])
    close_episodes(services.db, services.settings, LATER)
    return services


def _life(did: Did, n: int) -> list[Event]:
    at, who = -8 * 86400 + n * 6000, f"{n:032x}"
    held = n % 5 == 0
    made = [did("search", at, words="vpn", visitor=who, id=f"s{n}")]
    if n % 2:
        read = {"article": "vpn/connect-to-the-vpn", "visitor": who, "search_id": f"s{n}"}
        made += [did("view", at + 5, **read), did("dwell", at + 50, seconds=40, **read),
                 did("survey_shown", at + 5, visitor=who)]  # fmt: skip
        if n % 3:
            made.append(did("survey_answered", at + 60, visitor=who, found=n % 7 > 2))
    else:
        arm = "held_out" if held else "shown"
        made += [did("form_opened", at + 70, visitor=who),
                 did("holdout", at + 70, visitor=who, arm=arm, share=20)]  # fmt: skip
        if held or n % 3:
            made.append(did("ticket_created", at + 90, visitor=who, number=n, origin="asked"))
    return made
