"""Tickets of a range as figures.

Promises shares with their counts and intervals, and times in which what is open still counts. Pure:
adds up rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

import numpy as np

from kb.insight.figure import Figure, share
from kb.insight.tickets.durations import Duration, duration
from kb.insight.tickets.rows import ANSWERED, CREATED, KNOWN, RESOLUTIONS, RESOLVED, Alike

K = TypeVar("K", bound=Hashable)

DAY_S = 86_400
BY_WEEK = 92  # days of a range up to which known answers are told by week; above, by four weeks


@dataclass(frozen=True, slots=True)
class Period:
    """Tickets created on some days and resolved with a kind: those with a known answer."""

    first: date
    last: date
    known: Figure


@dataclass(frozen=True, slots=True)
class TicketFigures:
    """All of it. `by_origin` and `by_tier` count by (origin or tier, status)."""

    by_origin: Mapping[tuple[str, str], int]
    by_tier: Mapping[tuple[int, str], int]
    shares: tuple[Figure, ...]
    durations: tuple[Duration, ...]
    resolutions: tuple[Figure, ...]
    periods: tuple[Period, ...]


def ticket_figures(
    tickets: Iterable[Alike], *, first: date, last: date, tiers: Collection[int], now: float
) -> TicketFigures:
    """Return the figures of the tickets created from `first` to `last`; `now` is in seconds after
    the range began, `tiers` are the levels told of even where no ticket is.
    """
    every = tuple(tickets)
    people = [each for each in every if each.of_people]
    with_kind = [each for each in people if each.done and each.resolution]
    return TicketFigures(
        by_origin=_counted(((each.origin, each.status), each) for each in every),
        by_tier=_counted(((each.tier, each.status), each) for each in people),
        shares=_shares(people, with_kind),
        durations=_durations(people, tiers, now),
        resolutions=tuple(
            share(
                "ticket_resolution",
                _number(each for each in with_kind if each.resolution == kind),
                _number(with_kind),
                key=kind,
                name=kind,
            )
            for kind in RESOLUTIONS
        ),
        periods=_periods(with_kind, first, last),
    )


def _number(tickets: Iterable[Alike]) -> int:
    return sum(each.number for each in tickets)


def _counted(keyed: Iterable[tuple[K, Alike]]) -> Counter[K]:
    found: Counter[K] = Counter()
    for key, each in keyed:
        found[key] += each.number
    return found


def _shares(people: Sequence[Alike], with_kind: Sequence[Alike]) -> tuple[Figure, ...]:
    once = [each for each in people if each.resolutions]

    def of(key: str, such: Callable[[Alike], object], among: Sequence[Alike]) -> Figure:
        return share(key, _number(each for each in among if such(each)), _number(among))

    return (
        of("ticket_escalated", lambda one: one.raised_by_clock or one.raised_by_hand, people),
        of("ticket_escalated_clock", lambda one: one.raised_by_clock, people),
        of("ticket_escalated_hand", lambda one: one.raised_by_hand, people),
        of("ticket_returned", lambda one: one.returned, people),
        of("ticket_reopened", lambda one: one.reopened, once),
        of("ticket_first_contact", lambda one: one.at_first_contact, once),
        of("known_share", lambda one: one.resolution in KNOWN, with_kind),
    )


def _durations(people: Sequence[Alike], tiers: Collection[int], now: float) -> tuple[Duration, ...]:
    levels = sorted({*tiers, *(each.tier for each in people)})
    answer, resolve = "ticket_first_answer", "ticket_resolve_time"
    at = {level: [each for each in people if each.tier == level] for level in levels}
    return (
        _duration(answer, people, ANSWERED, now),
        _duration(resolve, people, RESOLVED, now),
        *(_duration(resolve, at[level], RESOLVED, now, tier=level) for level in levels),
    )


def _duration(
    definition: str, tickets: Sequence[Alike], end: int, now: float, *, tier: int | None = None
) -> Duration:
    """Return the time from creation to the end that this column of the times holds."""
    times = np.concatenate([np.zeros((0, 3)), *(each.times for each in tickets)])
    ended = ~np.isnan(times[:, end])
    open_for = now - times[~ended, CREATED]
    return duration(
        definition, np.maximum(times[ended, end], 0), np.maximum(open_for, 0), tier=tier
    )


def _periods(with_kind: Sequence[Alike], first: date, last: date) -> tuple[Period, ...]:
    days = (last - first).days + 1
    length = 7 if days <= BY_WEEK else 28
    counts: Counter[tuple[int, bool]] = Counter()
    for each in with_kind:
        places, numbers = np.unique(each.times[:, CREATED] // (DAY_S * length), return_counts=True)
        for place, number in zip(places, numbers, strict=True):
            counts[int(place), each.resolution in KNOWN] += int(number)
    return tuple(
        Period(
            first + timedelta(days=place * length),
            min(last, first + timedelta(days=(place + 1) * length - 1)),
            share("known_share", counts[place, True], counts[place, True] + counts[place, False]),
        )
        for place in range(-(-days // length))
    )
