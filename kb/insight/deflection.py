"""What self-service saves: bounds, an estimate, a cause, and what others would call it.

Promises that every figure carries what it rests on, that too few data give no figure, and that
the estimate lies between the bounds. Pure: reads the counts of a range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kb.insight import bounds, comparison
from kb.insight.bounds import Group
from kb.insight.comparison import POINTS, Patience
from kb.insight.days.tally import Tally
from kb.insight.definitions import DEFINITIONS
from kb.insight.estimates import cost, holdout, rivals
from kb.insight.estimates.cost import TierCost
from kb.insight.estimates.estimate import Estimate, Unit
from kb.insight.estimates.holdout import Arms
from kb.insight.estimates.rivals import Counts
from kb.insight.estimates.survey import Silence
from kb.insight.figure import Figure, share

NO_COST = "no cost is set: setting tiers"


@dataclass(frozen=True, slots=True)
class Deflection:
    """All figures on deflection; `rates` are tickets with and without suggestions."""

    silence: Silence
    estimate: Estimate
    success: Estimate
    worst: Estimate
    response: Figure
    arms: Arms
    rates: tuple[Figure, Figure]
    effect: Estimate
    avoided: Estimate
    money: Estimate
    cost: Estimate
    established: bool
    patience: tuple[Patience, ...]
    populations: tuple[Group, ...]
    waits: tuple[Group, ...]
    rivals: tuple[Estimate, ...]


def make(
    days: Sequence[Tally],
    whole: Tally,
    tiers: Mapping[int, TierCost],
    *,
    now: datetime,
    elapsed: float,
) -> Deflection:
    """Return the figures of these days, whose sum is `whole`; `elapsed` days have passed."""
    silence = bounds.heard(bounds.outcomes(whole.kinds))
    arms = comparison.exposed(whole.exposed)
    price = cost.ticket_cost(tiers)
    difference, avoided = holdout.effect(arms), holdout.tickets_avoided(arms)
    money = avoided.times(price) if avoided and price is not None else None
    return Deflection(
        silence=silence,
        estimate=bounds.estimate(silence),
        success=bounds.success(silence),
        worst=bounds.worst(silence),
        response=share("survey_response", silence.answers, silence.asked),
        arms=arms,
        rates=(
            share("tickets_shown", arms.shown_tickets, arms.shown),
            share("tickets_held_out", arms.held_out_tickets, arms.held_out),
        ),
        effect=comparison.caused("effect", Unit.DIFFERENCE, difference, arms),
        avoided=comparison.caused("tickets_avoided", Unit.TICKETS, avoided, arms),
        money=comparison.caused(
            "money_saved", Unit.MONEY, money, arms, NO_COST if price is None else ""
        ),
        cost=_cost(price, tiers),
        established=bool(difference and difference.established),
        patience=tuple(comparison.patience(arms, points, elapsed) for points in POINTS),
        populations=bounds.populations(whole.kinds),
        waits=bounds.waits(days, now),
        rivals=_rivals(counts(whole, silence), price),
    )


def _cost(price: float | None, tiers: Mapping[int, TierCost]) -> Estimate:
    standing = sum(tier.tickets for level, tier in tiers.items() if level > 0)
    return Estimate(
        key="ticket_cost",
        name=DEFINITIONS["ticket_cost"].name,
        definition="ticket_cost",
        unit=Unit.MONEY,
        n=standing,
        value=price,
        lacking=NO_COST if price is None else "",
    )


# -- what others would call it ------------------------------------------------------------------


def counts(whole: Tally, silence: Silence) -> Counts:
    """Return what the others' formulas are made of."""
    return Counts(
        closed=silence.closed,
        confirmed=silence.confirmed,
        potential=silence.potential,
        people=len(whole.people),
        people_with_ticket=len(whole.ticketed),
        searches=whole.sums["closed_searches"],
        searches_with_click=whole.sums["closed_clicked"],
    )


def _rivals(c: Counts, price: float | None) -> tuple[Estimate, ...]:
    served = c.confirmed + c.potential
    saved = None if price is None else served * price
    return (
        _rival("rival_ratio", Unit.RATIO, rivals.self_service_ratio(c), c.people,
               of=c.people_with_ticket),
        _rival("rival_no_ticket", Unit.SHARE, rivals.no_ticket(c),
               c.people - c.people_with_ticket, of=c.people),
        _rival("rival_silent", Unit.SHARE, rivals.everybody_silent(c), served, of=c.closed),
        _rival("rival_cost", Unit.MONEY, saved, served,
               lacking="" if saved is not None else NO_COST),
        _rival("rival_click", Unit.SHARE, rivals.click_is_solved(c), c.searches_with_click,
               of=c.searches),
    )  # fmt: skip


def _rival(
    key: str, unit: Unit, value: float | None, n: int, *, of: int | None = None, lacking: str = ""
) -> Estimate:
    return Estimate(
        key=key,
        name=DEFINITIONS[key].name,
        definition=key,
        unit=unit,
        n=of if of is not None else n,
        value=value,
        numerator=n,
        denominator=of,
        lacking=lacking or ("" if value is not None else "no data"),
    )
