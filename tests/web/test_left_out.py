"""Robots, pages fetched ahead, staff and agents leave every figure as it was; all through HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from kb.analytics.jobs import close_episodes
from kb.analytics.report import DateRange
from kb.analytics.service import report
from kb.analytics.solved_queries import solved
from kb.privacy.overview import figures
from kb.schema import events

PREFETCHING = {"HTTP_SEC_PURPOSE": "prefetch;prerender"}
CRAWLERS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2)",
    "facebookexternalhit/1.1",
    "python-requests/2.32.3",
    "",
)
LATER = timedelta(days=2)
WHEN = datetime.now(UTC) + LATER


def _everything(client: Any) -> None:
    """Do whatever a reader can do that is recorded."""
    for words in ("printing", "coffee machine E4", "vpn"):
        client.get("/search", query_string={"q": words})
        found = client.get("/api/v1/search", query_string={"q": words}).get_json()
        client.get(f"/articles/print/public?from={found['search_id']}&rank=1")
    client.post("/articles/print/public/vote", data={"helpful": "yes"})
    client.post("/articles/print/public/solved", data={"search": found["search_id"]})
    client.post("/dwell", data={"article": "print/public", "seconds": 60})
    client.get("/tickets/new")


def _figures(site: Any) -> Any:
    parts = site.services
    close_episodes(parts.db, parts.settings, WHEN)
    today = datetime.now(UTC).date()
    found = report(parts.db, DateRange(today - LATER, today + LATER), k=1, now=WHEN)
    return found, solved(parts.db, parts.settings, WHEN)


def _left_out(site: Any) -> dict[str, int]:
    query = sa.select(events.c.left_out, sa.func.count()).group_by(events.c.left_out)
    with site.services.db.read() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


@pytest.fixture
def counted(new_site: Callable[..., Any]) -> Any:
    """Return a site at which one reader has done everything."""
    made = new_site(k_anonymity=1)
    _everything(made.browser())
    return made


def _strangers(site: Any) -> Iterator[tuple[str, Any]]:
    for agent in CRAWLERS:
        yield "robot", site.browser(HTTP_USER_AGENT=agent)
    yield "robot", site.browser(**PREFETCHING)
    reader = site.signed_in("reader")
    reader.environ_base.update(PREFETCHING)
    yield "robot", reader
    for role in ("author", "agent", "lead", "admin"):
        yield "staff", site.signed_in(role)


def test_nothing_that_no_reader_did_enters_a_figure(counted: Any) -> None:
    before = _figures(counted)
    readers = _left_out(counted)[""]
    seen: dict[str, int] = {"": readers}
    for mark, client in _strangers(counted):
        _everything(client)
        now = _left_out(counted)
        seen[mark] = seen.get(mark, 0) + readers
        assert now == seen, client.environ_base
    assert _figures(counted) == before
    told = figures(counted.services.db, counted.services.settings, datetime.now(UTC)).totals
    assert (told.robots, told.staff) == (seen["robot"], seen["staff"])


def test_a_reader_changes_the_figures(counted: Any) -> None:
    before = _figures(counted)
    _everything(counted.browser(REMOTE_ADDR="203.0.113.7"))
    assert _figures(counted) != before
