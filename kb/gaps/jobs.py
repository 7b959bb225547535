"""The periodic work on gaps: failed searches are grouped, gaps are marked answered or reopened.

Numbers survive every grouping, and what people did by hand is kept: a declined gap is left alone,
and one that somebody changes meanwhile waits for the next round. Running a round twice changes
nothing more, and no write transaction lasts long. The rules are in `kb.gaps.clustering` and
`kb.gaps.answers.rules`.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import numpy as np

from kb.database import Connection, Database
from kb.gaps import impact, store
from kb.gaps import store as gaps_store
from kb.gaps.answers import store as answers_store
from kb.gaps.answers.model import GapAnswer, SearchOfGap
from kb.gaps.answers.rules import is_open_again, share
from kb.gaps.clustering import CUT, CUT_STEMS, Partition, QueryGroup, Vectors, added, centre, whole
from kb.gaps.clustering import MODEL as STEMS
from kb.gaps.clustering import vectors as stem_vectors
from kb.gaps.impact import counted
from kb.gaps.model import MACHINE, OPEN, FailedQuery, Gap, GapEvent, GapEventKind, GapStatus
from kb.tracking.query_text import favourite
from search.errors import SearchError
from search.semantic.encoder import Encoder

# -- Answered and reopened gaps --


ANSWERED, REOPENED = "answered", "reopened"


@dataclass(frozen=True, slots=True)
class ClosedGaps:
    """How many gaps were marked answered, and how many were reopened."""

    answered: int = 0
    reopened: int = 0


def bring_up_to_date(db: Database, now: datetime) -> ClosedGaps:
    """Mark gaps that are answered and reopen those that fail again; return how many of each."""
    with db.read() as connection:
        every = [gap for gap in gaps_store.every(connection) if not gap.became_id]
        placed, before = (
            answers_store.placed(connection),
            answers_store.reopened(connection, REOPENED),
        )
    counts = {ANSWERED: 0, REOPENED: 0}
    for gap in every:
        searches = placed.get(gap.id, [])
        if gap.status in OPEN:
            found = share(searches, before.get(gap.id))
            if found.enough:
                counts[ANSWERED] += _change(db, gap, GapStatus.ANSWERED, found.most, now)
        elif gap.status is GapStatus.ANSWERED and _fails_again(gap, searches):
            status = GapStatus.ASSIGNED if gap.owner_id else GapStatus.NEW
            counts[REOPENED] += _change(db, gap, status, None, now)
    return ClosedGaps(counts[ANSWERED], counts[REOPENED])


def _fails_again(gap: Gap, searches: Sequence[SearchOfGap]) -> bool:
    return gap.answered_at is not None and is_open_again(searches, gap.answered_at)


def _change(
    db: Database, gap: Gap, status: GapStatus, found: GapAnswer | None, now: datetime
) -> bool:
    with db.begin() as connection:
        done = answers_store.set_status(connection, gap, status, found, now)
        if done:
            _tell(connection, gap, found, now)
    return done


def _tell(connection: Connection, gap: Gap, found: GapAnswer | None, now: datetime) -> None:
    said = found or GapAnswer(gap.answered_article, gap.answered_commit)
    data = {"article": said.article, "commit": said.commit}
    kind = ANSWERED if found else REOPENED
    gaps_store.tell(connection, [GapEvent(gap.id, now, kind, MACHINE, data)])


# -- Grouping --


log = logging.getLogger(__name__)

BATCH = 256  # questions read by the model, and vectors written, at a time
PLACES = 2000  # searches put into gaps in one transaction
WHOLE_EVERY = timedelta(days=1)

T = TypeVar("T")
OpenEncoder = Callable[[], Encoder | None]


@dataclass(frozen=True, slots=True)
class GroupingResult:
    """What a round did. `without` says why meaning was not compared, "" when it was."""

    gaps: int
    searches: int
    placed: int
    whole: bool
    without: str = ""


@dataclass(slots=True)
class _Round:
    """What one round works on."""

    now: datetime
    model: str
    keys: list[str]
    rows: Mapping[str, Sequence[FailedQuery]]
    vectors: Vectors
    known: dict[str, Gap]
    questions: list[QueryGroup]
    placed: Mapping[str, store.GapOfSearch]
    events: list[GapEvent] = field(default_factory=list)
    gap_of: dict[str, str] = field(default_factory=dict)

    def say(self, gap_id: str, kind: str, **data: Any) -> None:
        """Add a line to a gap's history."""
        self.events.append(GapEvent(gap_id, self.now, kind, MACHINE, data))


class Grouping:
    """Groups the failed searches of one site. `open_encoder` gives None to compare words only."""

    def __init__(self, db: Database, open_encoder: OpenEncoder, *, k: int) -> None:
        self._db = db
        self._open = open_encoder
        self._k = k

    def run(self, now: datetime, *, anew: bool | None = None) -> GroupingResult:
        """Group everything (`anew` True), only what is new (False), or everything once a day
        (None).
        """
        if self._nothing(now):
            return GroupingResult(0, 0, 0, whole=False)
        encoder, without = self._encoder()
        work = self._begin(now, encoder)
        cut = CUT if encoder else CUT_STEMS
        with self._db.read() as connection:
            centres = store.centres(connection)
            due = store.last_event(connection, store.GROUPED)
        same = all(gap.model in ("", work.model) for gap in work.known.values())
        complete = (not due or now - due >= WHOLE_EVERY) if anew is None else anew
        complete = complete or not same
        if complete:
            touched = {gap.id for gap in work.known.values() if gap.touched}
            parted = whole(work.questions, work.vectors, touched=touched, cut=cut)
        else:
            live = {gap.id for gap in work.known.values() if not gap.became_id}
            near = {gap_id: row for gap_id, row in centres.items() if gap_id in live}
            parted = added(work.questions, work.vectors, near, cut=cut)
        self._apply(work, parted)
        if complete:
            work.say("", store.GROUPED)
        self._write(work)
        total = sum(len(rows) for rows in work.rows.values())
        return GroupingResult(
            len(set(work.gap_of.values())), total, len(work.gap_of), complete, without
        )

    # The input of a round

    def _nothing(self, now: datetime) -> bool:
        with self._db.read() as connection:
            failed = store.count_failed(connection, now - impact.WINDOW)
            return not failed and not store.every(connection)

    def _encoder(self) -> tuple[Encoder | None, str]:
        try:
            encoder = self._open()
        except SearchError as problem:
            log.warning("gaps are grouped by words alone: %s", problem)
            return None, str(problem)
        return encoder, "" if encoder else "Search by meaning is switched off (setting semantic)."

    def _begin(self, now: datetime, encoder: Encoder | None) -> _Round:
        with self._db.read() as connection:
            failed = store.failed(connection, now - impact.WINDOW)
            placed = store.placed(connection)
            known = {gap.id: gap for gap in store.every(connection)}
        rows: dict[str, list[FailedQuery]] = {}
        for one in failed:
            rows.setdefault(one.words_key, []).append(one)
        keys = sorted(rows)
        model = encoder.fingerprint if encoder else STEMS
        return _Round(
            now=now,
            model=model,
            keys=keys,
            rows=rows,
            vectors=self._vectors(keys, rows, encoder, now),
            known=known,
            questions=[_question(key, rows[key], placed, known) for key in keys],
            placed=placed,
        )

    def _vectors(
        self,
        keys: Sequence[str],
        rows: Mapping[str, Sequence[FailedQuery]],
        encoder: Encoder | None,
        now: datetime,
    ) -> Vectors:
        """Return the unit vectors of the questions; those made before come from the database."""
        texts = {key: favourite((one.words, one.visitor) for one in rows[key]) for key in keys}
        if encoder is None:
            languages = [rows[key][0].language for key in keys]
            return stem_vectors([texts[key] for key in keys], languages)
        with self._db.read() as connection:
            known = store.vectors(connection, encoder.fingerprint, keys)
        missing = sorted((key for key in keys if key not in known), key=lambda k: len(texts[k]))
        for some in _some(missing, BATCH):
            made = encoder.encode_documents([texts[key] for key in some])
            fresh = {key: row.astype(np.float16) for key, row in zip(some, made, strict=True)}
            with self._db.begin() as connection:
                store.add_vectors(self._db, connection, encoder.fingerprint, fresh, now)
            known |= {key: row.astype(np.float32) for key, row in fresh.items()}
        found = np.stack([known[key] for key in keys]) if keys else np.zeros((0, 1), np.float32)
        unit: Vectors = found / np.linalg.norm(found, axis=1, keepdims=True)
        return unit

    # The result of a round

    def _apply(self, work: _Round, parted: Partition) -> None:
        """Decide which gap each question is in, and collect the lines of history."""
        members: dict[int, list[str]] = {}
        for key, group in parted.groups.items():
            members.setdefault(group, []).append(key)
        gap_of = dict(parted.matched.gap_of)
        for group in sorted(members):
            if group not in gap_of:
                gap_of[group] = self._made(work, parted, group)
            work.gap_of |= dict.fromkeys(members[group], gap_of[group])
        for gap_id, group in parted.matched.became.items():
            if group in gap_of:
                _merged(work, gap_id, gap_of[group])
        for gap_id in parted.matched.faded:
            if work.known[gap_id].searches:
                work.say(gap_id, GapEventKind.FADED)

    def _made(self, work: _Round, parted: Partition, group: int) -> str:
        origin = parted.matched.came_from.get(group, "")
        gap = Gap(uuid.uuid4().hex, 0, came_from_id=origin, model=work.model)
        work.known[gap.id] = gap
        if origin:
            work.say(gap.id, GapEventKind.SPLIT, of=work.known[origin].number)
            work.say(origin, GapEventKind.LEFT, into_id=gap.id)
        else:
            work.say(gap.id, GapEventKind.MADE)
        return gap.id

    def _write(self, work: _Round) -> None:
        """Write gaps and history at once, then which gap each search is in, in batches."""
        with self._db.begin() as connection:
            _number(self._db, connection, work)
            for gap_id, keys in _by_gap(work).items():
                self._count(connection, work, gap_id, keys)
            store.tell(connection, work.events)
        for (gap_id, by_hand), searches in _moves(work).items():
            for some in _some(sorted(searches.items()), PLACES):
                with self._db.begin() as connection:
                    store.place(self._db, connection, dict(some), gap_id, by_hand=by_hand)

    def _count(
        self, connection: Connection, work: _Round, gap_id: str, keys: Sequence[int]
    ) -> None:
        """Write what a gap's questions add up to; a gap without any loses its label."""
        gap, rows = work.known[gap_id], [one for key in keys for one in work.rows[work.keys[key]]]
        if not rows and not gap.searches:
            return
        values = counted(rows, work.now, k=self._k)
        if rows:
            middle = centre(work.vectors[list(keys)]).astype("<f4").tobytes()
            values |= {"model": work.model, "centre": middle}
        store.count(connection, gap_id, values, work.now)


def _question(
    key: str,
    rows: Sequence[FailedQuery],
    placed: Mapping[str, store.GapOfSearch],
    known: Mapping[str, Gap],
) -> QueryGroup:
    """Return the question with the gap that its searches are in; one set by hand comes first."""
    places = [place for one in rows if (place := placed.get(one.search_id))]
    place = max(places, key=lambda p: p.by_hand, default=store.GapOfSearch("", by_hand=False))
    gap = known.get(place.gap_id)
    while gap is not None and gap.became_id in known:
        gap = known[gap.became_id]
    visitors = frozenset(one.visitor for one in rows)
    return QueryGroup(key, visitors, gap.id if gap else "", place.by_hand)


def _merged(work: _Round, gap_id: str, into: str) -> None:
    work.say(gap_id, GapEventKind.MERGED, into_id=into)
    work.say(into, GapEventKind.ABSORBED, of=work.known[gap_id].number)


def _number(db: Database, connection: Connection, work: _Round) -> None:
    """Insert the new gaps, the largest first, and replace ids in the history by numbers."""
    new = [gap for gap in work.known.values() if not gap.number]
    keys = _by_gap(work)
    number = store.next_number(db, connection) if new else 0
    for gap in sorted(new, key=lambda gap: (-len(keys[gap.id]), keys[gap.id][0])):
        numbered = Gap(gap.id, number, came_from_id=gap.came_from_id, model=gap.model)
        work.known[gap.id] = numbered
        store.add_gap(connection, numbered, work.now)
        number += 1
    for at, event in enumerate(work.events):
        into = event.data.get("into_id")
        if into:
            told = {"into": work.known[into].number}
            work.events[at] = GapEvent(event.gap_id, event.at, event.kind, event.actor, told)
            if event.kind == GapEventKind.MERGED:
                store.count(connection, event.gap_id, {"became_id": into}, work.now)


def _by_gap(work: _Round) -> dict[str, list[int]]:
    """Return the positions of each gap's questions in `work.keys`, [] for a gap without any."""
    found: dict[str, list[int]] = {gap_id: [] for gap_id in work.known}
    for at, key in enumerate(work.keys):
        if key in work.gap_of:
            found[work.gap_of[key]].append(at)
    return found


def _some(values: Sequence[T], count: int) -> Iterator[Sequence[T]]:
    return (values[start : start + count] for start in range(0, len(values), count))


def _moves(work: _Round) -> dict[tuple[str, bool], dict[str, datetime]]:
    """Return the searches whose gap, or whether it was set by hand, changed; by the new values."""
    moves: dict[tuple[str, bool], dict[str, datetime]] = {}
    for question in work.questions:
        place = store.GapOfSearch(work.gap_of.get(question.key, ""), question.fixed)
        for one in work.rows[question.key]:
            if work.placed.get(one.search_id) != place:
                moves.setdefault((place.gap_id, place.by_hand), {})[one.search_id] = one.at
    return moves
