"""Does looking every day claim too much? `python -m benchmarks.looking`.

Experiments without any difference between the arms, one in ten held out, looked at every evening:
prints in how many a difference was ever called, by the interval for every look and by the one for
one planned look. Seeded.
"""

from __future__ import annotations

import argparse

import numpy as np

from kb.analytics.statistics import holdout
from kb.analytics.statistics.holdout import Arms

PEOPLE_A_DAY = 40
HELD_OUT = 0.1


def looks(days: int, rate: float, seed: int) -> list[Arms]:
    """Return the results so far at the end of each day."""
    chance = np.random.default_rng(seed)
    held = chance.random((days, PEOPLE_A_DAY)) < HELD_OUT
    asked = chance.random((days, PEOPLE_A_DAY)) < rate
    kinds = (~held, asked & ~held, held, asked & held)
    totals = np.cumsum([kind.sum(axis=1) for kind in kinds], axis=1).T
    return [Arms(*(int(number) for number in row), 10) for row in totals]


def main() -> int:
    """Print the shares of experiments in which a difference was called; return 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--experiments", type=int, default=2000)
    parser.add_argument("--days", type=int, default=120)
    given = parser.parse_args()
    for rate in (0.05, 0.1, 0.4, 0.8):
        every = planned = 0
        for seed in range(given.experiments):
            arms = looks(given.days, rate, seed)
            found = [one for each in arms if (one := holdout.effect(each))]
            every += any(one.established for one in found)
            planned += any(one.planned[0] > 0 or one.planned[1] < 0 for one in found)
        n = given.experiments
        print(
            f"{rate:.0%} send a ticket, {given.days} days: a difference called in {every / n:.1%} "
            f"(interval for every look), {planned / n:.1%} (for one look)",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
