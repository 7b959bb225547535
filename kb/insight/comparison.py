"""What suggestions on the ticket form cause, from episodes to figures.

Promises each person once, in the arm first drawn, and no figure from too few. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kb.insight.days.tally import Records
from kb.insight.definitions import DEFINITIONS
from kb.insight.estimates import power
from kb.insight.estimates.estimate import Estimate, Unit
from kb.insight.estimates.holdout import Arms, Effect

POINTS = (0.10, 0.05, 0.02)  # differences whose price in time is told
NOBODY_HELD_OUT = "nobody was drawn: setting holdout_share"


@dataclass(frozen=True, slots=True)
class Patience:
    """What it takes to see a difference of so many `points`, in [0, 1]."""

    points: float
    people: Estimate
    days: Estimate


def exposed(drawn: Records) -> Arms:
    """Return the people at the ticket form by arm, each by their first closed episode there.

    `drawn` are a tally's, in order of time. Where the held-out share was changed, only people drawn
    under the latest share count: the mix of the arms moves with it, and so does whatever else
    changed over time.
    """
    if not len(drawn):
        return Arms()
    _, places = np.unique(drawn["visitor"], return_index=True)
    first = drawn[np.sort(places)]
    latest = int(first["share"][-1])
    counted = first[first["share"] == latest]
    shown = counted["shown"]
    return Arms(
        shown=int(shown.sum()),
        shown_tickets=int((shown & counted["ticketed"]).sum()),
        held_out=int((~shown).sum()),
        held_out_tickets=int((~shown & counted["ticketed"]).sum()),
        share=latest,
    )


def caused(
    key: str, unit: Unit, effect: Effect | None, arms: Arms, otherwise: str = ""
) -> Estimate:
    """Return the effect as a figure; `otherwise` is what is missing beside people."""
    people = arms.shown + arms.held_out
    lacking = otherwise or (arms.lacking if people else NOBODY_HELD_OUT)
    return Estimate(
        key=key,
        name=DEFINITIONS[key].name,
        definition=key,
        unit=unit,
        n=people,
        value=effect.value if effect else None,
        interval=effect.planned if effect else None,
        always=effect.always if effect else None,
        lacking="" if effect else lacking,
    )


def patience(arms: Arms, points: float, days: float) -> Patience:
    """Return what it takes to see that suggestions lower the rate by `points`."""
    people, tickets = arms.shown + arms.held_out, arms.shown_tickets + arms.held_out_tickets
    base = arms.held_out_tickets / arms.held_out if arms.enough else tickets / max(people, 1)
    needed = power.people_needed(base, points, arms.share / 100)
    wait = power.days_needed(needed, people / days) if needed and days > 0 else None
    lacking = "" if needed else "the rate of tickets is too low for it, or nobody is held out"
    lacking = lacking if people else NOBODY_HELD_OUT
    return Patience(
        points,
        _power(Unit.PEOPLE, needed, people, lacking),
        _power(Unit.DAYS, wait, people, lacking),
    )


def _power(unit: Unit, value: int | None, n: int, lacking: str) -> Estimate:
    name = DEFINITIONS["power"].name
    return Estimate(f"power_{unit}", name, "power", unit, n, value=value, lacking=lacking)
