"""From a search to how it ended, step by step.

Promises steps each of which holds the next, and rows that add up to the step they left at. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from kb.insight.days.tally import STAGES, Kind
from kb.insight.figure import Figure, share


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """Closed episodes with a search that came so far; `outcomes` of those who came no further."""

    stage: str
    reached: Figure
    outcomes: Mapping[str, int]


def funnel(kinds: Mapping[Kind, int]) -> tuple[FunnelStep, ...]:
    """Return the steps: searched, opened an article, read one."""
    by_stage: dict[str, Counter[str]] = {stage: Counter() for stage in STAGES}
    for kind, number in kinds.items():
        if kind.closed:
            by_stage[kind.stage][kind.outcome] += number
    steps = STAGES[1:]
    all_of_them = sum(by_stage[stage].total() for stage in steps)
    return tuple(
        FunnelStep(
            stage,
            share(f"funnel_{stage}", sum(by_stage[one].total() for one in steps[n:]), all_of_them),
            dict(by_stage[stage]),
        )
        for n, stage in enumerate(steps)
    )
