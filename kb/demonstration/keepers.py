"""Made-up people who keep the gaps: what they hand over, name, watch and decline.

Promises acts that the product offers, each by a name that says it is made up. Knows no page.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from kb.database import Database
from kb.demonstration.needs import needs
from kb.errors import ProductError
from kb.gaps import service as gaps_service
from kb.gaps.model import Gap, GapStatus
from kb.gaps.service import Act, Acting, GapFilter, listing

LEAD = "Demo lead"
# By a wording of what is asked: what the lead does with the gap.
DECISIONS: dict[str, tuple[Act, ...]] = {
    "payslip": (gaps_service.rename("Payslips and the payroll portal"),),
    "travel expenses": (gaps_service.decide("watching"),),
    "parking permit": (gaps_service.decide("declined"),),
}


@dataclass(slots=True)
class Keepers:
    """Those who look at the gaps of one site; `author` is an account's id and name."""

    db: Database
    k: int
    author: tuple[str, str]

    def assign(self, slugs: Sequence[str], now: datetime) -> None:
        """Hand the gaps that these articles will answer to the author."""
        for need in needs():
            if need.article in slugs:
                self._act(need.words, gaps_service.assign(*self.author), now, _unowned)

    def decide(self, now: datetime) -> None:
        """Decide on the gaps that nobody has decided on yet."""
        for words, chosen in DECISIONS.items():
            for act in chosen:
                self._act((words,), act, now, _undecided)

    def _act(
        self, words: Collection[str], act: Act, now: datetime, due: Callable[[Gap], bool]
    ) -> None:
        found = listing(self.db, GapFilter(status="all"), k=self.k, now=now).gaps
        gap = next((one for one in found if one.label in words and due(one)), None)
        if gap is None:
            return
        try:
            gaps_service.act(self.db, gap.number, act, Acting(LEAD, now, gap.version, self.k))
        except ProductError:
            return  # it is that already


def _unowned(gap: Gap) -> bool:
    return not gap.owner_id


def _undecided(gap: Gap) -> bool:
    return gap.status is GapStatus.NEW and not gap.title
