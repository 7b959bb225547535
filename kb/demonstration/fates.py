"""What becomes of a made-up ticket at the desk, and when.

Promises steps that the desk's own rules allow, in order of time, drawn from the seed and the
ticket's visit alone; more are resolved at the first contact from week to week. Knows no desk.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Do(StrEnum):
    """One step."""

    TAKE = "take"
    ASK_BACK = "ask_back"
    REPLY = "reply"
    CLOCK = "clock"
    ESCALATE = "escalate"
    RESOLVE = "resolve"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Step:
    """What is done at `at`; `tier` is whose agent does it."""

    at: datetime
    do: Do
    tier: int = 1


def fate(chance: random.Random, opened: datetime, place: float) -> tuple[Step, ...]:
    """Return the steps of a ticket; `place` is how far the quarter has gone, in [0, 1]."""
    shares = (0.34 + 0.14 * place, 0.16, 0.30 - 0.08 * place, 0.20 - 0.06 * place)
    [way] = chance.choices((_at_once, _asked_back, _left_waiting, _handed_up), shares)
    steps = list(way(chance, _desk_hours(opened)))
    last = steps[-1]
    if chance.random() < 0.06:  # it was not solved after all
        again = _after(chance, last, 3, 30)
        steps += [Step(again, Do.REPLY), Step(again + timedelta(hours=3), Do.RESOLVE, last.tier)]
    return (*steps, Step(steps[-1].at + timedelta(days=5), Do.CLOSE, last.tier))


def _desk_hours(opened: datetime) -> datetime:
    """Return when the desk sees it: at once in its hours, else next morning, never at weekends."""
    at = opened
    if at.hour >= 18:
        at = at.replace(hour=7, minute=5) + timedelta(days=1)
    elif at.hour < 7:
        at = at.replace(hour=7, minute=5)
    while at.weekday() >= 5:
        at += timedelta(days=1)
    return max(at, opened)


def _at_once(chance: random.Random, seen: datetime) -> Iterator[Step]:
    taken = seen + timedelta(minutes=chance.uniform(1, 9))
    yield Step(taken, Do.TAKE)
    yield Step(taken + timedelta(minutes=chance.uniform(3, 18)), Do.RESOLVE)


def _asked_back(chance: random.Random, seen: datetime) -> Iterator[Step]:
    taken = seen + timedelta(minutes=chance.uniform(2, 12))
    yield Step(taken, Do.TAKE)
    yield Step(taken + timedelta(minutes=4), Do.ASK_BACK)
    replied = taken + timedelta(hours=chance.uniform(1, 26))
    yield Step(replied, Do.REPLY)
    yield Step(replied + timedelta(minutes=chance.uniform(2, 9)), Do.RESOLVE)


def _left_waiting(chance: random.Random, seen: datetime) -> Iterator[Step]:
    yield Step(seen + timedelta(minutes=31), Do.CLOCK)
    taken = seen + timedelta(hours=chance.uniform(1, 4))
    yield Step(taken, Do.TAKE, 2)
    yield Step(taken + timedelta(hours=chance.lognormvariate(1.2, 0.9)), Do.RESOLVE, 2)


def _handed_up(chance: random.Random, seen: datetime) -> Iterator[Step]:
    taken = seen + timedelta(minutes=chance.uniform(2, 10))
    yield Step(taken, Do.TAKE)
    yield Step(taken + timedelta(minutes=chance.uniform(5, 15)), Do.ESCALATE)
    second = taken + timedelta(hours=chance.uniform(1, 8))
    yield Step(second, Do.TAKE, 2)
    if chance.random() < 0.35:
        yield Step(second + timedelta(hours=1), Do.ESCALATE, 2)
        third = second + timedelta(hours=chance.uniform(4, 30))
        yield Step(third, Do.TAKE, 3)
        yield Step(third + timedelta(hours=chance.uniform(2, 60)), Do.RESOLVE, 3)
    else:
        yield Step(second + timedelta(hours=chance.uniform(1, 20)), Do.RESOLVE, 2)


def _after(chance: random.Random, last: Step, least: float, most: float) -> datetime:
    return last.at + timedelta(hours=chance.uniform(least, most))
