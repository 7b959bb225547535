"""Gaps as people may see them: ranked, filtered, with their questions and history.

Promises no word that the privacy rule hides, on every page, in every export and in the API: all
read gaps here. Knows no page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kb.database import Database
from kb.errors import NotFound
from kb.gaps import anonymity, demand, store
from kb.gaps.anonymity import Shown
from kb.gaps.causes import store as causes
from kb.gaps.facts import Diagnosis
from kb.gaps.gap import Event, Failed, Gap, Status

OPEN = frozenset({Status.NEW, Status.ASSIGNED, Status.WATCHING})
NOBODY = "nobody"
NAMELESS = "Words that too few people used to be shown"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which gaps: "" is any. `status` "open" is all that nobody has answered or declined."""

    status: str = "open"
    cause: str = ""
    language: str = ""
    owner: str = ""

    def has(self, gap: Gap) -> bool:
        """Return whether the gap is one of them."""
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
    largest gaps hold, None of none; `grouped_at` when all was grouped last.
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
class Question:
    """One wording of a gap as it may be shown, why it failed, and its latest search with the
    articles that it was shown then. `cause` is "" and `article` too where nobody has looked yet.
    """

    shown: Shown
    cause: str
    article: str
    failures: tuple[tuple[str, int], ...]
    latest: Failed
    then: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Detail:
    """One gap with what is inside. `questions` is () when fewer than `k` people are in it; `became`
    and `came_from` are numbers of other gaps, 0 for none.
    """

    gap: Gap
    questions: tuple[Question, ...]
    history: tuple[Event, ...]
    k: int
    became: int = 0
    came_from: int = 0

    @property
    def asked(self) -> tuple[str, ...]:
        """Return the questions that may be shown as a whole, most people first."""
        return tuple(each.shown.words for each in self.questions if each.shown.whole)


def name_of(gap: Gap) -> str:
    """Return what a gap is called: by hand, else by its words."""
    return gap.title or gap.label or NAMELESS


def listing(db: Database, wanted: Wanted, *, k: int, now: datetime) -> Listing:
    """Return the gaps wanted, by tickets that followed and people; `k` as the setting."""
    with db.read() as connection:
        every = [gap for gap in store.every(connection) if not gap.became_id and gap.searches]
        total = store.count_failed(connection, now - demand.WINDOW)
        grouped_at = store.last_event(connection, store.GROUPED)
    fitting = [gap for gap in every if wanted.has(gap)]
    shown = [gap for gap in fitting if gap.people >= k]
    small = [gap for gap in fitting if gap.people < k]
    return Listing(
        gaps=tuple(sorted(shown, key=_rank)),
        small=len(small),
        small_searches=sum(gap.searches for gap in small),
        total=total,
        held=demand.held_by_largest((gap.searches for gap in every), total),
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
    """A ticket is work that was done; a person who failed is a ticket that may come."""
    return -(gap.people + gap.tickets), -gap.searches, gap.number


def detail(db: Database, number: int, *, k: int) -> Detail:
    """Return the gap of that number; NotFound where there is none."""
    with db.read() as connection:
        gap = store.numbered(connection, number)
        if gap is None:
            raise NotFound(f"There is no gap number {number}.", "`kb gaps` lists them.")
        rows = store.members(connection, gap.id)
        found = causes.of_gap(connection, gap.id)
        latest = [one.search_id for one in _latest(rows).values()]
        then = causes.shown_then(connection, latest)
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


def _latest(rows: Sequence[Failed]) -> dict[str, Failed]:
    """Return the latest search of each wording; rows come in order of time."""
    return {one.words_key: one for one in rows}


def _questions(
    rows: Sequence[Failed],
    found: Mapping[str, Diagnosis],
    then: Mapping[str, tuple[str, ...]],
    *,
    k: int,
) -> tuple[Question, ...]:
    latest = _latest(rows)
    failures: dict[str, Counter[str]] = {}
    for one in rows:
        failures.setdefault(one.words_key, Counter())[one.failure] += 1
    return tuple(
        _question(each, latest[each.words_key], failures[each.words_key], found=found, then=then)
        for each in anonymity.shown(rows, k=k)
    )


def _question(
    each: Shown,
    latest: Failed,
    failures: Mapping[str, int],
    *,
    found: Mapping[str, Diagnosis],
    then: Mapping[str, tuple[str, ...]],
) -> Question:
    known = found.get(latest.search_id)
    return Question(
        shown=each,
        cause=known.cause.value if known else "",
        article=known.article if known else "",
        failures=tuple(sorted(failures.items(), key=lambda item: (-item[1], item[0]))),
        latest=latest,
        then=then.get(latest.search_id, ()),
    )
