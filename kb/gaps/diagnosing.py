"""The periodic work of diagnosis: why the searches of each gap failed, against what is live now.

Promises that a round looks at a bounded number of questions, the most asked first, and at each
once for a generation of articles. Knows the order of steps; rules and SQL are elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

from kb.analytics import store as analytics_store
from kb.analytics.episodes import episodes
from kb.analytics.model import Episode
from kb.content.library import Library
from kb.database import Database
from kb.gaps import store
from kb.gaps.aftermath import aftermath, refinements, synonyms
from kb.gaps.beyond import open_beyond, quiet_engine
from kb.gaps.causes import store as causes
from kb.gaps.diagnosis import diagnose, of_gap
from kb.gaps.facts import Diagnosis
from kb.gaps.gap import Cause, Failed, Gap
from kb.gaps.looking import Asked, Looking
from kb.tracking.query_text import favourite
from search.encoder import Encoder
from search.engine import Engine

EACH = 20  # questions of one gap that are looked at, the most asked
MOST = 500  # questions in one round; each takes some hundredths of a second


class Diagnosing:
    """Diagnoses the gaps of one site. `root` holds the index of unpublished articles."""

    def __init__(
        self,
        db: Database,
        generations: Path,
        library: Callable[[], Library],
        open_encoder: Callable[[], Encoder | None],
        *,
        root: Path,
        k: int,
        episode_gap: timedelta,
    ) -> None:
        self._db = db
        self._generations = generations
        self._library = library
        self._open = open_encoder
        self._root = root
        self._k = k
        self._gap = episode_gap

    def run(self, now: datetime, *, most: int = MOST) -> int:
        """Diagnose what is not yet known of the live articles; return how many questions were.

        SearchError when nothing is published.
        """
        with self._db.read() as connection:
            every = [gap for gap in store.every(connection) if gap.searches and not gap.became_id]
        if not every:
            return 0
        engine = quiet_engine(self._generations, self._open())
        live = engine.generation.id
        look: Looking | None = None
        done = 0
        for gap in sorted(every, key=lambda gap: (-gap.people, gap.number)):
            rows, due = self._due(gap, live)
            if due and done < most:
                look = look or self._looking(engine, now)
                due = due[: most - done]
                self._diagnose(gap, rows, due, look, live=live)
                done += len(due)
                self._conclude(gap, now)
        return done

    def _looking(self, engine: Engine, now: datetime) -> Looking:
        library = self._library()
        beyond = open_beyond(self._root, engine.generation, library, self._open)
        return Looking(engine, beyond, library, now.date())

    def _due(self, gap: Gap, live: str) -> tuple[Mapping[str, Sequence[Failed]], list[str]]:
        """Return a gap's searches by question, and the questions that are to be looked at."""
        with self._db.read() as connection:
            members = store.members(connection, gap.id)
            known = causes.diagnosed(connection, gap.id, live)
        rows: dict[str, list[Failed]] = {}
        for one in members:
            rows.setdefault(one.words_key, []).append(one)
        ranked = sorted(rows, key=lambda key: (-_people(rows[key]), key))[:EACH]
        fresh = [key for key in ranked if any(one.search_id not in known for one in rows[key])]
        return rows, fresh

    def _diagnose(
        self,
        gap: Gap,
        rows: Mapping[str, Sequence[Failed]],
        due: Iterable[str],
        look: Looking,
        *,
        live: str,
    ) -> None:
        found: dict[str, Diagnosis] = {}
        every = [one for own in rows.values() for one in own]
        seen, resolved = self._afterwards(every)
        searches = {one.search_id for one in every}
        told = synonyms(refinements(seen, searches), k=self._k)
        for key in due:
            ids = {one.search_id for one in rows[key]}
            after = aftermath(seen, ids, {s: a for s, a in resolved.items() if s in ids})
            with self._db.read() as connection:
                signed_in, filters = causes.asked_by(connection, max(ids))
            latest = max(rows[key], key=lambda one: one.at)
            asked = Asked(
                favourite((one.words, one.visitor) for one in rows[key]),
                language=latest.language,
                languages=filters,
                signed_in=signed_in,
                aftermath=after,
            )
            found |= dict.fromkeys(ids, diagnose(look.facts(asked)))
        with self._db.begin() as connection:
            causes.put(connection, found, live)
            causes.note(connection, gap.id, "synonyms", [asdict(each) for each in told])

    def _afterwards(self, rows: Sequence[Failed]) -> tuple[tuple[Episode, ...], dict[str, str]]:
        """Return the episodes around these searches, and the articles that resolved tickets."""
        since: dict[str, datetime] = {}
        for one in rows:
            since[one.visitor] = min(one.at - self._gap, since.get(one.visitor, one.at))
        with self._db.read() as connection:
            events = analytics_store.events_of(connection, sorted(since), since)
            resolved = causes.resolved(connection, [one.search_id for one in rows])
        return episodes(events, self._gap), resolved

    def _conclude(self, gap: Gap, now: datetime) -> None:
        """Write the gap's cause, from what is known of its questions."""
        with self._db.read() as connection:
            rows = {one.search_id: one for one in store.members(connection, gap.id)}
            known = causes.of_gap(connection, gap.id)
        people: dict[str, list[str]] = {}
        of_key: dict[str, Diagnosis] = {}
        for search_id, diagnosis in known.items():
            if search_id in rows:
                key = rows[search_id].words_key
                people.setdefault(key, []).append(rows[search_id].visitor)
                of_key[key] = diagnosis
        cause, counts = of_gap([(of_key[key], len(set(who))) for key, who in people.items()])
        with self._db.begin() as connection:
            causes.note(connection, gap.id, "causes", dict(counts))
            causes.note(connection, gap.id, "article", _article(of_key.values(), cause))
            store.count(connection, gap.id, {"cause": cause.value if cause else ""}, now)


def _people(rows: Sequence[Failed]) -> int:
    return len({one.visitor for one in rows})


def _article(found: Iterable[Diagnosis], cause: Cause | None) -> str:
    """Return the article that most questions of that cause name, "" for none."""
    named: dict[str, int] = {}
    for each in found:
        if each.cause is cause and each.article:
            named[each.article] = named.get(each.article, 0) + 1
    return min(named, key=lambda slug: (-named[slug], slug), default="")
