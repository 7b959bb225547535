"""Deflection between its bounds, of all closed episodes or of some of them.

Promises that the estimate lies between the bounds, and says what is missing where there are too
few answers. Pure: reads counts of closed episodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from kb.insight.days.tally import Kind, Tally
from kb.insight.definitions import DEFINITIONS
from kb.insight.estimates import survey
from kb.insight.estimates.estimate import Estimate, Unit
from kb.insight.estimates.survey import MIN_ANSWERS, Silence
from kb.insight.facts import Outcome
from kb.insight.figure import Figure, share
from kb.insight.judging import REACH, WAITS

# Closed episodes by outcome and by what the survey heard of them: "", "shown", "yes" or "no".
Outcomes = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Group:
    """Closed episodes seen together: all, or those that have something in common."""

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


def outcomes(kinds: Mapping[Kind, int], *, form: bool | None = None) -> Outcomes:
    """Return the closed episodes of these kinds, or those that did or did not reach the form."""
    found: Counter[tuple[str, str]] = Counter()
    for kind, number in kinds.items():
        if kind.closed and form in (None, kind.form):
            found[kind.outcome, kind.survey] += number
    return found


def heard(closed: Outcomes) -> Silence:
    """Return what the survey heard from the silent among these closed episodes."""
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
    """Return the share that succeeded, as the survey says."""
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
    """Return the share of the silent that succeeded."""
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
    """Return the success of the asked as a span without a middle."""
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


def populations(kinds: Mapping[Kind, int]) -> tuple[Group, ...]:
    """Return those who reached the ticket form, and those who did not."""
    return tuple(
        group(key, DEFINITIONS[key].name, outcomes(kinds, form=reached))
        for key, reached in (("reached_form", True), ("no_form", False))
    )


# -- other waits for a ticket -------------------------------------------------------------------


def waits(days: Iterable[Tally], now: datetime) -> tuple[Group, ...]:
    """Return the outcomes under each wait, over the days all of whose episodes ended before the
    longest.
    """
    old = [day for day in days if day.last_end and now - day.last_end > REACH]
    return tuple(_under(old, int(wait.total_seconds() // 3600)) for wait in WAITS)


def _under(days: Iterable[Tally], hours: int) -> Group:
    found: Counter[tuple[str, str]] = Counter()
    for day in days:
        for waited, number in day.waited.items():
            if waited.hours == hours:
                found[waited.outcome, waited.survey] += number
    return group(f"wait_{hours}h", _span(hours), found)


def _span(hours: int) -> str:
    return "1 hour" if hours == 1 else f"{hours} hours" if hours < 48 else f"{hours // 24} days"
