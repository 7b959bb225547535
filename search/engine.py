"""The search engine's entry point: answers a `Query` with `Results` from the current generation.

A search never fails because of the model, the words typed or a new generation: without the model it
answers by keywords, and a search that began on the old generation ends on it.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from time import monotonic, perf_counter

import numpy as np

from search.errors import SearchError
from search.index import generation as index_generation
from search.index import manifest
from search.index.audience import AudienceView, view_of
from search.index.opened import Generation
from search.index.storage import StoredColumn
from search.index.watching import Damage
from search.ranking.conditions import constraints, for_model
from search.ranking.confidence import confidence
from search.ranking.fusion import keyword_share, meaning_share
from search.ranking.hybrid import Mask, Ranking, collect, rank, requests_for
from search.ranking.lanes import QueryVectors, may_be_english, needs_other
from search.ranking.snippets import hits_of
from search.semantic.encoder import Encoder, other_of
from search.semantic.query_encoder import Answer, Loader, QueryEncoder
from search.suggest.suggester import ArticleFacts, Queries, Suggester, Suggestion
from search.text.pasted import bounded, is_long
from search.types import Mode, Query, Results

REMEMBERED = 1000  # cached answers of a generation in each process, some 10 kB each
LONGEST_REMEMBERED = 200  # characters of a query
log = logging.getLogger(__name__)

LOOK_S = 1.0  # seconds between two checks of the serving generation's files
Stamp = tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How many seconds to wait for the model, and whether to use it at all."""

    mode: Mode = Mode.HYBRID
    load_seconds: float = 5.0
    query_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """The generation that serves now; `degraded` is "" when semantic search works, `one_language`
    tells why the model for English compares articles in every language, "" when it does not.
    """

    generation: str
    commit: str
    documents: int
    languages: tuple[str, ...]
    mode: Mode
    degraded: str
    one_language: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Each part of one article's score for a query; `rank` counts from 1, 0 when it is no hit."""

    document_id: str
    rank: int
    score: float
    weight: float
    parts: Mapping[str, float]
    terms: tuple[str, ...]


class _Serving:
    """The generation that serves, with what is computed from it on demand."""

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        documents = generation.documents
        self.suggester = Suggester.open(
            generation.path,
            ArticleFacts(
                documents.language, documents.collection, generation.alike, generation.synonyms
            ),
        )
        self._views: dict[frozenset[str], AudienceView] = {}
        self._answers: OrderedDict[Query, Results] = OrderedDict()
        self._lock = threading.Lock()

    def view(self, audiences: frozenset[str]) -> AudienceView:
        """Return what a set of audiences may see."""
        found = self._views.get(audiences)
        if found is None:
            found = self._views[audiences] = view_of(self.generation, audiences)
        return found

    def recall(self, query: Query) -> Results | None:
        """Return the cached answer to the same query with the same rights; None without one."""
        with self._lock:
            if query in self._answers:
                self._answers.move_to_end(query)
            return self._answers.get(query)

    def remember(self, results: Results) -> None:
        """Cache an answer that is not degraded; the REMEMBERED most recently used stay."""
        if results.degraded or len(results.query.text) > LONGEST_REMEMBERED:
            return
        with self._lock:
            self._answers[results.query] = results
            if len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A ranking with what a query's filters leave of it: `every` hit, and those `kept` of equal
    articles; `sure` is the confidence.
    """

    ranking: Ranking
    every: np.ndarray
    kept: np.ndarray
    mode: Mode
    degraded: str
    sure: float
    answerable: bool


def loaders_of(encoder: Encoder | None) -> dict[str, Loader | None]:
    """Return the loaders that an Engine takes for models that are already open."""
    other = other_of(encoder)
    return {
        "encoder_loader": (lambda: encoder) if encoder else None,
        "other_loader": (lambda: other) if other else None,
    }


class Engine:
    """Searches an index folder. Safe to share between threads."""

    def __init__(
        self,
        root: Path,
        *,
        encoder_loader: Loader | None = None,
        other_loader: Loader | None = None,
        settings: EngineSettings | None = None,
    ) -> None:
        self._root = root
        self._settings = settings or EngineSettings()
        limits = {
            "load_seconds": self._settings.load_seconds,
            "query_seconds": self._settings.query_seconds,
        }
        self._encoder = QueryEncoder(encoder_loader, **limits)
        self._other = QueryEncoder(other_loader, **limits)
        self._lock = threading.Lock()
        self._serving: _Serving | None = None
        self._stamp: Stamp = None
        self._warm = False
        self._look_at = self._look_at_all_at = 0.0
        self._damage = ""
        self._missed: tuple[float, Stamp, SearchError] | None = None

    def warm(self) -> None:
        """Open the index and begin loading the model, so that the first search is quick."""
        self._warm = True
        self._encoder.start()
        generation = self._now().generation
        if generation.other_meaning is not None:
            self._other.start()
        generation.hold()

    def refresh(self) -> bool:
        """Return whether another generation was opened. Costs one stat when nothing changed, and
        every LOOK_S one for each file that is not in memory. SearchError when there is no usable
        index.
        """
        stamp, now = _stamp(self._root), monotonic()
        if self._serving is not None and stamp == self._stamp and now < self._look_at:
            return False
        missed = self._missed if self._serving is None else None
        if missed and missed[1] == stamp and now < missed[0]:  # looking for one reads every file
            raise SearchError(missed[2].message, missed[2].hint)
        with self._lock:
            if self._serving is None or stamp != self._stamp:
                return self._open(stamp)
            if self._look_at <= now:  # else another thread has just checked
                self._look_at = now + LOOK_S
                if found := self._serving.generation.damage_that_reaches():
                    return self._look(stamp, found)
            return False

    def damaged(self) -> str:
        """Return which file of the serving generation is damaged and how, "" when all are whole; a
        stat for each file every LOOK_S. SearchError when there is no usable index.
        """
        self.refresh()
        with self._lock:
            if self._serving is not None and self._look_at_all_at <= monotonic():
                self._look_at_all_at = monotonic() + LOOK_S
                self._look(self._stamp, self._serving.generation.damage())
        return self._damage

    def _open(self, stamp: Stamp) -> bool:
        before = self._serving.generation.id if self._serving else ""
        if before and self._stays():
            self._stamp = stamp
            return False
        try:
            opened = index_generation.open_current(self._root)
            if self._warm:
                opened.hold()
            serving = _Serving(opened)
        except (SearchError, OSError, ValueError) as problem:
            if self._serving is not None:
                self._stamp = stamp  # the generation that is open is good: keep it
                return False
            if not isinstance(problem, SearchError):  # it was damaged while it was opened
                problem = SearchError("There is no usable index.", "It is looked for again.")
            self._missed = monotonic() + LOOK_S, stamp, problem
            raise problem from None
        self._serving, self._stamp, self._damage = serving, stamp, ""
        self._look_at = self._look_at_all_at = monotonic() + LOOK_S
        return opened.id != before

    def _stays(self) -> bool:
        """Return whether the pointer, which changed, still names the open generation, or nothing
        usable.
        """
        assert self._serving is not None
        live, named = self._serving.generation, index_generation.current(self._root)
        if not named or not (self._root / named).is_dir():
            return True
        if named != live.path.name:
            return False
        try:
            return manifest.read(live.path) == live.manifest
        except SearchError:
            return True

    def _look(self, stamp: Stamp, found: Damage | None) -> bool:
        """Close the serving generation if searches would read damaged data; return whether another
        one was opened.
        """
        assert self._serving is not None
        if found and str(found) != self._damage:
            then = "it is left" if found.reaches else "it serves on from memory"
            name = self._serving.generation.path.name
            log.error("Index generation %s is damaged: %s; %s.", name, found, then)
        self._damage = str(found or "")
        if found is None or not found.reaches:
            return False
        self._serving = None
        return self._open(stamp)

    def _now(self) -> _Serving:
        self.refresh()
        serving = self._serving
        if serving is None:  # another thread has just closed it
            raise SearchError("There is no usable index.", "It is looked for again.")
        return serving

    @contextmanager
    def _reading(self) -> Iterator[_Serving]:
        """Yield the serving generation; an error while it is read becomes a SearchError when its
        files are damaged.
        """
        serving = self._now()
        try:
            yield serving
        except SearchError:
            raise
        except Exception as problem:
            if serving.generation.damage() is None:
                raise
            raise SearchError(
                "The index was damaged while it was read.", "Try again in a minute."
            ) from problem

    @property
    def generation(self) -> Generation:
        """The generation that serves now. SearchError when there is no usable index."""
        return self._now().generation

    def search(self, query: Query) -> Results:
        """Return ranked hits. SearchError only when there is no usable index at all."""
        begun = perf_counter()
        with self._reading() as serving:
            if (known := serving.recall(query)) is not None:
                return replace(known, timings_ms={"recall": (perf_counter() - begun) * 1000})
            found = self._searched(serving, query)
            serving.remember(found)
            return found

    def _searched(self, serving: _Serving, query: Query) -> Results:
        timings = dict[str, float]()
        view = serving.view(query.audiences)
        typed = _typed(serving.generation, query, view)
        text, suggestion = _spelt(typed, query, view=view)
        with _timed(timings, "rank"):
            found = self._ranked(serving, query, text=text, view=view)
            if text != typed and not found.answerable:  # nothing is replaced to find no answer
                text, suggestion = typed, text
                found = self._ranked(serving, query, text=text, view=view)
        ranking = found.ranking
        with _timed(timings, "hits"):
            page = found.kept[query.offset : query.offset + max(0, query.limit)]
            hits = hits_of(serving.generation, ranking, page, found.every)
        return Results(
            query=query,
            hits=hits,
            total=len(found.kept),
            mode=found.mode,
            degraded=found.degraded,
            confidence=found.sure,
            answerable=found.answerable,
            searched_for=text,
            corrected=text != typed,
            shortened=is_long(query.text),
            languages=ranking.signals.spoken_in,
            suggestion=suggestion,
            conditions=str(constraints(text, literal=query.literal)),
            facets=_facets(serving.generation, ranking),
            timings_ms=timings,
            generation=serving.generation.id,
            commit=serving.generation.commit,
        )

    def _ranked(self, serving: _Serving, query: Query, *, text: str, view: AudienceView) -> _Ranked:
        ranking, mode, degraded = self._rank(serving, query, text=text, view=view)
        every = _filtered(serving.generation, ranking, query)
        kept = _once_each(serving.generation, every)
        fitted, meaning = serving.generation.calibration, mode is not Mode.KEYWORD
        sure = confidence(ranking.evidence, fitted, meaning=meaning) if len(kept) else 0.0
        floor = fitted.floor if meaning else fitted.floor_words
        return _Ranked(ranking, every, kept, mode, degraded, sure, sure >= floor)

    def _rank(
        self, serving: _Serving, query: Query, *, text: str, view: AudienceView
    ) -> tuple[Ranking, Mode, str]:
        generation = serving.generation
        asked = constraints(text, literal=query.literal)
        read = for_model(query.text, asked)
        mode, vectors = self._settings.mode, self._vectors(generation, asked.text, read)
        requests = requests_for(generation, asked)
        signals = collect(
            generation, asked, requests=requests, vectors=lambda: vectors()[0], allowed=view.allowed
        )
        known, degraded = vectors()
        if known.main is None and known.other is None:
            mode = Mode.KEYWORD
        return rank(generation, signals, mode=mode, prefer=query.prefer_language), mode, degraded

    def _vectors(
        self, generation: Generation, text: str, read: str
    ) -> Callable[[], tuple[QueryVectors, str]]:
        """Return a function that waits for the query's vectors, and tells why there is none; the
        models work while words are matched. They read `read`, the whole of a long text.
        """
        if self._settings.mode is Mode.KEYWORD or not text:
            return lambda: (QueryVectors(None), "")
        facts = generation.manifest
        if generation.meaning is None:
            reason = facts.degraded or "The index was built without a model."
            return lambda: (QueryVectors(None), reason)
        completed = generation.lexicon.completed(text)
        read = completed if read == text else read
        english = sure = True
        languages = generation.lexicon.spoken_in(completed)
        main: Answer = _none
        other: Answer = _none
        if generation.other_meaning is not None:
            english = may_be_english(generation.lexicon, completed)
            sure = english and generation.lexicon.is_english(completed)
            if needs_other(generation, sure=sure):
                other = self._other.begin(read, facts.other_fingerprint)
        if english:
            main = self._encoder.begin(read, facts.fingerprint)

        def wait() -> tuple[QueryVectors, str]:
            (theirs, _), (ours, reason) = other(), main()
            if theirs is None and not english:  # then the first model reads every language
                ours, reason = self._encoder.begin(read, facts.fingerprint)()
            return QueryVectors(ours, theirs, english, sure, languages), reason

        return cache(wait)

    def explain(self, query: Query, document_id: str) -> Explanation:
        """Return the parts of an article's score. SearchError when the asker may not see it."""
        serving = self._now()
        view, generation = serving.view(query.audiences), serving.generation
        number = generation.ordinals.get(document_id, -1)
        if number < 0 or not view.allowed[number]:
            raise SearchError(f"There is no article {document_id!r}.", "Check the id.")
        text, _ = _spelt(_typed(generation, query, view), query, view=view)
        ranking, _, _ = self._rank(serving, query, text=text, view=view)
        return _explanation(generation, ranking, number)

    def suggest(
        self,
        prefix: str,
        audiences: frozenset[str] = frozenset({"public"}),
        limit: int = 8,
        *,
        popular: Queries | None = None,
        prefer_language: str = "",
    ) -> tuple[Suggestion, ...]:
        """Return articles for what was typed so far; see `Suggester.suggest`."""
        typed = bounded(prefix)
        with self._reading() as serving:
            return serving.suggester.suggest(
                typed,
                allowed=serving.view(audiences).allowed,
                limit=limit,
                popular=popular,
                forgiving=not serving.generation.lexicon.may_name(typed),
                prefer=prefer_language,
            )

    def status(self) -> EngineStatus:
        """Return which generation serves now, and in which mode."""
        generation = self.generation
        facts, reason = generation.manifest, ""
        if self._settings.mode is not Mode.KEYWORD:
            reason = facts.degraded or self._encoder.reason(facts.fingerprint)
        mode = Mode.KEYWORD if reason else self._settings.mode
        alone = facts.other_degraded
        if facts.other_fingerprint and mode is not Mode.KEYWORD:
            alone = alone or self._other.reason(facts.other_fingerprint)
        return EngineStatus(
            facts.id, facts.commit, facts.documents, facts.languages, mode, reason, alone
        )


def _stamp(root: Path) -> Stamp:
    try:
        found = (root / "CURRENT").stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def _none() -> tuple[None, str]:
    return None, ""


@contextmanager
def _timed(timings: dict[str, float], stage: str) -> Iterator[None]:
    start = perf_counter()
    yield
    timings[stage] = (perf_counter() - start) * 1000


def _typed(generation: Generation, query: Query, view: AudienceView) -> str:
    """Return the text to look up; words that only other articles have do not show in it."""
    return bounded(query.text, partial(generation.lexicon.worth, allowed=view.allowed))


def _spelt(typed: str, query: Query, *, view: AudienceView) -> tuple[str, str]:
    """Return the text to search for and the one to offer ("" when none)."""
    if query.literal or not typed:
        return typed, ""
    found = view.speller.correct(typed)
    if found is None:
        return typed, ""
    return (found.text, "") if found.sure else (typed, found.text)


def _filter_mask(generation: Generation, query: Query) -> Mask:
    documents = generation.documents
    mask = np.ones(len(documents), bool)
    if query.languages:
        mask &= documents.language.among(query.languages)
    if query.collections:
        mask &= documents.collection.among(query.collections)
    return mask


def _filtered(generation: Generation, ranking: Ranking, query: Query) -> np.ndarray:
    if not query.languages and not query.collections:
        return ranking.order
    return ranking.order[_filter_mask(generation, query)[ranking.order]]


def _once_each(
    generation: Generation, order: np.ndarray, within: StoredColumn | None = None
) -> np.ndarray:
    """Return the order with only the first of each group of duplicate articles, or the first for
    each value of the column `within`.
    """
    if not generation.repetitive:
        return order
    groups = generation.alike[order].astype(np.int64)
    if within is not None:
        groups = groups * len(within.names) + within.numbers[order]
    places = np.arange(len(order))
    first = np.empty(int(groups.max(initial=-1)) + 1, np.int64)
    first[groups[::-1]] = places[::-1]  # of several places the last one written, the first, stays
    kept: np.ndarray = order[first[groups] == places]
    return kept


def _facets(generation: Generation, ranking: Ranking) -> Mapping[str, Mapping[str, int]]:
    """Return how many hits there would be for each language and each collection."""
    documents = generation.documents
    columns = {"language": documents.language, "collection": documents.collection}
    return {
        name: column.counted(_once_each(generation, ranking.order, column))
        for name, column in columns.items()
    }


def _explanation(generation: Generation, ranking: Ranking, number: int) -> Explanation:
    signals = ranking.signals
    at = np.flatnonzero(ranking.order == number)
    parts = {
        "keyword_raw": float(signals.keyword[number]),
        "keyword": float(keyword_share(signals.keyword)[number]),
        "coverage": float(signals.coverage[number]),
        "cosine": float(signals.cosines[number]),
        "semantic": float(meaning_share(signals.cosines, signals.median)[number]),
        "adjacent": float(signals.adjacent[number]),
        "as_typed": float(signals.typed[number]),
        "exact": float(signals.exact[number]),
        "title": float(signals.title[number]),
    }
    return Explanation(
        document_id=generation.documents.ids[number],
        rank=int(at[0]) + 1 if len(at) else 0,
        score=float(ranking.fused[number]),
        weight=ranking.weight,
        parts=parts,
        terms=tuple(s.surface for request in signals.requests for s in request.sought),
    )
