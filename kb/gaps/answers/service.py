"""Replays failed searches after a publish, to find those that an article answers now.

A replay finds what a reader would find now. It runs each search once for each state of the
articles, those that people subscribed to first. Results are kept chunk by chunk, so that a replay
which was stopped goes on where it was, and vectors are kept for the next one. It ends early when
something newer goes live. The rules are in `kb.gaps.answers.rules`, the SQL in
`kb.gaps.answers.store`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from kb.config.settings import Settings
from kb.content.article import Audience
from kb.content.history import Histories
from kb.database import Connection, Database
from kb.gaps import store as gaps_store
from kb.gaps.answers import store
from kb.gaps.answers.live import Live, Naming, Nearby, live_now
from kb.gaps.answers.model import GapAnswer
from kb.gaps.answers.rules import LOOKED_AT, FailedSearch, QueryToRepeat, answer
from kb.publishing.publisher import open_encoder
from search.engine import Engine, EngineSettings, loaders_of
from search.errors import SearchError
from search.index.opened import Generation
from search.ranking.conditions import constraints, for_model
from search.semantic.encoder import Encoder, Progress, Vectors, other_of, silent
from search.semantic.runtime import LightEncoder
from search.text.pasted import bounded
from search.types import Mode, Query, Results

# -- Repeating searches --


# Nobody waits at a search box here: the model gets the time it needs. In seconds.
PATIENCE = 60.0


def read_by(audience: str) -> frozenset[str]:
    """Return the audiences whose articles a reader of this audience may read."""
    known = Audience(audience) if audience in set(Audience) else Audience.PUBLIC
    return known.readable


class Remembering:
    """An encoder that remembers the vectors of queries."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.other = other_of(encoder)
        self._known: dict[str, Vectors] = {}

    @property
    def fingerprint(self) -> str:
        """Return the model's fingerprint."""
        return self._encoder.fingerprint

    def words(self) -> frozenset[str]:
        """Return whole words that the model knows."""
        return self._encoder.words()

    def encode_documents(self, texts: Sequence[str], progress: Progress = silent) -> Vectors:
        """Return one unit vector per text: float32, shape (n, d)."""
        return self._encoder.encode_documents(texts, progress)

    def encode_query(self, text: str) -> Vectors:
        """Return the unit vector of a query, (d,)."""
        found = self._known.get(text)
        return self._encoder.encode_query(text) if found is None else found

    def learn(self, texts: Sequence[str]) -> list[Vectors]:
        """Return the vectors of queries, in order, and remember them."""
        if isinstance(self._encoder, LightEncoder) and texts:
            made = list(self._encoder.encode_queries(texts))
        else:
            made = [self._encoder.encode_query(text) for text in texts]
        self.know(dict(zip(texts, made, strict=True)))
        return made

    def know(self, vectors: Mapping[str, Vectors]) -> None:
        """Remember vectors that were made before, by text."""
        self._known.update(vectors)


class RepeatedSearches:
    """Repeats searches against the live generation; without `keep` nothing is written."""

    def __init__(
        self, db: Database, engine: Engine, encoder: Remembering | None, *, keep: bool
    ) -> None:
        self._db = db
        self._keep = keep
        self._engine = engine
        self._encoder = encoder

    def vectors(self, words: Mapping[str, str], now: datetime) -> Mapping[str, Vectors]:
        """Return the vectors of questions (words by key) by key; {} without a model."""
        encoder = self._encoder
        if encoder is None:
            return {}
        with self._db.read() as connection:
            held = gaps_store.vectors(connection, encoder.fingerprint, words)
        encoder.know({_text(words[key]): row for key, row in held.items()})
        missing = sorted(words.keys() - held.keys())
        made = dict(zip(missing, encoder.learn([_text(words[k]) for k in missing]), strict=True))
        if made and self._keep:
            with self._db.begin() as connection:
                gaps_store.add_vectors(self._db, connection, encoder.fingerprint, made, now)
        return held | made

    @property
    def generation(self) -> Generation:
        """Return the generation that is searched."""
        return self._engine.generation

    def ask(self, question: QueryToRepeat, words: str) -> Results:
        """Return the first hits for the question, as its audience finds them."""
        query = Query(
            words,
            audiences=read_by(question.audience),
            prefer_language=question.language,
            limit=LOOKED_AT,
        )
        return self._engine.search(query)


def _text(words: str) -> str:
    """Return the text that the engine encodes for these words, unless it corrects them."""
    return for_model(words, constraints(bounded(words)))


@contextmanager
def asking(
    db: Database, settings: Settings, fingerprint: str, *, keep: bool
) -> Iterator[RepeatedSearches]:
    """Yield searches against the live generation, by meaning too where it has a `fingerprint`.

    SearchError where the model that built it cannot be had: without it other articles are found.
    """
    encoder = _encoder(settings, fingerprint)
    engine = Engine(
        settings.generations,
        **loaders_of(encoder),
        settings=EngineSettings(
            mode=Mode.HYBRID if encoder else Mode.KEYWORD,
            load_seconds=PATIENCE,
            query_seconds=PATIENCE,
        ),
    )
    yield RepeatedSearches(db, engine, encoder, keep=keep)


def _encoder(settings: Settings, fingerprint: str) -> Remembering | None:
    """Return the model that built the index; SearchError where it cannot be had now."""
    if not settings.semantic or not fingerprint:
        return None
    found = open_encoder(settings)
    if found.fingerprint != fingerprint:
        raise SearchError("The index was built with another model.", "Run `kb publish`.")
    return Remembering(found)


# -- Replays --


CHUNK = 256  # questions whose answers are kept in one transaction
ReplayProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class AnsweredOnReplay:
    """One search that an article answers."""

    asked: FailedSearch
    answer: GapAnswer


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What a replay did: `asked` counts searches, `left` those still to be replayed."""

    commit: str = ""
    asked: int = 0
    answered: tuple[AnsweredOnReplay, ...] = ()
    left: int = 0


class Waiting:
    """Searches to replay that are not stored as failed: none here. See `kb.gaps.subscriptions`."""

    def asked(self, connection: Connection, state: str, before: datetime) -> Sequence[FailedSearch]:
        """Return the searches that people wait for, made before that time and not yet replayed
        against this state.
        """
        del connection, state, before
        return ()

    def mark(
        self,
        connection: Connection,
        state: str,
        asked: Sequence[FailedSearch],
        answers: Mapping[str, GapAnswer],
        now: datetime,
    ) -> None:
        """Mark searches as replayed in an open transaction, and tell those who have an answer."""


@dataclass(slots=True)
class Replay:
    """Replays for one site. One runs at a time: the caller holds the job's lease."""

    db: Database
    settings: Settings
    histories: Histories
    waiting: Waiting = field(default_factory=Waiting)
    _held: tuple[object, Live | None] = (None, None)

    def run(
        self,
        now: datetime,
        *,
        progress: ReplayProgress = lambda *_: None,
        go_on: Callable[[], bool] = lambda: True,
        since: datetime | None = None,
        keep: bool = True,
    ) -> ReplayResult:
        """Replay the searches that are due, while `go_on` returns True; return the result.

        `since` leaves out searches made before; without `keep` nothing is written.
        """
        live = self._live(keep=keep)
        if live is None:
            return ReplayResult()
        first = max(since or now - self.settings.retention, now - self.settings.retention)
        groups = self._groups(live, first)
        total = sum(len(asked) for asked in groups)
        if not groups:
            return ReplayResult(live.replay.commit)
        with asking(self.db, self.settings, live.fingerprint, keep=keep) as asker:
            work = _Work(self, live, asker, now, keep=keep)
            for chunk in _chunks(groups):
                if not go_on() or not work.chunk(chunk):
                    break
                progress("replay", work.asked, total)
        return ReplayResult(live.replay.commit, work.asked, tuple(work.found), total - work.asked)

    def _live(self, *, keep: bool) -> Live | None:
        """Return what is live, read again when CURRENT has changed."""
        root = self.settings.generations
        stamp = _stamp(root)
        if stamp is None or stamp != self._held[0] or not keep:
            held = live_now(self.db, root, keep=keep)
            # Nothing live, or another machine is ahead: look again next time.
            self._held = (stamp if held and keep else None, held)
        return self._held[1]

    def _groups(self, live: Live, since: datetime) -> list[list[FailedSearch]]:
        """Return the due searches grouped by question: subscriptions first, then the largest."""
        state = live.replay.state
        with self.db.read() as connection:
            asked = [
                *self.waiting.asked(connection, state, live.newest),
                *store.waiting(connection, state, since=since, before=live.newest),
            ]
        groups: dict[QueryToRepeat, list[FailedSearch]] = {}
        for each in asked:
            groups.setdefault(each.question, []).append(each)
        return sorted(groups.values(), key=lambda g: (not g[0].by_subscription, -len(g)))


class _Work:
    """One replay against one state."""

    def __init__(
        self, site: Replay, live: Live, asker: RepeatedSearches, now: datetime, *, keep: bool
    ) -> None:
        self.site, self.live, self.asker, self.now, self.keep = site, live, asker, now, keep
        self.naming = Naming(site.histories, live.library, live.known)
        self.asked, self.found = 0, list[AnsweredOnReplay]()
        self._nearby: dict[frozenset[str], Nearby] = {}

    def chunk(self, groups: Sequence[Sequence[FailedSearch]]) -> bool:
        """Replay some questions and keep the results; False when something newer went live."""
        words = {group[0].question.words_key: group[0].words for group in groups}
        vectors = self.asker.vectors(words, self.now)
        found: list[AnsweredOnReplay] = []
        for group in groups:
            first = group[0]
            if not self._concerned(group, vectors.get(first.question.words_key)):
                continue
            results = self.asker.ask(first.question, first.words)
            if results.generation != self.live.generation:
                return False
            for asked in group:
                if slug := answer(asked, results, self.live.since):
                    anchor = results.hits[0].anchor
                    found.append(AnsweredOnReplay(asked, self._answer(asked, slug, anchor)))
        every = [asked for group in groups for asked in group]
        if self.keep:
            self._keep(every, found)
        self.asked += len(every)
        self.found += found
        return True

    def _concerned(self, group: Sequence[FailedSearch], vector: Vectors | None) -> bool:
        """Return whether an article that changed since the last replay may answer it."""
        since = min(each.asked_at for each in group).timestamp()
        changed = frozenset(slug for slug, at in self.live.since.items() if at.latest > since)
        if changed not in self._nearby:
            self._nearby[changed] = Nearby(self.asker.generation, changed)
        return self._nearby[changed].concerns(group[0].words, vector)

    def _answer(self, asked: FailedSearch, slug: str, anchor: str) -> GapAnswer:
        audiences = read_by(asked.question.audience)
        return GapAnswer(slug, self.naming.commit(slug, anchor, audiences))

    def _keep(self, every: Sequence[FailedSearch], found: Sequence[AnsweredOnReplay]) -> None:
        state, answers = self.live.replay.state, {each.asked.id: each.answer for each in found}
        searches = {each.id: each.at for each in every if not each.by_subscription}
        waiting = [each for each in every if each.by_subscription]
        of_searches = {key: value for key, value in answers.items() if key in searches}
        with self.site.db.begin() as connection:
            store.mark(self.site.db, connection, state, searches, of_searches, self.now)
            if waiting:
                self.site.waiting.mark(connection, state, waiting, answers, self.now)


def asked_before(db: Database, words_key: str, since: datetime) -> tuple[int, str]:
    """Return how many distinct people failed on these words since then, by these words or in their
    gap, and the gap's status, "" without a gap.
    """
    with db.read() as connection:
        return store.asked_before(connection, words_key, since)


def _chunks(groups: Sequence[list[FailedSearch]]) -> Iterator[Sequence[list[FailedSearch]]]:
    return (groups[start : start + CHUNK] for start in range(0, len(groups), CHUNK))


def _stamp(root: Path) -> object:
    try:
        found = (root / "CURRENT").stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
