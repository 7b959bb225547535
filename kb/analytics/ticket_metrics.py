"""Figures on the tickets of a range: counts, shares, and times to an answer or a resolution.

Times include tickets that are still open, for as long as they have been open
(`kb.analytics.statistics.survival`). A percentile is given only when enough tickets have ended.
Shares carry their counts and intervals. No text of a ticket is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from kb.analytics.figures import Figure, share
from kb.analytics.statistics import survival
from kb.analytics.statistics.survival import Floats

# -- Durations --


FEWEST = 5  # tickets that must have ended before a percentile is given
TOO_FEW = f"fewer than {FEWEST} have ended"
TOO_MANY_OPEN = "too many are still open"


@dataclass(frozen=True, slots=True)
class Duration:
    """Times in seconds: the median with its 95 % interval (`low`, `high`) and the time within
    which nine of ten ended. `definition` is the key of what is timed; `tier` is None for all tiers.
    `ended` and `still_open` count the times used; `lacking` says why there is no median, "" if
    there is one.
    """

    definition: str
    tier: int | None
    ended: int
    still_open: int
    median: float | None = None
    low: float | None = None
    high: float | None = None
    nine_of_ten: float | None = None
    lacking: str = ""


def duration(
    definition: str,
    ended: Sequence[float] | Floats,
    still_open: Sequence[float] | Floats,
    *,
    tier: int | None = None,
) -> Duration:
    """Return the median and its interval; all times are in seconds, `still_open` until now."""
    counts = (definition, tier, len(ended), len(still_open))
    if len(ended) < FEWEST:
        return Duration(*counts, lacking=TOO_FEW)
    found = survival.curve(ended, still_open)
    middle = survival.quantile(found, 0.5)
    limits = survival.median_limits(found)
    return Duration(
        *counts,
        median=middle,
        low=limits.low if limits else None,
        high=limits.high if limits else None,
        nine_of_ten=survival.quantile(found, 0.9),
        lacking="" if middle is not None else TOO_MANY_OPEN,
    )


# -- Tickets as rows --


OPENED_BY_PEOPLE = frozenset({"asked", "policy"})  # the others are opened for the team
UNRESOLVED = ("new", "open", "waiting")
STATUSES = (*UNRESOLVED, "resolved", "closed")
KNOWN = ("linked_article", "article_to_fix")
NEW = ("gap", "no_knowledge")
RESOLUTIONS = (*KNOWN, *NEW)

CREATED, RESOLVED, ANSWERED = 0, 1, 2  # columns of `Alike.times`


@dataclass(frozen=True, slots=True)
class Alike:
    """A group of tickets that differ only in their times.

    `times` (n, 3) has a row for each ticket, in seconds: from the start of the range to creation,
    from creation to resolution, and from creation to the first answer or resolution; NaN for not
    yet.

    The numbers count what happened to each ticket: escalations by the clock and by hand, moves to a
    lower tier, messages from staff to the requester, and resolutions.
    """

    origin: str
    status: str
    tier: int
    resolution: str
    raised_by_clock: int
    raised_by_hand: int
    returned: int
    answers: int
    resolutions: int
    times: NDArray[np.float64]

    @property
    def number(self) -> int:
        """Return the number of tickets."""
        return len(self.times)

    @property
    def of_people(self) -> bool:
        """Return whether a person waits for them."""
        return self.origin in OPENED_BY_PEOPLE

    @property
    def done(self) -> bool:
        """Return whether they are resolved now."""
        return self.status not in UNRESOLVED

    @property
    def reopened(self) -> bool:
        """Return whether each was reopened after a resolution."""
        return self.resolutions > int(self.done)

    @property
    def at_first_contact(self) -> bool:
        """Return whether the first answer resolved them, see "ticket_first_contact"."""
        raised = self.raised_by_clock or self.raised_by_hand
        return self.done and not raised and self.answers <= 1 and not self.reopened


# -- Figures --


K = TypeVar("K", bound=Hashable)

DAY_S = 86_400
BY_WEEK = 92  # longest range in days shown by week; a longer one is shown by four weeks


@dataclass(frozen=True, slots=True)
class Period:
    """The share of known answers among tickets created on some days and resolved with a kind."""

    first: date
    last: date
    known: Figure


@dataclass(frozen=True, slots=True)
class TicketFigures:
    """All figures on tickets. `by_origin` and `by_tier` count by (origin or tier, status)."""

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
    the start of the range, `tiers` are levels to list even without tickets.
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
    """Return the duration from creation to `end`, a column of `Alike.times`."""
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
