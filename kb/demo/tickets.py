"""Made-up tickets taken through the real service desk.

The steps of a ticket are drawn from the seed and its visit alone, in order of time; from week to
week more are resolved at first contact. Every ticket is opened, moved and resolved under the desk's
own rules; a step that the rules forbid by then is skipped.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any

from kb.demo.agenda import Agenda
from kb.demo.readers import DemoRequest
from kb.errors import NotAllowed
from kb.tickets.escalation import escalate_due
from kb.tickets.model import (
    Action,
    Agent,
    Answer,
    Assign,
    Close,
    Escalate,
    Requester,
    RequesterReply,
    Resolution,
    Resolve,
    TicketDraft,
)
from kb.tickets.service import Desk
from kb.tracking.query_text import words_key

# -- The steps of a ticket --


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
class TicketStep:
    """What is done at `at`, by the agent of `tier`."""

    at: datetime
    do: Do
    tier: int = 1


def steps_of_ticket(
    chance: random.Random, opened: datetime, place: float
) -> tuple[TicketStep, ...]:
    """Return the steps of a ticket; `place` is the position in the quarter, in [0, 1]."""
    shares = (0.34 + 0.14 * place, 0.16, 0.30 - 0.08 * place, 0.20 - 0.06 * place)
    [way] = chance.choices((_at_once, _asked_back, _left_waiting, _handed_up), shares)
    steps = list(way(chance, _desk_hours(opened)))
    last = steps[-1]
    if chance.random() < 0.06:  # reopened: it was not solved after all
        again = _after(chance, last, 3, 30)
        steps += [
            TicketStep(again, Do.REPLY),
            TicketStep(again + timedelta(hours=3), Do.RESOLVE, last.tier),
        ]
    return (*steps, TicketStep(steps[-1].at + timedelta(days=5), Do.CLOSE, last.tier))


def _desk_hours(opened: datetime) -> datetime:
    """Return when the desk sees a ticket: at once in desk hours, else the next working morning."""
    at = opened
    if at.hour >= 18:
        at = at.replace(hour=7, minute=5) + timedelta(days=1)
    elif at.hour < 7:
        at = at.replace(hour=7, minute=5)
    while at.weekday() >= 5:
        at += timedelta(days=1)
    return max(at, opened)


def _at_once(chance: random.Random, seen: datetime) -> Iterator[TicketStep]:
    taken = seen + timedelta(minutes=chance.uniform(1, 9))
    yield TicketStep(taken, Do.TAKE)
    yield TicketStep(taken + timedelta(minutes=chance.uniform(3, 18)), Do.RESOLVE)


def _asked_back(chance: random.Random, seen: datetime) -> Iterator[TicketStep]:
    taken = seen + timedelta(minutes=chance.uniform(2, 12))
    yield TicketStep(taken, Do.TAKE)
    yield TicketStep(taken + timedelta(minutes=4), Do.ASK_BACK)
    replied = taken + timedelta(hours=chance.uniform(1, 26))
    yield TicketStep(replied, Do.REPLY)
    yield TicketStep(replied + timedelta(minutes=chance.uniform(2, 9)), Do.RESOLVE)


def _left_waiting(chance: random.Random, seen: datetime) -> Iterator[TicketStep]:
    yield TicketStep(seen + timedelta(minutes=31), Do.CLOCK)
    taken = seen + timedelta(hours=chance.uniform(1, 4))
    yield TicketStep(taken, Do.TAKE, 2)
    yield TicketStep(taken + timedelta(hours=chance.lognormvariate(1.2, 0.9)), Do.RESOLVE, 2)


def _handed_up(chance: random.Random, seen: datetime) -> Iterator[TicketStep]:
    taken = seen + timedelta(minutes=chance.uniform(2, 10))
    yield TicketStep(taken, Do.TAKE)
    yield TicketStep(taken + timedelta(minutes=chance.uniform(5, 15)), Do.ESCALATE)
    second = taken + timedelta(hours=chance.uniform(1, 8))
    yield TicketStep(second, Do.TAKE, 2)
    if chance.random() < 0.35:
        yield TicketStep(second + timedelta(hours=1), Do.ESCALATE, 2)
        third = second + timedelta(hours=chance.uniform(4, 30))
        yield TicketStep(third, Do.TAKE, 3)
        yield TicketStep(third + timedelta(hours=chance.uniform(2, 60)), Do.RESOLVE, 3)
    else:
        yield TicketStep(second + timedelta(hours=chance.uniform(1, 20)), Do.RESOLVE, 2)


def _after(chance: random.Random, last: TicketStep, least: float, most: float) -> datetime:
    return last.at + timedelta(hours=chance.uniform(least, most))


# -- Taking them through the service desk --


Trail = Callable[[str, str, datetime], Mapping[str, Any]]  # (visitor, search, now)


@dataclass(slots=True)
class Counter:
    """The service desk's agents at work; `agents` is by tier, `is_live` says whether an article
    can be linked by now.
    """

    desk: Desk
    agenda: Agenda
    agents: Mapping[int, Agent]
    trail: Trail
    is_live: Callable[[str], bool]
    seed: int
    _about: dict[int, str] = field(default_factory=dict)  # article by ticket, "" for none

    def open(self, wish: DemoRequest, place: float) -> None:
        """Open the requested ticket and schedule its steps."""
        chance = self._chance(f"{wish.at.isoformat()} {wish.number}")
        person = wish.person
        draft = TicketDraft(
            subject=wish.words,
            body=f"I searched for “{wish.words}” and did not find what I need.",
            requester=Requester(person.name, person.email, person.user_id),
            visitor=person.visitor,
            search_id=wish.search_id,
            language=wish.need.language,
            trail=self.trail(person.visitor, wish.search_id, wish.at),
            words_key=words_key(wish.words),
        )
        opened = self.desk.open_ticket(draft, now=wish.at)
        if not opened.existing:
            self.plan(opened.ticket.number, wish.need.article, wish.at, place, chance)

    def plan(
        self, number: int, article: str, at: datetime, place: float, chance: random.Random
    ) -> None:
        """Draw and schedule a ticket's steps; `article` answers the need, "" for none."""
        self._about[number] = article
        for step in steps_of_ticket(chance, at, place):
            self.agenda.at(step.at, partial(self._do, number, step))

    def _do(self, number: int, step: TicketStep, now: datetime) -> None:
        if step.do is Do.CLOCK:
            escalate_due(self.desk.db, self.desk.tiers, now=now)
            return
        with suppress(NotAllowed):  # the clock or somebody else was first
            self.desk.act(number, self._action(number, step), now=now)

    def _action(self, number: int, step: TicketStep) -> Action:
        by = self.agents[step.tier]
        match step.do:
            case Do.TAKE:
                return Assign(by, by)
            case Do.ASK_BACK:
                return Answer(by, "Which device do you use, and since when does it happen?", True)
            case Do.REPLY:
                return RequesterReply("Requester", "It is my work laptop, since this morning.")
            case Do.ESCALATE:
                return Escalate(by, "It needs rights that the first line does not have.")
            case Do.RESOLVE:
                return self._resolution(number, by)
            case _:
                return Close(by)

    def _resolution(self, number: int, by: Agent) -> Resolve:
        """Return the resolution: by an article where one is live, else a gap or no knowledge."""
        article, drawn = self._about[number], self._chance(f"end {number}").random()
        if article and self.is_live(article):
            if drawn < 0.5:
                return Resolve(by, Resolution.LINKED_ARTICLE, "This article has it.", article)
            if drawn < 0.66:
                return Resolve(by, Resolution.ARTICLE_TO_FIX, "Done; we mend the page.", article)
            return Resolve(by, Resolution.NO_KNOWLEDGE, "Done for you.")
        if drawn < 0.75:
            return Resolve(by, Resolution.GAP, "Done for you; there is no article on it yet.")
        return Resolve(by, Resolution.NO_KNOWLEDGE, "Done for you.")

    def _chance(self, what: str) -> random.Random:
        return random.Random(f"{self.seed} ticket {what}")  # noqa: S311 - no secret
