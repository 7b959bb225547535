"""Group events into episodes, and find how each episode ended.

The same events always give the same episodes, in any order and with any repeats. Each episode has
exactly one outcome. The definitions in words are in `kb.analytics.definitions` and docs/metrics.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from kb.analytics.model import ArticleReading, Episode, Outcome, Search, TicketSeen
from kb.tracking.events import Event, EventKind

READ_S = 10.0  # seconds on an article before it counts as read (definition 1)
# Events that are not acts of the person: a suggestion shown, the experiment's arm, the survey. An
# answer to the survey must not change how the episode would have been judged without it.
ASIDES = frozenset(
    {
        EventKind.SUGGESTION_SHOWN,
        EventKind.HOLDOUT,
        EventKind.SURVEY_SHOWN,
        EventKind.SURVEY_ANSWERED,
    }
)
# What a person does. Only these make an episode.
ACTS = frozenset(EventKind) - ASIDES
# These may arrive late: an open tab reports its reading hours later, a policy opens a ticket
# after the episode.
FOLLOWERS = frozenset({EventKind.DWELL, EventKind.TICKET_CREATED})
LATE = timedelta(days=1)  # later followers are ignored: outcomes are final by then
OPENINGS = frozenset({EventKind.CLICK, EventKind.VIEW, EventKind.SUGGESTION_OPENED})


def episodes(events: Iterable[Event], gap: timedelta) -> tuple[Episode, ...]:
    """Return the episodes in `events` (of any visitors), in order of start.

    Events that are left out or have no visitor are ignored. FOLLOWERS keep an episode going but do
    not start one: after the gap, up to LATE, they belong to the previous episode without moving its
    end. ASIDES belong to the episode that is going on at their time, if there is one.
    """
    visitors: dict[str, dict[str, Event]] = {}
    for event in events:
        if event.visitor and not event.left_out:
            visitors.setdefault(event.visitor, {}).setdefault(event.id, event)
    found = [e for own in visitors.values() for e in _with_asides(list(own.values()), gap)]
    return tuple(sorted(found, key=lambda episode: (episode.started_at, episode.id)))


def _with_asides(events: list[Event], gap: timedelta) -> list[Episode]:
    """Return one visitor's episodes, each with the asides that fall into it."""
    found = _of_visitor([event for event in events if event.kind in ACTS], gap)
    asides = sorted((event for event in events if event.kind in ASIDES), key=_order)
    mine: dict[str, list[Event]] = {}
    for aside in asides:
        begun = [one for one in found if one.started_at <= aside.at <= one.ended_at + gap]
        if begun:
            mine.setdefault(begun[-1].id, []).append(aside)
    return [replace(one, asides=tuple(mine.get(one.id, ()))) for one in found]


def _of_visitor(events: list[Event], gap: timedelta) -> list[Episode]:
    runs: list[list[Event]] = []
    ends: list[datetime] = []
    for event in sorted(events, key=_order):
        late = not ends or event.at - ends[-1] > gap
        if late and event.kind in FOLLOWERS:
            if runs and event.at - ends[-1] <= LATE:
                runs[-1].append(event)
            continue
        if late:
            runs.append([])
            ends.append(event.at)
        runs[-1].append(event)
        ends[-1] = event.at
    return [_episode(run, end) for run, end in zip(runs, ends, strict=True)]


def _order(event: Event) -> tuple[datetime, str]:
    return event.at, event.id


def _episode(run: Sequence[Event], ended_at: datetime) -> Episode:
    first = run[0]
    basis = f"{first.visitor}\0{first.id}".encode()
    return Episode(
        id=hashlib.sha256(basis).hexdigest()[:32],
        visitor=first.visitor,
        user_id=next((event.user_id for event in run if event.user_id), ""),
        events=tuple(run),
        started_at=first.at,
        ended_at=ended_at,
    )


# -- What happened in an episode --


def searches(episode: Episode) -> tuple[Search, ...]:
    """Return its searches; consecutive searches for the same words count as one."""
    groups: list[list[Event]] = []
    for event in episode.of(EventKind.SEARCH):
        if groups and groups[-1][0].words_key == event.words_key:
            groups[-1].append(event)
        else:
            groups.append([event])
    return tuple(_search(group) for group in groups)


def _search(forms: Sequence[Event]) -> Search:
    """Return these search events as one search, with the best result that any of them had."""
    first, last = forms[0], forms[-1]
    return Search(
        ids=tuple(form.id for form in forms),
        at=first.at,
        words=first.words or "",
        words_key=first.words_key or "",
        language=str(first.data.get("language", "")),
        total=max(int(form.data.get("total", 0)) for form in forms),
        answerable=any(bool(form.data.get("answerable")) for form in forms),
        surface=first.surface,
        device=str(last.data.get("device", "")),
        collection=str(last.data.get("collection", "")),
        ms=float(last.data["ms"]) if "ms" in last.data else None,
    )


def readings(episode: Episode) -> tuple[ArticleReading, ...]:
    """Return the articles opened, one row for each article and search, in order.

    `seconds` is the longest dwell reported, else the time to the visitor's next act other than
    opening the same article, else None.
    """
    groups: dict[tuple[str, str], list[Event]] = {}
    for event in episode.events:
        if event.article and (event.kind in OPENINGS or event.kind is EventKind.DWELL):
            # A suggestion on the form is not a result of the search that led to the form.
            suggested = event.kind is EventKind.SUGGESTION_OPENED
            search_id = "" if suggested else event.search_id or ""
            groups.setdefault((event.article, search_id), []).append(event)
    return tuple(
        ArticleReading(article, search_id, group[0].at, _seconds(episode, group))
        for (article, search_id), group in groups.items()
        if any(event.kind in OPENINGS for event in group)
    )


def _seconds(episode: Episode, group: Sequence[Event]) -> float | None:
    told = [float(e.data.get("seconds", 0)) for e in group if e.kind is EventKind.DWELL]
    if told:
        return max(told)
    spans = [_until_next(episode, event) for event in group if event.kind in OPENINGS]
    return max((span for span in spans if span is not None), default=None)


def _until_next(episode: Episode, opening: Event) -> float | None:
    """Return the seconds from an opening to the next different act, None without one."""
    after = episode.events[episode.events.index(opening) + 1 :]
    for event in after:
        if event.at > episode.ended_at:  # a policy's ticket, long after the person left
            break
        same = event.kind in OPENINGS and event.article == opening.article
        if not same and event.kind is not EventKind.DWELL:
            return (event.at - opening.at).total_seconds()
    return None


def is_read(reading: ArticleReading) -> bool:
    """Return whether the article was read for 10 seconds or more; unknown counts as no."""
    return reading.seconds is not None and reading.seconds >= READ_S


def votes(episode: Episode) -> dict[str, Event]:
    """Return the visitor's last vote on each article."""
    return {event.article or "": event for event in episode.of(EventKind.VOTE)}


def is_helpful(vote: Event) -> bool:
    """Return whether the vote says "helpful"."""
    return vote.data.get("helpful") is True


def approvals(episode: Episode) -> tuple[Event, ...]:
    """Return the events that say the need was met: "this solved it", on an article or instead of a
    ticket, and helpful votes.
    """
    helpful = tuple(vote for vote in votes(episode).values() if is_helpful(vote))
    return (*episode.of(EventKind.SOLVED, EventKind.FORM_WITHDRAWN), *helpful)


def useful_readings(episode: Episode) -> tuple[ArticleReading, ...]:
    """Return the articles read that the visitor did not vote down."""
    down = {article for article, vote in votes(episode).items() if not is_helpful(vote)}
    return tuple(r for r in readings(episode) if is_read(r) and r.article not in down)


# -- How an episode ended --


def matching(
    episode: Episode, tickets: Iterable[TicketSeen], window: timedelta
) -> tuple[TicketSeen, ...]:
    """Return the tickets of this person from the episode's start to `window` after its end.

    A ticket matches by visitor, by account, or by a search of this episode.
    """
    own = {event.id for event in episode.of(EventKind.SEARCH)}
    until = episode.ended_at + window
    return tuple(
        ticket
        for ticket in tickets
        if episode.started_at <= ticket.at <= until
        and (
            ticket.visitor == episode.visitor
            or (episode.user_id and ticket.user_id == episode.user_id)
            or ticket.search_id in own
        )
    )


def outcome(
    episode: Episode, tickets: Iterable[TicketSeen], now: datetime, *, window: timedelta
) -> Outcome:
    """Return the first outcome that applies; OPEN until `window` has passed."""
    if matching(episode, tickets, window):
        return Outcome.TICKETED
    if not is_closed(episode, now, window):
        return Outcome.OPEN
    return without_ticket(episode)


def without_ticket(episode: Episode) -> Outcome:
    """Return the outcome that the episode has, or would have had without its ticket."""
    if approvals(episode):
        return Outcome.CONFIRMED
    return Outcome.POTENTIAL if useful_readings(episode) else Outcome.ABANDONED


def ticket_after(episode: Episode, tickets: Iterable[TicketSeen], reach: timedelta) -> float | None:
    """Return the seconds from the episode's end to its first ticket, 0 or less for a ticket within
    the episode; None without a ticket within `reach` of the end.
    """
    own = matching(episode, tickets, reach)
    first = min((ticket.at for ticket in own), default=None)
    return None if first is None else (first - episode.ended_at).total_seconds()


def is_ended(episode: Episode, now: datetime, gap: timedelta) -> bool:
    """Return whether the gap has passed, so that new acts no longer belong to the episode."""
    return now - episode.ended_at > gap


def is_closed(episode: Episode, now: datetime, window: timedelta) -> bool:
    """Return whether the wait for a ticket is over."""
    return now - episode.ended_at > window


def unresolved(
    episode: Episode, last_failed: Search | None, tickets: Sequence[TicketSeen], window: timedelta
) -> bool:
    """Return whether the need is still unmet.

    This holds when a search failed, no ticket came, and after the last failed search nothing was
    voted helpful or called solved, and nothing was read for 10 seconds without being voted down.
    """
    if last_failed is None or matching(episode, tickets, window):
        return False
    met = [act.at for act in approvals(episode)] + [r.at for r in useful_readings(episode)]
    return not any(at >= last_failed.at for at in met)


def consecutive(found: Sequence[Search]) -> list[tuple[Search, Search | None]]:
    """Return each search with the next one of the episode, None after the last."""
    return [*pairwise(found), (found[-1], None)] if found else []
