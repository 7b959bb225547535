"""Gaps as people see them, and what people do to them by hand.

All pages, exports and the API read gaps here, so none of them shows a word that the privacy rule
hides (`kb.gaps.anonymity`). Each act is one transaction with a line of history, and is refused when
somebody changed the gap meanwhile. Later groupings keep what was done: a moved question stays where
it was put, and a gap with a title, an owner or a decision keeps its questions.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kb.database import Connection, Database
from kb.errors import InvalidInput, NotAllowed, NotFound
from kb.gaps import anonymity, impact, store
from kb.gaps.anonymity import ShownWords
from kb.gaps.impact import counted
from kb.gaps.model import OPEN, Diagnosis, FailedQuery, Gap, GapEvent, GapEventKind, GapStatus

# -- Listing and detail --


NOBODY = "nobody"
NAMELESS = "Words that too few people used to be shown"


@dataclass(frozen=True, slots=True)
class GapFilter:
    """Which gaps to list: "" means any. `status` "open" means neither answered nor declined."""

    status: str = "open"
    cause: str = ""
    language: str = ""
    owner: str = ""

    def has(self, gap: Gap) -> bool:
        """Return whether the gap passes the filter."""
        if self.status == "open" and gap.status not in OPEN:
            return False
        if self.status not in ("", "open", "all") and gap.status != self.status:
            return False
        owner = gap.owner_id or NOBODY
        asked = ((self.cause, gap.cause), (self.language, gap.language), (self.owner, owner))
        return all(not want or want == has for want, has in asked)


@dataclass(frozen=True, slots=True)
class Listing:
    """Gaps, the most asked for first. `small` gaps with `small_searches` searches are not shown:
    fewer than `k` people are in each. `held` is the share of `total` failed searches that the ten
    largest gaps hold, None if nothing failed; `grouped_at` is the time of the last full grouping.
    """

    gaps: tuple[Gap, ...]
    small: int
    small_searches: int
    total: int
    held: float | None
    k: int
    languages: tuple[str, ...]
    grouped_at: datetime | None


@dataclass(frozen=True, slots=True)
class GapQuestion:
    """One wording of a gap as it may be shown, why it failed, and its latest search with the
    articles that it was shown then. `cause` and `article` are "" until it is diagnosed.
    """

    shown: ShownWords
    cause: str
    article: str
    failures: tuple[tuple[str, int], ...]
    latest: FailedQuery
    then: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Detail:
    """One gap with its questions and history. `questions` is () when fewer than `k` people are in
    it; `became` and `came_from` are numbers of other gaps, 0 for none.
    """

    gap: Gap
    questions: tuple[GapQuestion, ...]
    history: tuple[GapEvent, ...]
    k: int
    became: int = 0
    came_from: int = 0

    @property
    def asked(self) -> tuple[str, ...]:
        """Return the questions that may be shown as a whole, most people first."""
        return tuple(each.shown.words for each in self.questions if each.shown.whole)


def name_of(gap: Gap) -> str:
    """Return a gap's name: its title, else its label, else NAMELESS."""
    return gap.title or gap.label or NAMELESS


def listing(db: Database, wanted: GapFilter, *, k: int, now: datetime) -> Listing:
    """Return the gaps that pass the filter, most people and tickets first; `k` is the setting."""
    with db.read() as connection:
        every = [gap for gap in store.every(connection) if not gap.became_id and gap.searches]
        total = store.count_failed(connection, now - impact.WINDOW)
        grouped_at = store.last_event(connection, store.GROUPED)
    fitting = [gap for gap in every if wanted.has(gap)]
    shown = [gap for gap in fitting if gap.people >= k]
    small = [gap for gap in fitting if gap.people < k]
    return Listing(
        gaps=tuple(sorted(shown, key=_rank)),
        small=len(small),
        small_searches=sum(gap.searches for gap in small),
        total=total,
        held=impact.held_by_largest((gap.searches for gap in every), total),
        k=k,
        languages=tuple(sorted({gap.language for gap in every if gap.language})),
        grouped_at=grouped_at,
    )


def most_asked(db: Database, most: int, *, k: int) -> tuple[Gap, ...]:
    """Return the first `most` open gaps of `k` or more people, as `listing` orders them."""
    with db.read() as connection:
        every = [gap for gap in store.every(connection) if not gap.became_id and gap.searches]
    shown = [gap for gap in every if gap.people >= k and gap.status in OPEN]
    return tuple(sorted(shown, key=_rank)[:most])


def _rank(gap: Gap) -> tuple[int, int, int]:
    """Return the sort key. People and tickets count alike: whoever failed may open a ticket."""
    return -(gap.people + gap.tickets), -gap.searches, gap.number


def detail(db: Database, number: int, *, k: int) -> Detail:
    """Return the gap of that number; NotFound where there is none."""
    with db.read() as connection:
        gap = store.numbered(connection, number)
        if gap is None:
            raise NotFound(f"There is no gap number {number}.", "`kb gaps` lists them.")
        rows = store.members(connection, gap.id)
        found = store.diagnoses_of_gap(connection, gap.id)
        latest = [one.search_id for one in _latest(rows).values()]
        then = store.shown_then(connection, latest)
        became = store.by_id(connection, gap.became_id) if gap.became_id else None
        origin = store.by_id(connection, gap.came_from_id) if gap.came_from_id else None
        told = store.history(connection, gap.id)
    return Detail(
        gap=gap if gap.people >= k else replace(gap, label=""),
        questions=_questions(rows, found, then, k=k),
        history=told,
        k=k,
        became=became.number if became else 0,
        came_from=origin.number if origin else 0,
    )


def _latest(rows: Sequence[FailedQuery]) -> dict[str, FailedQuery]:
    """Return the latest search of each wording; rows come in order of time."""
    return {one.words_key: one for one in rows}


def _questions(
    rows: Sequence[FailedQuery],
    found: Mapping[str, Diagnosis],
    then: Mapping[str, tuple[str, ...]],
    *,
    k: int,
) -> tuple[GapQuestion, ...]:
    latest = _latest(rows)
    failures: dict[str, Counter[str]] = {}
    for one in rows:
        failures.setdefault(one.words_key, Counter())[one.failure] += 1
    return tuple(
        _question(each, latest[each.words_key], failures[each.words_key], found=found, then=then)
        for each in anonymity.shown(rows, k=k)
    )


def _question(
    each: ShownWords,
    latest: FailedQuery,
    failures: Mapping[str, int],
    *,
    found: Mapping[str, Diagnosis],
    then: Mapping[str, tuple[str, ...]],
) -> GapQuestion:
    known = found.get(latest.search_id)
    return GapQuestion(
        shown=each,
        cause=known.cause.value if known else "",
        article=known.article if known else "",
        failures=tuple(sorted(failures.items(), key=lambda item: (-item[1], item[0]))),
        latest=latest,
        then=then.get(latest.search_id, ()),
    )


# -- Acts by hand --


LONGEST_TITLE = 200
DECISIONS = frozenset({GapStatus.NEW, GapStatus.WATCHING, GapStatus.DECLINED})


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts, when, on which version of the gap; `k` is the setting k_anonymity."""

    actor: str
    now: datetime
    version: int
    k: int


@dataclass(frozen=True, slots=True)
class OpenAct:
    """An act in progress: the gap as it is, its searches, and the transaction."""

    db: Database
    connection: Connection
    gap: Gap
    rows: Sequence[FailedQuery]
    acting: Acting

    def say(self, gap_id: str, kind: str, **data: object) -> None:
        """Add a line to a gap's history."""
        event = GapEvent(gap_id, self.acting.now, kind, self.acting.actor, data)
        store.tell(self.connection, [event])

    def save(self, gap: Gap) -> None:
        """Write the gap; NotAllowed when somebody changed it first."""
        if not store.save(self.connection, gap, self.acting.now):
            raise _meanwhile()

    def put(self, rows: Sequence[FailedQuery], gap_id: str) -> None:
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


Act = Callable[[OpenAct], None]


def act(db: Database, number: int, what: Act, acting: Acting) -> Gap:
    """Do one thing to a gap and return the gap after it. NotFound, NotAllowed or InvalidInput."""
    with db.begin() as connection:
        gap = store.numbered(connection, number)
        if gap is None:
            raise NotFound(f"There is no gap number {number}.")
        if gap.version != acting.version:
            raise _meanwhile()
        if gap.became_id:
            raise NotAllowed("This gap was merged into another.", "Act on that one.")
        what(OpenAct(db, connection, gap, store.members(connection, gap.id), acting))
        return store.by_id(connection, gap.id) or gap


def _meanwhile() -> NotAllowed:
    return NotAllowed(
        "Somebody changed this gap meanwhile.", "Look at what it says now and try again."
    )


def rename(title: str) -> Act:
    """Give the gap a title; "" removes it."""
    given = " ".join(title.split())
    if len(given) > LONGEST_TITLE:
        _refuse("title", f"At most {LONGEST_TITLE} characters.")

    def do(it: OpenAct) -> None:
        it.save(replace(it.gap, title=given))
        it.say(it.gap.id, GapEventKind.RENAMED, title=given)

    return do


def assign(owner_id: str, name: str) -> Act:
    """Assign the gap to an account; "" to nobody."""

    def do(it: OpenAct) -> None:
        status = it.gap.status
        if owner_id and status in (GapStatus.NEW, GapStatus.WATCHING):
            status = GapStatus.ASSIGNED
        elif not owner_id and status is GapStatus.ASSIGNED:
            status = GapStatus.NEW
        it.save(replace(it.gap, owner_id=owner_id, status=status))
        it.say(it.gap.id, GapEventKind.ASSIGNED, to=name)

    return do


def decide(status: str) -> Act:
    """Decline the gap, watch it, or reopen it."""
    if status not in DECISIONS:
        _refuse("status", "Choose what is to become of it.")
    chosen = GapStatus(status)

    def do(it: OpenAct) -> None:
        opened = GapStatus.ASSIGNED if chosen is GapStatus.NEW and it.gap.owner_id else chosen
        if opened is it.gap.status:
            _refuse("status", "It is that already.")
        it.save(replace(it.gap, status=opened))
        it.say(it.gap.id, GapEventKind.STATUS, status=opened.value, was=it.gap.status.value)

    return do


def merge(into: int) -> Act:
    """Put all questions of the gap into another; this number then leads there."""

    def do(it: OpenAct) -> None:
        other = _other(it, into, "into")
        it.put([*it.rows, *store.members(it.connection, other.id)], other.id)
        it.save(replace(it.gap, became_id=other.id))
        it.say(it.gap.id, GapEventKind.MERGED, into=other.number)
        it.say(other.id, GapEventKind.ABSORBED, of=it.gap.number)
        it.count(it.gap.id, other.id)

    return do


def split(searches: Collection[str]) -> Act:
    """Move the questions of these searches into a new gap."""

    def do(it: OpenAct) -> None:
        chosen, rest = _chosen(it, searches)
        if not rest:
            _refuse("questions", "Leave at least one question in this gap.")
        number = store.next_number(it.db, it.connection)
        made = Gap(uuid.uuid4().hex, number, came_from_id=it.gap.id, model=it.gap.model)
        store.add_gap(it.connection, made, it.acting.now)
        it.put(chosen, made.id)
        it.put(rest, it.gap.id)
        it.save(it.gap)
        it.say(made.id, GapEventKind.SPLIT, of=it.gap.number)
        it.say(it.gap.id, GapEventKind.LEFT, into=number)
        it.count(it.gap.id, made.id)

    return do


def move(searches: Collection[str], into: int) -> Act:
    """Move the questions of these searches to another gap; 0 removes them from every gap."""

    def do(it: OpenAct) -> None:
        chosen, rest = _chosen(it, searches)
        other = _other(it, into, "to") if into else None
        it.put(chosen, other.id if other else "")
        it.put(rest, it.gap.id)
        it.save(it.gap)
        told = {"questions": len({one.words_key for one in chosen}), "into": into}
        it.say(it.gap.id, GapEventKind.MOVED, **told)
        if other:
            it.say(other.id, GapEventKind.MOVED, questions=told["questions"], of=it.gap.number)
        it.count(it.gap.id, *([other.id] if other else []))

    return do


def _chosen(it: OpenAct, searches: Collection[str]) -> tuple[list[FailedQuery], list[FailedQuery]]:
    keys = {one.words_key for one in it.rows if one.search_id in searches}
    chosen = [one for one in it.rows if one.words_key in keys]
    if not chosen:
        _refuse("questions", "Choose at least one question.")
    return chosen, [one for one in it.rows if one.words_key not in keys]


def _other(it: OpenAct, number: int, field: str) -> Gap:
    other = store.numbered(it.connection, number)
    if other is None or other.became_id:
        _refuse(field, f"There is no gap number {number} to put them in.")
    elif other.id == it.gap.id:
        _refuse(field, "Name another gap than this one.")
    assert other is not None
    return other


def _refuse(field: str, problem: str) -> None:
    raise InvalidInput(problem, fields={field: problem})
