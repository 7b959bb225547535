"""Made-up tickets taken through the real desk.

Promises that every ticket is opened, moved and resolved by the desk's own rules at made-up times; a
step that the rules forbid by then is left out. Knows no reader's mind.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from kb.demonstration.agenda import Agenda
from kb.demonstration.fates import Do, Step, fate
from kb.demonstration.readers import Wish
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

Trail = Callable[[str, str, datetime], Mapping[str, Any]]  # (visitor, search, now)


@dataclass(slots=True)
class Counter:
    """The service desk's people at work; `agents` by tier, `is_live` says whether an article can
    be linked by now.
    """

    desk: Desk
    agenda: Agenda
    agents: Mapping[int, Agent]
    trail: Trail
    is_live: Callable[[str], bool]
    seed: int
    _about: dict[int, str] = field(default_factory=dict)  # article by ticket, "" for none

    def open(self, wish: Wish, place: float) -> None:
        """Open the ticket that somebody asked for, and plan what becomes of it."""
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
        """Put the steps of a ticket's fate on the agenda; `article` meets the need, "" for none."""
        self._about[number] = article
        for step in fate(chance, at, place):
            self.agenda.at(step.at, partial(self._do, number, step))

    def _do(self, number: int, step: Step, now: datetime) -> None:
        if step.do is Do.CLOCK:
            escalate_due(self.desk.db, self.desk.tiers, now=now)
            return
        with suppress(NotAllowed):  # the clock, or somebody else, was there first
            self.desk.act(number, self._action(number, step), now=now)

    def _action(self, number: int, step: Step) -> Action:
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
        """Return how it ends: by an article where one is live, else by what is missing."""
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
