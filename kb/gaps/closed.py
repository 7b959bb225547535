"""Gaps that an article answers are marked so, and open again when people fail once more.

Promises that what people decided stays: a declined gap is left alone, and one that somebody changes
meanwhile waits for the next round. Knows the order of steps; the rules are in `answers.closing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kb.database import Connection, Database
from kb.gaps import store as gaps
from kb.gaps.answers import store
from kb.gaps.answers.answer import Answer, Placed
from kb.gaps.answers.closing import is_open_again, share
from kb.gaps.gap import MACHINE, Event, Gap, Status
from kb.gaps.reading import OPEN

ANSWERED, REOPENED = "answered", "reopened"


@dataclass(frozen=True, slots=True)
class Changed:
    """How many gaps were answered, and how many are open again."""

    answered: int = 0
    reopened: int = 0


def bring_up_to_date(db: Database, now: datetime) -> Changed:
    """Mark what is answered now and what is open again; return how many of each."""
    with db.read() as connection:
        every = [gap for gap in gaps.every(connection) if not gap.became_id]
        placed, before = store.placed(connection), store.reopened(connection, REOPENED)
    counts = {ANSWERED: 0, REOPENED: 0}
    for gap in every:
        searches = placed.get(gap.id, [])
        if gap.status in OPEN:
            found = share(searches, before.get(gap.id))
            if found.enough:
                counts[ANSWERED] += _change(db, gap, Status.ANSWERED, found.most, now)
        elif gap.status is Status.ANSWERED and _fails_again(gap, searches):
            status = Status.ASSIGNED if gap.owner_id else Status.NEW
            counts[REOPENED] += _change(db, gap, status, None, now)
    return Changed(counts[ANSWERED], counts[REOPENED])


def _fails_again(gap: Gap, searches: Sequence[Placed]) -> bool:
    return gap.answered_at is not None and is_open_again(searches, gap.answered_at)


def _change(db: Database, gap: Gap, status: Status, found: Answer | None, now: datetime) -> bool:
    with db.begin() as connection:
        done = store.set_status(connection, gap, status, found, now)
        if done:
            _tell(connection, gap, found, now)
    return done


def _tell(connection: Connection, gap: Gap, found: Answer | None, now: datetime) -> None:
    said = found or Answer(gap.answered_article, gap.answered_commit)
    data = {"article": said.article, "commit": said.commit}
    kind = ANSWERED if found else REOPENED
    gaps.tell(connection, [Event(gap.id, now, kind, MACHINE, data)])
