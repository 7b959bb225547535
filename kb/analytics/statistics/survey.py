"""Estimate from a survey how many silent readers found what they needed.

The result is a share of all closed episodes with a 95 % interval, the same for the same counts, and
it lies between the two bounds of deflection. Silence itself says nothing: without enough answers
there is no figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# With fewer answers, a 95 % interval of a share spans a third of the scale or more.
MIN_ANSWERS = 30
DRAWS = 40_000  # another seed then moves the interval's ends by less than 2 % of its width
SEED = 20250310  # arbitrary, but fixed: a report made twice shows the same values


@dataclass(frozen=True, slots=True)
class Silence:
    """Closed episodes, and the survey's answers from silent readers.

    `potential` are silent readers; of these, `asked` saw the question, `yes` and `no` answered.
    """

    closed: int
    confirmed: int
    potential: int
    asked: int = 0
    yes: int = 0
    no: int = 0

    @property
    def answers(self) -> int:
        """Return how many silent readers answered."""
        return self.yes + self.no

    @property
    def enough(self) -> bool:
        """Return whether there are enough answers for a figure."""
        return self.answers >= MIN_ANSWERS


def success_among_silent(silence: Silence) -> float:
    """Return the mean of the posterior Beta(1 + yes, 1 + no): Laplace's rule of succession.

    The prior Beta(1, 1) takes every share to be equally likely before anybody answers.
    """
    return (1 + silence.yes) / (2 + silence.answers)


def success_interval(silence: Silence) -> tuple[float, float] | None:
    """Return the central 95 % of that posterior; None with too few answers."""
    return _middle(_success_draws(silence)) if silence.enough else None


def worst_cases(silence: Silence) -> tuple[float, float] | None:
    """Return the success rates among those asked if all who did not answer failed, or succeeded.

    Nothing is assumed about them (Horowitz and Manski 1995, Econometrica 63:281). None if nobody
    was asked.
    """
    asked = max(silence.asked, silence.answers)
    return (silence.yes / asked, (asked - silence.no) / asked) if asked else None


def deflection(silence: Silence) -> tuple[float, tuple[float, float]] | None:
    """Return the share of closed episodes that succeeded and its 95 % interval; None with too few
    answers.

    confirmed / closed + potential / closed x success among the silent. The interval is the
    central 95 % of DRAWS draws: the success from its Beta posterior, and the shares of confirmed,
    potential and other episodes from a Dirichlet posterior with a uniform prior (Gelman et al.,
    Bayesian Data Analysis, 3rd ed., 3.4).
    """
    if not silence.enough or not silence.closed:
        return None
    import numpy as np

    rest = silence.closed - silence.confirmed - silence.potential
    weights = (1 + silence.confirmed, 1 + silence.potential, 1 + rest)
    shares = np.random.default_rng(SEED).dirichlet(weights, DRAWS)
    drawn = shares[:, 0] + shares[:, 1] * _success_draws(silence)
    expected = silence.confirmed + silence.potential * success_among_silent(silence)
    value = expected / silence.closed
    low, high = _middle(drawn)
    return value, (min(low, value), max(high, value))


def _success_draws(silence: Silence) -> Any:
    import numpy as np

    return np.random.default_rng(SEED + 1).beta(1 + silence.yes, 1 + silence.no, DRAWS)


def _middle(drawn: Any) -> tuple[float, float]:
    import numpy as np

    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)
