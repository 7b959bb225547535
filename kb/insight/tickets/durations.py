"""How long something took, with what has not ended in view.

Promises no percentile from too few. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kb.insight.estimates import survival
from kb.insight.estimates.survival import Floats

FEWEST = 5  # that must have ended before a percentile is told
TOO_FEW = f"fewer than {FEWEST} have ended"
TOO_MANY_OPEN = "too many are still open"


@dataclass(frozen=True, slots=True)
class Duration:
    """Times in seconds: the median with its 95 % interval (`low`, `high`) and the time within
    which nine of ten ended. `definition` says of what; `tier` None for all tiers. `ended` and
    `still_open` count what it rests on; `lacking` says why there is no median, "" when there is.
    """

    definition: str
    tier: int | None
    ended: int
    still_open: int
    median: float | None = None
    low: float | None = None
    high: float | None = None
    nine_of_ten: float | None = None
    lacking: str = ""


def duration(
    definition: str,
    ended: Sequence[float] | Floats,
    still_open: Sequence[float] | Floats,
    *,
    tier: int | None = None,
) -> Duration:
    """Return what the times say; `still_open` is how long the rest has been open, in seconds."""
    counts = (definition, tier, len(ended), len(still_open))
    if len(ended) < FEWEST:
        return Duration(*counts, lacking=TOO_FEW)
    found = survival.curve(ended, still_open)
    middle = survival.quantile(found, 0.5)
    limits = survival.median_limits(found)
    return Duration(
        *counts,
        median=middle,
        low=limits.low if limits else None,
        high=limits.high if limits else None,
        nine_of_ten=survival.quantile(found, 0.9),
        lacking="" if middle is not None else TOO_MANY_OPEN,
    )
