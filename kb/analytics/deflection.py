"""Deflection: its bounds, an estimate, the effect of suggestions, and what other products report.

The lower bound counts confirmed episodes, the upper bound also silent readers. The estimate uses
the survey's answers and always lies between the bounds. The effect of suggestions comes from the
holdout experiment: each person counts once, in the arm first drawn. Every figure carries the counts
that it rests on; with too few data it has no value and says what is missing.

The formulas of other products are computed as published, so that a support lead can see how far
apart they lie. None of them is this product's figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from kb.analytics import figures
from kb.analytics.daily_counts import DailyTally, EpisodeKind, Records
from kb.analytics.definitions import DEFINITIONS
from kb.analytics.figures import Estimate, Figure, TierCost, Unit, share
from kb.analytics.model import Outcome
from kb.analytics.outcomes import REACH, WAITS
from kb.analytics.statistics import holdout, survey
from kb.analytics.statistics.holdout import Arms, ExperimentEffect
from kb.analytics.statistics.survey import MIN_ANSWERS, Silence

# -- Bounds and estimate --


# Closed episodes by (outcome, survey); survey is "", "shown", "yes" or "no".
Outcomes = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Group:
    """The figures of a group of closed episodes: all, or those with something in common."""

    key: str
    name: str
    closed: int
    lower: Figure
    upper: Figure
    ticketed: Figure
    estimate: Estimate

    def figures(self) -> tuple[Figure | Estimate, ...]:
        """Return its figures in the order in which they are shown."""
        return self.lower, self.estimate, self.upper, self.ticketed


def outcomes(kinds: Mapping[EpisodeKind, int], *, form: bool | None = None) -> Outcomes:
    """Return the closed episodes; with `form`, only those that did or did not reach the form."""
    found: Counter[tuple[str, str]] = Counter()
    for kind, number in kinds.items():
        if kind.closed and form in (None, kind.form):
            found[kind.outcome, kind.survey] += number
    return found


def heard(closed: Outcomes) -> Silence:
    """Return the survey's answers from silent readers among these closed episodes."""
    by_outcome: Counter[str] = Counter()
    for (outcome, _), number in closed.items():
        by_outcome[outcome] += number
    shown, yes, no = (closed.get((Outcome.POTENTIAL, said), 0) for said in ("shown", "yes", "no"))
    return Silence(
        closed=by_outcome.total(),
        confirmed=by_outcome[Outcome.CONFIRMED],
        potential=by_outcome[Outcome.POTENTIAL],
        asked=shown + yes + no,
        yes=yes,
        no=no,
    )


def group(key: str, name: str, closed: Outcomes) -> Group:
    """Return the bounds and the estimate of these closed episodes."""
    silence = heard(closed)
    tickets = sum(number for (how, _), number in closed.items() if how == Outcome.TICKETED)
    sure, n = silence.confirmed, silence.closed
    return Group(
        key=key,
        name=name,
        closed=n,
        lower=share("deflection_lower", sure, n),
        upper=share("deflection_upper", sure + silence.potential, n),
        ticketed=share("ticketed", tickets, n),
        estimate=estimate(silence),
    )


def estimate(silence: Silence) -> Estimate:
    """Return the share of closed episodes that succeeded, estimated from the survey."""
    found = survey.deflection(silence)
    return Estimate(
        key="deflection_estimate",
        name=DEFINITIONS["deflection_estimate"].name,
        definition="deflection_estimate",
        unit=Unit.SHARE,
        n=silence.answers,
        value=found[0] if found else None,
        interval=found[1] if found else None,
        numerator=round(found[0] * silence.closed, 2) if found else None,
        denominator=silence.closed,
        lacking="" if found else _few_answers(silence),
    )


def success(silence: Silence) -> Estimate:
    """Return the share of silent readers that succeeded."""
    enough = silence.enough
    return Estimate(
        key="silent_success",
        name=DEFINITIONS["silent_success"].name,
        definition="silent_success",
        unit=Unit.SHARE,
        n=silence.answers,
        value=survey.success_among_silent(silence) if enough else None,
        interval=survey.success_interval(silence),
        numerator=silence.yes + 1 if enough else None,
        denominator=silence.answers + 2 if enough else None,
        lacking="" if enough else _few_answers(silence),
    )


def worst(silence: Silence) -> Estimate:
    """Return the worst-case limits of success among those asked, without a point value."""
    return Estimate(
        key="silent_worst",
        name=DEFINITIONS["silent_worst"].name,
        definition="silent_worst",
        unit=Unit.SHARE,
        n=silence.asked,
        interval=survey.worst_cases(silence) if silence.enough else None,
        lacking="" if silence.enough else _few_answers(silence),
    )


def _few_answers(silence: Silence) -> str:
    return f"too few data: {silence.answers} of {MIN_ANSWERS} answers"


def populations(kinds: Mapping[EpisodeKind, int]) -> tuple[Group, ...]:
    """Return the episodes that reached the ticket form, and those that did not."""
    return tuple(
        group(key, DEFINITIONS[key].name, outcomes(kinds, form=reached))
        for key, reached in (("reached_form", True), ("no_form", False))
    )


# -- Outcomes under other waits for a ticket --


def waits(days: Iterable[DailyTally], now: datetime) -> tuple[Group, ...]:
    """Return the outcomes under each wait, over the days whose episodes all ended longer ago than
    the longest wait.
    """
    old = [day for day in days if day.last_end and now - day.last_end > REACH]
    return tuple(_under(old, int(wait.total_seconds() // 3600)) for wait in WAITS)


def _under(days: Iterable[DailyTally], hours: int) -> Group:
    found: Counter[tuple[str, str]] = Counter()
    for day in days:
        for waited, number in day.waited.items():
            if waited.hours == hours:
                found[waited.outcome, waited.survey] += number
    return group(f"wait_{hours}h", _span(hours), found)


def _span(hours: int) -> str:
    return "1 hour" if hours == 1 else f"{hours} hours" if hours < 48 else f"{hours // 24} days"


# -- The effect of suggestions on the ticket form --


POINTS = (0.10, 0.05, 0.02)  # differences for which people and days needed are shown
NOBODY_HELD_OUT = "nobody was drawn: setting holdout_share"


@dataclass(frozen=True, slots=True)
class Patience:
    """The people and days needed to detect a difference of `points`, in [0, 1]."""

    points: float
    people: Estimate
    days: Estimate


def exposed(drawn: Records) -> Arms:
    """Return the people at the ticket form by arm, each by their first closed episode there.

    `drawn` is `DailyTally.exposed`, in order of time. If the held-out share was changed, only
    people drawn under the latest share count: otherwise the arms would mix different periods.
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
    key: str, unit: Unit, effect: ExperimentEffect | None, arms: Arms, otherwise: str = ""
) -> Estimate:
    """Return the effect as a figure; `otherwise` says what is missing other than people."""
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
    """Return what is needed to detect that suggestions lower the ticket rate by `points`.

    `arms` were counted over `days` days.
    """
    people, tickets = arms.shown + arms.held_out, arms.shown_tickets + arms.held_out_tickets
    base = arms.held_out_tickets / arms.held_out if arms.enough else tickets / max(people, 1)
    needed = holdout.people_needed(base, points, arms.share / 100)
    wait = holdout.days_needed(needed, people / days) if needed and days > 0 else None
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


# -- The formulas of other products --


@dataclass(frozen=True, slots=True)
class RivalCounts:
    """The inputs of the formulas, counted over closed episodes."""

    closed: int
    confirmed: int
    potential: int
    people: int  # distinct visitors
    people_with_ticket: int
    searches: int
    searches_with_click: int


def self_service_ratio(counts: RivalCounts) -> float | None:
    """Return users of the help centre per user with a ticket; None when nobody got a ticket.

    Zendesk, "Tracking essential self-service metrics": total users of the help centre / total
    users in tickets, called self-service score and ticket deflection ratio.
    """
    return counts.people / counts.people_with_ticket if counts.people_with_ticket else None


def no_ticket(counts: RivalCounts) -> float | None:
    """Return the share of users without a ticket: the same two numbers read as a deflection rate,
    as if everybody without a ticket had been helped; None without users.
    """
    without = counts.people - counts.people_with_ticket
    return without / counts.people if counts.people else None


def everybody_silent(counts: RivalCounts) -> float | None:
    """Return the share of confirmed and potential episodes, as if every silent reader were a ticket
    saved; None without closed episodes.
    """
    return (counts.confirmed + counts.potential) / counts.closed if counts.closed else None


def click_is_solved(counts: RivalCounts) -> float | None:
    """Return the share of searches from which something was opened, sometimes called the
    self-solved rate; None without searches.
    """
    return counts.searches_with_click / counts.searches if counts.searches else None


# -- All figures on deflection --


NO_COST = "no cost is set: setting tiers"


@dataclass(frozen=True, slots=True)
class Deflection:
    """All figures on deflection; `rates` are the ticket rates with and without suggestions."""

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
    days: Sequence[DailyTally],
    whole: DailyTally,
    tiers: Mapping[int, TierCost],
    *,
    now: datetime,
    elapsed: float,
) -> Deflection:
    """Return the figures of `days`, whose sum is `whole`; `elapsed` days have passed so far."""
    silence = heard(outcomes(whole.kinds))
    arms = exposed(whole.exposed)
    price = figures.ticket_cost(tiers)
    difference, avoided = holdout.effect(arms), holdout.tickets_avoided(arms)
    money = avoided.times(price) if avoided and price is not None else None
    return Deflection(
        silence=silence,
        estimate=estimate(silence),
        success=success(silence),
        worst=worst(silence),
        response=share("survey_response", silence.answers, silence.asked),
        arms=arms,
        rates=(
            share("tickets_shown", arms.shown_tickets, arms.shown),
            share("tickets_held_out", arms.held_out_tickets, arms.held_out),
        ),
        effect=caused("effect", Unit.DIFFERENCE, difference, arms),
        avoided=caused("tickets_avoided", Unit.TICKETS, avoided, arms),
        money=caused("money_saved", Unit.MONEY, money, arms, NO_COST if price is None else ""),
        cost=_cost(price, tiers),
        established=bool(difference and difference.established),
        patience=tuple(patience(arms, points, elapsed) for points in POINTS),
        populations=populations(whole.kinds),
        waits=waits(days, now),
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


# -- Inputs of the other formulas --


def counts(whole: DailyTally, silence: Silence) -> RivalCounts:
    """Return the inputs of the other products' formulas."""
    return RivalCounts(
        closed=silence.closed,
        confirmed=silence.confirmed,
        potential=silence.potential,
        people=len(whole.people),
        people_with_ticket=len(whole.ticketed),
        searches=whole.sums["closed_searches"],
        searches_with_click=whole.sums["closed_clicked"],
    )


def _rivals(c: RivalCounts, price: float | None) -> tuple[Estimate, ...]:
    served = c.confirmed + c.potential
    saved = None if price is None else served * price
    return (
        _rival("rival_ratio", Unit.RATIO, self_service_ratio(c), c.people, of=c.people_with_ticket),
        _rival(
            "rival_no_ticket",
            Unit.SHARE,
            no_ticket(c),
            c.people - c.people_with_ticket,
            of=c.people,
        ),
        _rival("rival_silent", Unit.SHARE, everybody_silent(c), served, of=c.closed),
        _rival(
            "rival_cost", Unit.MONEY, saved, served, lacking="" if saved is not None else NO_COST
        ),
        _rival("rival_click", Unit.SHARE, click_is_solved(c), c.searches_with_click, of=c.searches),
    )


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
