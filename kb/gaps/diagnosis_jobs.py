"""The periodic diagnosis of gaps: what each failed search finds now, and why it failed.

All facts come from one generation of articles, including those that the person may not see; only
leads and authors are shown the result. A round looks at a limited number of questions, the most
asked first, and at each once per generation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from kb.accounts.roles import Role, audiences
from kb.analytics import store as analytics_store
from kb.analytics.episodes import episodes
from kb.analytics.model import Episode
from kb.content.article import ArticleStatus
from kb.content.frontmatter.metadata import guess_language
from kb.content.library import Library
from kb.database import Database
from kb.gaps import store
from kb.gaps.diagnosis import after_failure, diagnose, of_gap, refinements, synonyms
from kb.gaps.model import (
    NOTHING,
    AfterFailure,
    Best,
    Diagnosis,
    DiagnosisFacts,
    FailedQuery,
    Gap,
    RootCause,
    SearchAttempt,
    Visibility,
)
from kb.gaps.unpublished import UNPUBLISHED, open_unpublished, quiet_engine
from kb.tracking.query_text import favourite
from search.engine import Engine
from search.index.opened import Generation
from search.semantic.encoder import Encoder
from search.text.analysis import fold, stop_words
from search.text.tokens import normal, tokens
from search.types import Query, Results

# -- The facts of a failed search --


EVERYBODY = audiences(Role.ADMIN)
FIRST = 20  # hits looked at


@dataclass(frozen=True, slots=True)
class QueryWording:
    """One wording of a question. `signed_in`: a person with an account searched for it."""

    words: str
    language: str = ""
    languages: frozenset[str] = frozenset()
    signed_in: bool = False
    aftermath: AfterFailure = NOTHING


class Investigation:
    """Repeats failed searches against the live generation. `beyond` also searches unpublished
    articles, None where there are none.
    """

    def __init__(self, engine: Engine, beyond: Engine | None, library: Library, today: date):
        self._engine = engine
        self._beyond = beyond
        self._library = library
        self._today = today
        self._words = _by_language(engine.generation)
        self._audiences = {
            str(article.audience)
            for article in library.articles.values()
            if article.status is ArticleStatus.PUBLISHED
        }

    def facts(self, asked: QueryWording) -> DiagnosisFacts:
        """Return the facts about the wording as of now."""
        may = audiences(Role.READER if asked.signed_in else Role.ANONYMOUS)
        query = Query(
            asked.words,
            audiences=may,
            prefer_language=asked.language,
            languages=asked.languages,
            limit=FIRST,
        )
        own, suggestion = self._searched(self._engine, query, may)
        offered = self._offered(query, own, suggestion, may=may)
        changed = offered is not None or own.text != " ".join(asked.words.split())
        anywhere = replace(query, languages=frozenset())
        typed = replace(query, literal=True)
        return DiagnosisFacts(
            words=asked.words,
            language=self.language_of(asked.words) or asked.language,
            own=offered or own,
            unfiltered=self._look(self._engine, anywhere, may) if asked.languages else None,
            typed=self._look(self._engine, typed, may) if changed else None,
            closed=self._beyond_reach(anywhere, may),
            unpublished=self._unpublished(anywhere, may),
            aftermath=asked.aftermath,
            found=self._found(asked.aftermath.found, may),
        )

    def language_of(self, words: str) -> str:
        """Return the language that the words are in, by the articles' words and common ones; ""
        where no language has clearly more of them.
        """
        folded = [fold(normal(token.surface)) for token in tokens(words)]
        scores = {
            language: sum(word in known or word in stop_words(language) for word in folded)
            for language, known in self._words.items()
        }
        ranked = sorted(scores, key=lambda each: (-scores[each], each))
        if len(ranked) > 1 and scores[ranked[0]] > scores[ranked[1]]:
            return ranked[0]
        return guess_language(words)

    def _offered(
        self, query: Query, own: SearchAttempt, suggestion: str, *, may: frozenset[str]
    ) -> SearchAttempt | None:
        """Return what the suggested spelling finds, None unless it finds something better."""
        if not suggestion:
            return None
        found = self._look(self._engine, replace(query, text=suggestion, literal=True), may)
        return found if found.confidence > own.confidence else None

    def _beyond_reach(self, query: Query, may: frozenset[str]) -> SearchAttempt | None:
        """Return the search among all published articles, None where this person may see all."""
        if not self._kept_from(may):
            return None
        return self._look(self._engine, replace(query, audiences=EVERYBODY), may)

    def _kept_from(self, may: frozenset[str]) -> bool:
        return bool(self._audiences - may)

    def _unpublished(self, query: Query, may: frozenset[str]) -> SearchAttempt | None:
        if self._beyond is None:
            return None
        return self._look(self._beyond, replace(query, audiences=EVERYBODY | {UNPUBLISHED}), may)

    def _look(self, engine: Engine, query: Query, may: frozenset[str]) -> SearchAttempt:
        return self._searched(engine, query, may)[0]

    def _searched(
        self, engine: Engine, query: Query, may: frozenset[str]
    ) -> tuple[SearchAttempt, str]:
        """Return what is found, and the spelling that is suggested instead."""
        results = engine.search(query)
        order = tuple(hit.id for hit in results.hits)
        look = SearchAttempt(
            confidence=results.confidence,
            floor=_floor(engine.generation, results),
            order=order,
            best=self._best(engine, query, order[0], may) if order else None,
            text=results.searched_for,
        )
        return look, results.suggestion

    def _best(self, engine: Engine, query: Query, slug: str, may: frozenset[str]) -> Best:
        parts = engine.explain(query, slug).parts
        return replace(
            self._described(slug, may), cosine=parts["cosine"], coverage=parts["coverage"]
        )

    def _found(self, slug: str, may: frozenset[str]) -> Best | None:
        return self._described(slug, may) if slug and self._library.get(slug) else None

    def _described(self, slug: str, may: frozenset[str]) -> Best:
        """Return an article with its visibility to a person of these audiences."""
        article = self._library.get(slug)
        if article is None:
            return Best(slug, "")
        kind = Visibility.OPEN if article.audience in may else Visibility.CLOSED
        kind = kind if article.status is ArticleStatus.PUBLISHED else Visibility.UNPUBLISHED
        return Best(slug, article.language, kind, overdue=article.is_overdue(self._today))


def _floor(generation: Generation, results: Results) -> float:
    fitted = generation.calibration
    return fitted.floor_words if results.mode == "keyword" else fitted.floor


def _by_language(generation: Generation) -> Mapping[str, frozenset[str]]:
    """Return the words of the articles of each language."""
    lexicon = generation.lexicon
    return {language: frozenset(lexicon.words(language)[0]) for language in lexicon.languages}


# -- The periodic round --


EACH = 20  # questions of one gap that are looked at, the most asked first
MOST = 500  # questions in one round; each takes some hundredths of a second


class Diagnosing:
    """Diagnoses the gaps of one site. `root` is the folder of the index of unpublished articles."""

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
        """Diagnose questions not yet looked at in the live generation; return how many there were.

        Raises SearchError when nothing is published.
        """
        with self._db.read() as connection:
            every = [gap for gap in store.every(connection) if gap.searches and not gap.became_id]
        if not every:
            return 0
        engine = quiet_engine(self._generations, self._open())
        live = engine.generation.id
        look: Investigation | None = None
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

    def _looking(self, engine: Engine, now: datetime) -> Investigation:
        library = self._library()
        beyond = open_unpublished(self._root, engine.generation, library, self._open)
        return Investigation(engine, beyond, library, now.date())

    def _due(self, gap: Gap, live: str) -> tuple[Mapping[str, Sequence[FailedQuery]], list[str]]:
        """Return a gap's searches by question, and the questions to look at."""
        with self._db.read() as connection:
            members = store.members(connection, gap.id)
            known = store.diagnosed(connection, gap.id, live)
        rows: dict[str, list[FailedQuery]] = {}
        for one in members:
            rows.setdefault(one.words_key, []).append(one)
        ranked = sorted(rows, key=lambda key: (-_people(rows[key]), key))[:EACH]
        fresh = [key for key in ranked if any(one.search_id not in known for one in rows[key])]
        return rows, fresh

    def _diagnose(
        self,
        gap: Gap,
        rows: Mapping[str, Sequence[FailedQuery]],
        due: Iterable[str],
        look: Investigation,
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
            after = after_failure(seen, ids, {s: a for s, a in resolved.items() if s in ids})
            with self._db.read() as connection:
                signed_in, filters = store.asked_by(connection, max(ids))
            latest = max(rows[key], key=lambda one: one.at)
            asked = QueryWording(
                favourite((one.words, one.visitor) for one in rows[key]),
                language=latest.language,
                languages=filters,
                signed_in=signed_in,
                aftermath=after,
            )
            found |= dict.fromkeys(ids, diagnose(look.facts(asked)))
        with self._db.begin() as connection:
            store.put_diagnoses(connection, found, live)
            store.note_on_gap(connection, gap.id, "synonyms", [asdict(each) for each in told])

    def _afterwards(
        self, rows: Sequence[FailedQuery]
    ) -> tuple[tuple[Episode, ...], dict[str, str]]:
        """Return the episodes around these searches, and the articles that resolved tickets."""
        since: dict[str, datetime] = {}
        for one in rows:
            since[one.visitor] = min(one.at - self._gap, since.get(one.visitor, one.at))
        with self._db.read() as connection:
            events = analytics_store.events_of(connection, sorted(since), since)
            resolved = store.resolved(connection, [one.search_id for one in rows])
        return episodes(events, self._gap), resolved

    def _conclude(self, gap: Gap, now: datetime) -> None:
        """Write the gap's root cause, from the diagnoses of its questions."""
        with self._db.read() as connection:
            rows = {one.search_id: one for one in store.members(connection, gap.id)}
            known = store.diagnoses_of_gap(connection, gap.id)
        people: dict[str, list[str]] = {}
        of_key: dict[str, Diagnosis] = {}
        for search_id, diagnosis in known.items():
            if search_id in rows:
                key = rows[search_id].words_key
                people.setdefault(key, []).append(rows[search_id].visitor)
                of_key[key] = diagnosis
        cause, counts = of_gap([(of_key[key], len(set(who))) for key, who in people.items()])
        with self._db.begin() as connection:
            store.note_on_gap(connection, gap.id, "causes", dict(counts))
            store.note_on_gap(connection, gap.id, "article", _article(of_key.values(), cause))
            store.count(connection, gap.id, {"cause": cause.value if cause else ""}, now)


def _people(rows: Sequence[FailedQuery]) -> int:
    return len({one.visitor for one in rows})


def _article(found: Iterable[Diagnosis], cause: RootCause | None) -> str:
    """Return the article that most questions of that cause name, "" for none."""
    named: dict[str, int] = {}
    for each in found:
        if each.cause is cause and each.article:
            named[each.article] = named.get(each.article, 0) + 1
    return min(named, key=lambda slug: (-named[slug], slug), default="")
