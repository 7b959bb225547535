"""When a gap is answered, and when it is open again; pure.

Promises a share of people, not of searches, and one article and commit for a gap: those that most
of them got. Knows no database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kb.gaps.answers.answer import Answer, Placed

# Of the people of a gap this share must have an answer. A replay is strict: of 114 questions that
# an article answers it was sure of 83 (docs/benchmarks.md), so half by its count are two thirds.
SHARE = 0.5
# People who fail on it afterwards, before it is open again: one may have asked for something else.
AGAIN = 2


@dataclass(frozen=True, slots=True)
class Share:
    """Of `people`, how many have an answer, and the answer that most of them have."""

    answered: int
    people: int
    most: Answer | None

    @property
    def enough(self) -> bool:
        """Whether that answers the gap."""
        return self.most is not None and self.answered >= SHARE * self.people


def share(searches: Sequence[Placed], since: datetime | None = None) -> Share:
    """Return how many people of a gap have an answer; of those who failed after `since`, where it
    was answered before. A person has one when one of their wordings has.
    """
    counted = [each for each in searches if since is None or each.at > since]
    by: dict[tuple[str, str], set[str]] = {}
    for each in counted:
        if each.article:
            by.setdefault((each.article, each.commit), set()).add(each.visitor)
    people = {each.visitor for each in counted}
    answered = set().union(*by.values())
    if not by:
        return Share(0, len(people), None)
    article, commit = min(by, key=lambda key: (-len(by[key]), key))
    return Share(len(answered), len(people), Answer(article, commit))


def is_open_again(searches: Sequence[Placed], answered_at: datetime) -> bool:
    """Whether people failed on an answered gap again."""
    again = {each.visitor for each in searches if each.at > answered_at and not each.article}
    return len(again) >= AGAIN
