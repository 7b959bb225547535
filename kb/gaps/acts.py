"""What people do to gaps by hand: rename, assign, decide, merge, split, move a question.

Promises that each act is one transaction with a line of history, that an act on a gap which
somebody changed meanwhile is refused, and that later groupings respect what was done: what was
moved stays, and a gap that was given a meaning keeps its questions. Knows no page.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kb.database import Connection, Database
from kb.errors import InvalidInput, NotAllowed, NotFound
from kb.gaps import store
from kb.gaps.counting import counted
from kb.gaps.gap import Did, Event, Failed, Gap, Status

LONGEST_TITLE = 200
DECISIONS = frozenset({Status.NEW, Status.WATCHING, Status.DECLINED})


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts, when, on which version of the gap; `k` as the setting."""

    actor: str
    now: datetime
    version: int
    k: int


@dataclass(frozen=True, slots=True)
class Open:
    """An act in progress: the gap as it is, its searches, and the transaction."""

    db: Database
    connection: Connection
    gap: Gap
    rows: Sequence[Failed]
    acting: Acting

    def say(self, gap_id: str, kind: str, **data: object) -> None:
        """Add a line to a gap's history."""
        event = Event(gap_id, self.acting.now, kind, self.acting.actor, data)
        store.tell(self.connection, [event])

    def save(self, gap: Gap) -> None:
        """Write the gap; NotAllowed when somebody was quicker."""
        if not store.save(self.connection, gap, self.acting.now):
            raise _meanwhile()

    def put(self, rows: Sequence[Failed], gap_id: str) -> None:
        """Put searches into a gap by hand."""
        times = {one.search_id: one.at for one in rows}
        store.place(self.db, self.connection, times, gap_id, by_hand=True)

    def count(self, *gap_ids: str) -> None:
        """Bring the counts of gaps up to date."""
        for gap_id in gap_ids:
            values = counted(
                store.members(self.connection, gap_id), self.acting.now, k=self.acting.k
            )
            store.count(self.connection, gap_id, values, self.acting.now)


Act = Callable[[Open], None]


def act(db: Database, number: int, what: Act, acting: Acting) -> Gap:
    """Do one thing to a gap and return it as it is then. NotFound, NotAllowed or InvalidInput."""
    with db.begin() as connection:
        gap = store.numbered(connection, number)
        if gap is None:
            raise NotFound(f"There is no gap number {number}.")
        if gap.version != acting.version:
            raise _meanwhile()
        if gap.became_id:
            raise NotAllowed("This gap was merged into another.", "Act on that one.")
        what(Open(db, connection, gap, store.members(connection, gap.id), acting))
        return store.by_id(connection, gap.id) or gap


def _meanwhile() -> NotAllowed:
    return NotAllowed(
        "Somebody changed this gap meanwhile.", "Look at what it says now and try again."
    )


def rename(title: str) -> Act:
    """Give the gap a name; "" takes it away."""
    given = " ".join(title.split())
    if len(given) > LONGEST_TITLE:
        _refuse("title", f"At most {LONGEST_TITLE} characters.")

    def do(it: Open) -> None:
        it.save(replace(it.gap, title=given))
        it.say(it.gap.id, Did.RENAMED, title=given)

    return do


def assign(owner_id: str, name: str) -> Act:
    """Hand the gap to somebody; "" to nobody."""

    def do(it: Open) -> None:
        status = it.gap.status
        if owner_id and status in (Status.NEW, Status.WATCHING):
            status = Status.ASSIGNED
        elif not owner_id and status is Status.ASSIGNED:
            status = Status.NEW
        it.save(replace(it.gap, owner_id=owner_id, status=status))
        it.say(it.gap.id, Did.ASSIGNED, to=name)

    return do


def decide(status: str) -> Act:
    """Decline the gap, watch it, or open it again."""
    if status not in DECISIONS:
        _refuse("status", "Choose what is to become of it.")
    chosen = Status(status)

    def do(it: Open) -> None:
        opened = Status.ASSIGNED if chosen is Status.NEW and it.gap.owner_id else chosen
        if opened is it.gap.status:
            _refuse("status", "It is that already.")
        it.save(replace(it.gap, status=opened))
        it.say(it.gap.id, Did.STATUS, status=opened.value, was=it.gap.status.value)

    return do


def merge(into: int) -> Act:
    """Put all questions of the gap into another; this number then leads there."""

    def do(it: Open) -> None:
        other = _other(it, into, "into")
        it.put([*it.rows, *store.members(it.connection, other.id)], other.id)
        it.save(replace(it.gap, became_id=other.id))
        it.say(it.gap.id, Did.MERGED, into=other.number)
        it.say(other.id, Did.ABSORBED, of=it.gap.number)
        it.count(it.gap.id, other.id)

    return do


def split(searches: Collection[str]) -> Act:
    """Make a gap of its own of the questions that these searches asked."""

    def do(it: Open) -> None:
        chosen, rest = _chosen(it, searches)
        if not rest:
            _refuse("questions", "Leave at least one question in this gap.")
        number = store.next_number(it.db, it.connection)
        made = Gap(uuid.uuid4().hex, number, came_from_id=it.gap.id, model=it.gap.model)
        store.add(it.connection, made, it.acting.now)
        it.put(chosen, made.id)
        it.put(rest, it.gap.id)
        it.save(it.gap)
        it.say(made.id, Did.SPLIT, of=it.gap.number)
        it.say(it.gap.id, Did.LEFT, into=number)
        it.count(it.gap.id, made.id)

    return do


def move(searches: Collection[str], into: int) -> Act:
    """Move the questions that these searches asked to another gap; 0 takes them out of all."""

    def do(it: Open) -> None:
        chosen, rest = _chosen(it, searches)
        other = _other(it, into, "to") if into else None
        it.put(chosen, other.id if other else "")
        it.put(rest, it.gap.id)
        it.save(it.gap)
        told = {"questions": len({one.words_key for one in chosen}), "into": into}
        it.say(it.gap.id, Did.MOVED, **told)
        if other:
            it.say(other.id, Did.MOVED, questions=told["questions"], of=it.gap.number)
        it.count(it.gap.id, *([other.id] if other else []))

    return do


def _chosen(it: Open, searches: Collection[str]) -> tuple[list[Failed], list[Failed]]:
    keys = {one.words_key for one in it.rows if one.search_id in searches}
    chosen = [one for one in it.rows if one.words_key in keys]
    if not chosen:
        _refuse("questions", "Choose at least one question.")
    return chosen, [one for one in it.rows if one.words_key not in keys]


def _other(it: Open, number: int, field: str) -> Gap:
    other = store.numbered(it.connection, number)
    if other is None or other.became_id:
        _refuse(field, f"There is no gap number {number} to put them in.")
    elif other.id == it.gap.id:
        _refuse(field, "Name another gap than this one.")
    assert other is not None
    return other


def _refuse(field: str, problem: str) -> None:
    raise InvalidInput(problem, fields={field: problem})
