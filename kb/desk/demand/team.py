"""One ticket for the team when enough people fail on the same words.

Promises that no two open tickets by demand have the same words, and that people who are helped
already are not counted again. Knows no episode; the demand is counted elsewhere.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from kb.desk import forms, letters
from kb.desk.demand.store import provided_for
from kb.desk.opening import Opened
from kb.desk.service import Desk
from kb.desk.ticket import Draft, Origin

log = logging.getLogger(__name__)

WORDS_SHOWN = 120  # leaves the sentence around them room in a subject

_TEXTS = {
    "en": (
        "{people} people searched for “{words}” and found no answer",
        "{searches} searches by {people} people between {first:%Y-%m-%d} and {last:%Y-%m-%d} "
        "(UTC) failed on these words, and nobody owns it yet.\n\n"
        "Write the article, fix the one that should have answered, or link it here. "
        "People who fail on it from now on are told that you are working on it.",
    ),
    "es": (
        "{people} personas buscaron «{words}» y no encontraron respuesta",
        "{searches} búsquedas de {people} personas entre el {first:%Y-%m-%d} y el {last:%Y-%m-%d} "
        "(UTC) fallaron con estas palabras, y nadie se encarga todavía.\n\n"
        "Escriba el artículo, corrija el que debió responder o enlácelo aquí. "
        "A quienes fallen a partir de ahora se les dirá que el equipo trabaja en ello.",
    ),
}


class Demand(Protocol):
    """Distinct people, in episodes without a ticket, who failed on the same words."""

    @property
    def words_key(self) -> str: ...
    @property
    def words(self) -> str: ...
    @property
    def people(self) -> int: ...
    @property
    def searches(self) -> int: ...
    @property
    def first_at(self) -> datetime: ...
    @property
    def last_at(self) -> datetime: ...


def apply_demand(desk: Desk, demands: Iterable[Demand], *, now: datetime) -> tuple[Opened, ...]:
    """Return the team's new tickets: one for each demand that is large enough and owned by none.

    The size is the demand's people less those provided for; the setting `demand_threshold` is the
    size from which a ticket is made, 0 being never.
    """
    threshold = desk.settings.demand_threshold
    large = (demand for demand in demands if 0 < threshold <= demand.people)
    answers = [_attempt(desk, demand, threshold=threshold, now=now) for demand in large]
    return tuple(opened for opened in answers if opened and not opened.existing)


def _attempt(desk: Desk, demand: Demand, *, threshold: int, now: datetime) -> Opened | None:
    """Return as `_apply`; a demand that fails is logged and must not keep the others waiting."""
    try:
        return _apply(desk, demand, threshold=threshold, now=now)
    except Exception:
        log.exception("the demand %s was left for the next round", demand.words_key)
        return None


def _apply(desk: Desk, demand: Demand, *, threshold: int, now: datetime) -> Opened | None:
    """Return the ticket for the demand; None when too few people are left to provide for."""
    with desk.work() as work:
        work.tickets.reserve()
        since = demand.first_at
        people = demand.people - provided_for(work.connection, demand.words_key, since=since)
        if people < threshold:
            return None
        draft = _draft(demand, people, desk.settings.language)
        opened = work.opening.open(draft, Origin.DEMAND, now=now, submission="")
    desk.tell_record(opened)
    return opened


def _draft(demand: Demand, people: int, language: str) -> Draft:
    subject, body = _TEXTS[letters.spoken(language)]
    words = forms.line(demand.words)
    short = words if len(words) <= WORDS_SHOWN else words[: WORDS_SHOWN - 1] + "…"
    counts = {"people": people, "searches": demand.searches}
    return Draft(
        subject=subject.format(words=short, **counts),
        body=body.format(first=demand.first_at, last=demand.last_at, **counts),
        language=language,
        trail={"demand": {"words": words, **counts}},
        words_key=demand.words_key,
    )
