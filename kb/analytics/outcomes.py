"""Judge one episode at one moment: its outcome, its failures, and the data that reports add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kb.analytics import episodes
from kb.analytics.failures import failures, last_failed, related
from kb.analytics.model import Episode, Failure, JudgedEpisode, Search, TicketSeen
from kb.tracking.events import REASONS, EventKind

# The longest wait for a ticket for which reports show outcomes.
REACH = timedelta(days=7)
WAITS = (timedelta(hours=1), timedelta(hours=24), REACH)
MARKS = ("opened", "read", "helpful", "unhelpful", "solved", "ticketed")


@dataclass(frozen=True, slots=True)
class Waits:
    """`gap` is the silence that ends an episode, `window` the wait for a ticket after its end."""

    gap: timedelta = timedelta(minutes=30)
    window: timedelta = timedelta(hours=24)

    @property
    def reach(self) -> timedelta:
        """Return how long after an episode a ticket may still be counted in any figure."""
        return max(self.window, REACH)


def judge(
    episode: Episode, tickets: Sequence[TicketSeen], now: datetime, *, spans: Waits
) -> JudgedEpisode:
    """Return the episode with its outcome, failed searches and what was read, as of `now`."""
    ended = episodes.is_ended(episode, now, spans.gap)
    found = episodes.searches(episode)
    own = episodes.matching(episode, tickets, spans.window)
    classes = failures(episode, tickets, ended=ended, window=spans.window, found=found)
    last = last_failed(found, classes)
    return JudgedEpisode(
        episode=episode,
        outcome=episodes.outcome(episode, tickets, now, window=spans.window),
        ended=ended,
        closed=episodes.is_closed(episode, now, spans.window),
        unresolved=episodes.unresolved(episode, last, tickets, spans.window),
        searches=found,
        failures=classes,
        data=_data(episode, found, classes, last.id if last else "", own)
        | _aside(episode)
        | {
            "otherwise": episodes.without_ticket(episode).value,
            "ticket_after": episodes.ticket_after(episode, tickets, spans.reach),
        },
    )


def _data(
    episode: Episode,
    found: Sequence[Search],
    classes: dict[str, Failure],
    last: str,
    own: Sequence[TicketSeen],
) -> dict[str, Any]:
    """Return the data that reports add up, without any words that a person typed."""
    return {
        "searches": len(found),
        "clicked": _clicked(episode, found),
        "asked": _asked(found, classes),
        "ranks": _ranks(episode, found),
        "took": [round(search.ms) for search in found if search.ms is not None],
        "reworded": _reworded(found),
        "failed": len(classes),
        "last_failed": last,
        "languages": sorted({search.language for search in found if search.language}),
        "articles": _articles(episode, own),
        "reasons": _reasons(episode),
        "form": bool(episode.of(EventKind.FORM_OPENED)),
        "seq": max(event.seq for event in (*episode.events, *episode.asides)),
    }


def _clicked(episode: Episode, found: Sequence[Search]) -> int:
    """Return the number of searches from which something was opened."""
    opened = {reading.search_id for reading in episodes.readings(episode)}
    return sum(bool(opened & set(search.ids)) for search in found)


def _asked(
    found: Sequence[Search], classes: Mapping[str, Failure]
) -> list[tuple[str, str, str, str, str, int]]:
    """Return (language, surface, device, collection, failure class or "", searches), in order."""
    kinds = Counter(
        (one.language, one.surface, one.device, one.collection, str(classes.get(one.id, "")))
        for one in found
    )
    return [(*kind, number) for kind, number in sorted(kinds.items())]


def _ranks(episode: Episode, found: Sequence[Search]) -> list[int]:
    """Return the rank of the first hit opened from each search: 1 for the top, 0 if unknown. A
    search without a hit opened is left out.
    """
    first: dict[str, int] = {}
    for click in episode.of(EventKind.CLICK):
        first.setdefault(click.search_id or "", int(click.data.get("rank") or 0))
    opened = ([first[each] for each in search.ids if each in first] for search in found)
    return [ranks[0] for ranks in opened if ranks]


def _reworded(found: Sequence[Search]) -> int:
    """Return the number of searches that were followed directly by one with related words."""
    return sum(
        after is not None and related(search.words, after.words, search.language)
        for search, after in episodes.consecutive(found)
    )


def _reasons(episode: Episode) -> dict[str, str]:
    """Return the reason by article, where the visitor's last vote was unhelpful and gave one."""
    return {
        article: reason
        for article, vote in episodes.votes(episode).items()
        if not episodes.is_helpful(vote) and (reason := str(vote.data.get("reason", ""))) in REASONS
    }


def _aside(episode: Episode) -> dict[str, Any]:
    """Return the experiment's arm with its held-out share, and the survey's state: "", "shown",
    "yes" or "no". The first event of each kind counts.
    """
    first: dict[EventKind, Mapping[str, Any]] = {}
    for event in episode.asides:
        first.setdefault(event.kind, event.data)
    drawn = first.get(EventKind.HOLDOUT, {})
    answer = first.get(EventKind.SURVEY_ANSWERED)
    heard = "shown" if EventKind.SURVEY_SHOWN in first else ""
    if answer is not None:
        heard = "yes" if answer.get("found") is True else "no"
    return {
        "arm": str(drawn.get("arm", "")),
        "share": int(drawn.get("share", 0)),
        "survey": heard,
    }


def _articles(episode: Episode, own: Sequence[TicketSeen]) -> dict[str, dict[str, int]]:
    """Return the MARKS of each article, each 0 or 1; "ticketed" is read, followed by a ticket."""
    rows: dict[str, dict[str, int]] = {}

    def mark(article: str | None, what: str) -> None:
        if article:
            rows.setdefault(article, dict.fromkeys(MARKS, 0))[what] = 1

    for reading in episodes.readings(episode):
        mark(reading.article, "opened")
        if episodes.is_read(reading):
            mark(reading.article, "read")
            if any(ticket.at >= reading.at for ticket in own):
                mark(reading.article, "ticketed")
    for article, vote in episodes.votes(episode).items():
        mark(article, "helpful" if episodes.is_helpful(vote) else "unhelpful")
    for event in episode.of(EventKind.SOLVED):
        mark(event.article, "solved")
    return rows
