"""The shape of tickets as their figures need them.

Promises no word of any. Knows no database and no figure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OPENED_BY_PEOPLE = frozenset({"asked", "policy"})  # the others are the team's own
UNRESOLVED = ("new", "open", "waiting")
STATUSES = (*UNRESOLVED, "resolved", "closed")
KNOWN = ("linked_article", "article_to_fix")
NEW = ("gap", "no_knowledge")
RESOLUTIONS = (*KNOWN, *NEW)

CREATED, RESOLVED, ANSWERED = 0, 1, 2  # columns of `Alike.times`


@dataclass(frozen=True, slots=True)
class Alike:
    """Tickets that are alike in all but their times.

    `times` (n, 3) has a row for each ticket, in seconds: created after the range began, resolved
    and answered after it was created, NaN for not yet.

    The numbers count what happened to each of them: moves up by the clock and by hand, moves down,
    texts that staff sent to the requester, resolutions.
    """

    origin: str
    status: str
    tier: int
    resolution: str
    raised_by_clock: int
    raised_by_hand: int
    returned: int
    answers: int
    resolutions: int
    times: NDArray[np.float64]

    @property
    def number(self) -> int:
        """Return how many tickets these are."""
        return len(self.times)

    @property
    def of_people(self) -> bool:
        """Return whether a person waits for them."""
        return self.origin in OPENED_BY_PEOPLE

    @property
    def done(self) -> bool:
        """Return whether they are resolved now."""
        return self.status not in UNRESOLVED

    @property
    def reopened(self) -> bool:
        """Return whether each was taken up again after a resolution."""
        return self.resolutions > int(self.done)

    @property
    def at_first_contact(self) -> bool:
        """Return whether the first answer resolved them, as the definition says."""
        raised = self.raised_by_clock or self.raised_by_hand
        return self.done and not raised and self.answers <= 1 and not self.reopened
