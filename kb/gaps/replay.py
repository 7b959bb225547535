"""Failed searches asked again after a publish.

Promises that each is asked once of each state of the articles, that what was found is kept chunk by
chunk, so that a replay which was stopped goes on where it was, and that whoever waits for an answer
is asked for first. Knows the order of steps; rules and SQL are in `kb.gaps.answers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from kb.config.settings import Settings
from kb.content.history import Histories
from kb.database import Connection, Database
from kb.gaps.answers import store
from kb.gaps.answers.answer import Answer
from kb.gaps.answers.asking import Asking, asking, read_by
from kb.gaps.answers.live import Live, live_now
from kb.gaps.answers.naming import Naming
from kb.gaps.answers.nearby import Nearby
from kb.gaps.answers.rules import Asked, Question, answer
from search.encoder import Vectors

CHUNK = 256  # questions whose answers are kept in one transaction
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Found:
    """One search that an article answers."""

    asked: Asked
    answer: Answer


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did: `asked` counts searches, `left` those still to be asked of this state."""

    commit: str = ""
    asked: int = 0
    answered: tuple[Found, ...] = ()
    left: int = 0


class Waiting:
    """Who waits for an answer beside the record; here nobody. See `kb.gaps.subscriptions`."""

    def asked(self, connection: Connection, state: str, before: datetime) -> Sequence[Asked]:
        """Return what those ask who wait, from before that time, not asked of this state yet."""
        del connection, state, before
        return ()

    def mark(
        self, connection: Connection, state: str, asked: Sequence[Asked],
        answers: Mapping[str, Answer], now: datetime,
    ) -> None:  # fmt: skip
        """Note on an open transaction what was asked, and tell who has an answer."""


@dataclass(slots=True)
class Replaying:
    """Replays for one site. One at a time: whoever runs it holds the lease."""

    db: Database
    settings: Settings
    histories: Histories
    waiting: Waiting = field(default_factory=Waiting)
    _held: tuple[object, Live | None] = (None, None)

    def run(
        self,
        now: datetime,
        *,
        progress: Progress = lambda *_: None,
        go_on: Callable[[], bool] = lambda: True,
        since: datetime | None = None,
        keep: bool = True,
    ) -> Replayed:
        """Ask what is to be asked of what is live, while `go_on` says so, and return what came.

        `since` leaves out what was searched before; without `keep` nothing is written.
        """
        live = self._live(keep=keep)
        if live is None:
            return Replayed()
        first = max(since or now - self.settings.retention, now - self.settings.retention)
        groups = self._groups(live, first)
        total = sum(len(asked) for asked in groups)
        if not groups:
            return Replayed(live.replay.commit)
        with asking(self.db, self.settings, live.fingerprint, keep=keep) as asker:
            work = _Work(self, live, asker, now, keep=keep)
            for chunk in _chunks(groups):
                if not go_on() or not work.chunk(chunk):
                    break
                progress("replay", work.asked, total)
        return Replayed(live.replay.commit, work.asked, tuple(work.found), total - work.asked)

    def _live(self, *, keep: bool) -> Live | None:
        """Return what is live, read again when the pointer has moved."""
        root = self.settings.generations
        stamp = _stamp(root)
        if stamp is None or stamp != self._held[0] or not keep:
            held = live_now(self.db, root, keep=keep)
            # Behind another machine: look again next time.
            self._held = (stamp if held and keep else None, held)
        return self._held[1]

    def _groups(self, live: Live, since: datetime) -> list[list[Asked]]:
        """Return what is to be asked, who ask the same together: first who waits, then most."""
        state = live.replay.state
        with self.db.read() as connection:
            asked = [
                *self.waiting.asked(connection, state, live.newest),
                *store.waiting(connection, state, since=since, before=live.newest),
            ]
        groups: dict[Question, list[Asked]] = {}
        for each in asked:
            groups.setdefault(each.question, []).append(each)
        return sorted(groups.values(), key=lambda g: (not g[0].by_subscription, -len(g)))


class _Work:
    """One replay of one state."""

    def __init__(
        self, site: Replaying, live: Live, asker: Asking, now: datetime, *, keep: bool
    ) -> None:
        self.site, self.live, self.asker, self.now, self.keep = site, live, asker, now, keep
        self.naming = Naming(site.histories, live.library, live.known)
        self.asked, self.found = 0, list[Found]()
        self._nearby: dict[frozenset[str], Nearby] = {}

    def chunk(self, groups: Sequence[Sequence[Asked]]) -> bool:
        """Ask some questions and keep what came; False when something newer went live."""
        words = {group[0].question.words_key: group[0].words for group in groups}
        vectors = self.asker.vectors(words, self.now)
        found: list[Found] = []
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
                    found.append(Found(asked, self._answer(asked, slug, anchor)))
        every = [asked for group in groups for asked in group]
        if self.keep:
            self._keep(every, found)
        self.asked += len(every)
        self.found += found
        return True

    def _concerned(self, group: Sequence[Asked], vector: Vectors | None) -> bool:
        """Whether an article that changed since the last time it was asked may answer it."""
        since = min(each.asked_at for each in group).timestamp()
        changed = frozenset(slug for slug, at in self.live.since.items() if at.latest > since)
        if changed not in self._nearby:
            self._nearby[changed] = Nearby(self.asker.generation, changed)
        return self._nearby[changed].concerns(group[0].words, vector)

    def _answer(self, asked: Asked, slug: str, anchor: str) -> Answer:
        audiences = read_by(asked.question.audience)
        return Answer(slug, self.naming.commit(slug, anchor, audiences))

    def _keep(self, every: Sequence[Asked], found: Sequence[Found]) -> None:
        state, answers = self.live.replay.state, {each.asked.id: each.answer for each in found}
        searches = {each.id: each.at for each in every if not each.by_subscription}
        waiting = [each for each in every if each.by_subscription]
        of_searches = {key: value for key, value in answers.items() if key in searches}
        with self.site.db.begin() as connection:
            store.mark(self.site.db, connection, state, searches, of_searches, self.now)
            if waiting:
                self.site.waiting.mark(connection, state, waiting, answers, self.now)


def asked_before(db: Database, words_key: str, since: datetime) -> tuple[int, str]:
    """Return how many distinct people failed on these words since then, alone or in their gap, and
    the gap's status, "" without one.
    """
    with db.read() as connection:
        return store.asked_before(connection, words_key, since)


def _chunks(groups: Sequence[list[Asked]]) -> Iterator[Sequence[list[Asked]]]:
    return (groups[start : start + CHUNK] for start in range(0, len(groups), CHUNK))


def _stamp(root: Path) -> object:
    try:
        found = (root / "CURRENT").stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
