"""Deflection between its bounds, of all closed episodes or of some of them.

Promises that the estimate lies between the bounds, and says what is missing where there are too
few answers. Pure: adds up closed episodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kb.insight.definitions import DEFINITIONS
from kb.insight.estimates import survey
from kb.insight.estimates.estimate import Estimate, Unit
from kb.insight.estimates.survey import MIN_ANSWERS, Silence
from kb.insight.facts import Outcome
from kb.insight.figure import Figure, share
from kb.insight.judging import REACH
from kb.insight.rows import EpisodeRow

WAITS = (timedelta(hours=1), timedelta(hours=24), REACH)


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


def heard(rows: Iterable[EpisodeRow]) -> Silence:
    """Return what the survey heard from the silent among these closed episodes."""
    rows = list(rows)
    outcomes = Counter(row.outcome for row in rows)
    silent = (row for row in rows if row.outcome is Outcome.POTENTIAL)
    answers = Counter(str(row.data.get("survey", "")) for row in silent)
    yes, no = answers["yes"], answers["no"]
    return Silence(
        closed=len(rows),
        confirmed=outcomes[Outcome.CONFIRMED],
        potential=outcomes[Outcome.POTENTIAL],
        asked=answers["shown"] + yes + no,
        yes=yes,
        no=no,
    )


def group(key: str, name: str, rows: Sequence[EpisodeRow]) -> Group:
    """Return the bounds and the estimate of these closed episodes."""
    silence = heard(rows)
    tickets = sum(row.outcome is Outcome.TICKETED for row in rows)
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


def populations(closed: Sequence[EpisodeRow]) -> tuple[Group, ...]:
    """Return those who reached the ticket form, and those who did not."""
    kinds = (("reached_form", True), ("no_form", False))
    return tuple(
        group(
            key, DEFINITIONS[key].name, [r for r in closed if bool(r.data.get("form")) is reached]
        )
        for key, reached in kinds
    )


# -- other waits for a ticket -------------------------------------------------------------------


def waits(closed: Sequence[EpisodeRow], now: datetime) -> tuple[Group, ...]:
    """Return the outcomes under each wait, on the episodes that ended before the longest."""
    old = [row for row in closed if row.ended_at and now - row.ended_at > max(WAITS)]
    judged = [row for row in old if "otherwise" in row.data]
    return tuple(group(_span(wait), _span(wait), _under(judged, wait)) for wait in WAITS)


def _span(wait: timedelta) -> str:
    hours = int(wait.total_seconds() // 3600)
    return "1 hour" if hours == 1 else f"{hours} hours" if hours < 48 else f"{hours // 24} days"


def _under(rows: Iterable[EpisodeRow], wait: timedelta) -> list[EpisodeRow]:
    """Return the rows with the outcome that each has under that wait."""
    return [replace(row, outcome=_outcome(row, wait)) for row in rows]


def _outcome(row: EpisodeRow, wait: timedelta) -> Outcome:
    after = row.data.get("ticket_after")
    if after is not None and after <= wait.total_seconds():
        return Outcome.TICKETED
    return Outcome(row.data["otherwise"])
