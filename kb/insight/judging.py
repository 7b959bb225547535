"""One episode judged by every definition at one moment.

Promises what the store keeps and the reports add up, in one pure step. Knows no database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kb.insight import episodes as rules
from kb.insight.facts import Episode, Failure, Judged, TicketSeen
from kb.insight.failures import failures, last_failed
from kb.lookup.events import EventKind

MARKS = ("opened", "read", "helpful", "unhelpful", "solved", "ticketed")


@dataclass(frozen=True, slots=True)
class Spans:
    """The two waits of the definitions."""

    gap: timedelta = timedelta(minutes=30)
    window: timedelta = timedelta(hours=24)


def judge(
    episode: Episode, tickets: Sequence[TicketSeen], now: datetime, *, spans: Spans
) -> Judged:
    """Return the episode with its outcome, failed searches and what was read, as of `now`."""
    ended = rules.is_ended(episode, now, spans.gap)
    found = rules.searches(episode)
    own = rules.matching(episode, tickets, spans.window)
    classes = failures(episode, tickets, ended=ended, window=spans.window)
    last = last_failed(found, classes)
    return Judged(
        episode=episode,
        outcome=rules.outcome(episode, tickets, now, window=spans.window),
        ended=ended,
        closed=rules.is_closed(episode, now, spans.window),
        unresolved=rules.unresolved(episode, last, tickets, spans.window),
        searches=found,
        failures=classes,
        data=_data(episode, classes, last.id if last else "", own),
    )


def _data(
    episode: Episode, classes: dict[str, Failure], last: str, own: Sequence[TicketSeen]
) -> dict[str, Any]:
    """Return what reports add up, without a word that anybody typed."""
    found = rules.searches(episode)
    return {
        "searches": len(found),
        "failed": len(classes),
        "last_failed": last,
        "languages": sorted({search.language for search in found if search.language}),
        "articles": _articles(episode, own),
        "form": bool(episode.of(EventKind.FORM_OPENED)),
        "seq": max(event.seq for event in episode.events),
    }


def _articles(episode: Episode, own: Sequence[TicketSeen]) -> dict[str, dict[str, int]]:
    """Return the marks of each article touched, each 0 or 1; ticketed: read, and then a ticket."""
    rows: dict[str, dict[str, int]] = {}

    def mark(article: str | None, what: str) -> None:
        if article:
            rows.setdefault(article, dict.fromkeys(MARKS, 0))[what] = 1

    for reading in rules.readings(episode):
        mark(reading.article, "opened")
        if rules.is_read(reading):
            mark(reading.article, "read")
            if any(ticket.at >= reading.at for ticket in own):
                mark(reading.article, "ticketed")
    for article, vote in rules.votes(episode).items():
        mark(article, "helpful" if rules.is_helpful(vote) else "unhelpful")
    for event in episode.of(EventKind.SOLVED):
        mark(event.article, "solved")
    return rows
