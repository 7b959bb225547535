"""Query tests: do articles answer the questions they name, and does a change fix failed searches?

Every question of `answers` must find its article among the first three and none of `not_answers`
may; a finding says the rank before and which article took the place. Questions of unchanged
articles are asked too, since a change may move them. Each is searched as a reader who may open the
article would, in a trial index built from the articles as they are.

The live index is neither changed nor waited for: its newest generation is linked into a temporary
folder and unchanged vectors are carried over from there. Failed searches are read only where there
is an event log (an author's machine may have none), in words that enough people used (setting
`k_anonymity`); what counts as answered is the rule of `kb.gaps.answers.rules`.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kb.analytics.report import DateRange
from kb.analytics.search_metrics import WordsRow
from kb.analytics.service import failing_words
from kb.authoring.alike import alike_by_meaning
from kb.authoring.check import line_reader
from kb.authoring.check_output import AnsweredQuery, QueryTestResults
from kb.config.settings import Settings
from kb.content.article import Article, ArticleStatus
from kb.content.library import Library
from kb.content.lint.catalogue import findings_of
from kb.content.lint.library_rules import SourceLibrary
from kb.content.lint.page import SourcePage
from kb.content.problem import Problem
from kb.database import Database
from kb.errors import ProductError
from kb.gaps.answers.rules import LOOKED_AT, sure
from kb.publishing.publisher import open_encoder
from kb.publishing.state import current, library_of
from search.engine import Engine, EngineSettings, loaders_of
from search.errors import SearchError
from search.index import generation
from search.index.manifest import shared
from search.index.opened import Generation
from search.semantic.encoder import Encoder
from search.types import Mode, Query

# -- The trial index, beside the live one --


# No visitor is waiting here, so the model gets the time it needs (seconds).
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Trial:
    """The engine `now` over the articles as they are, and `before` over the live index, None where
    nothing was published. `library` is the live one; `without` says why the search is by words
    only, "" when it is not.
    """

    now: Engine
    before: Engine | None
    library: Library | None
    without: str


@contextmanager
def trial(library: Library, settings: Settings, *, meaning: bool | None) -> Iterator[Trial]:
    """Provide the engines over `library` and over the live index.

    `meaning` None uses the model when the live index does, True always, False never.
    """
    live = current(settings.generations)
    encoder, without = _encoder(settings, live, meaning)
    with tempfile.TemporaryDirectory(prefix="kb-check-") as place:
        root = Path(place)
        if live:
            shutil.copytree(live.path, root / live.path.name, copy_function=shared)
        generation.build(
            [
                a.to_document()
                for a in library.articles.values()
                if a.status is ArticleStatus.PUBLISHED
            ],
            root,
            encoder=encoder,
            degraded=without,
            synonyms=library.synonyms,
            names=library.names,
            sure_as=live,  # does not affect ranks; both engines must call the same hits doubtful
        )
        before = _engine(settings.generations, encoder) if live else None
        yield Trial(_engine(root, encoder), before, library_of(live), without)


def _encoder(
    settings: Settings, live: Generation | None, meaning: bool | None
) -> tuple[Encoder | None, str]:
    if meaning is False or not settings.semantic:
        return None, "Questions were asked by words only, as was wanted."
    try:
        encoder = open_encoder(settings)
    except SearchError:
        return None, "Questions were asked by words only: the model is prepared by kb publish."
    if meaning or (live is not None and live.manifest.fingerprint == encoder.fingerprint):
        return encoder, ""
    return None, "Questions were asked by words only: the live index has no meaning to carry over."


def _engine(root: Path, encoder: Encoder | None) -> Engine:
    mode = Mode.HYBRID if encoder else Mode.KEYWORD
    engine = Engine(
        root,
        **loaders_of(encoder),
        settings=EngineSettings(mode=mode, load_seconds=_PATIENCE, query_seconds=_PATIENCE),
    )
    engine.warm()
    return engine


# -- Failed searches that a change answers --


log = logging.getLogger(__name__)
MOST = 200  # wordings tried, the most frequent failures first


def failed_words(settings: Settings, now: datetime) -> tuple[Sequence[WordsRow], str]:
    """Return the failed wordings within the retention, and why they cannot be read, if so."""
    if not settings.database_url and not (settings.data / "tierzero.db").is_file():
        return (), ""
    database = Database(settings.database)
    try:
        span = DateRange((now - settings.retention).date(), now.date())
        return failing_words(database, span, k=settings.k_anonymity, now=now)[:MOST], ""
    except ProductError as problem:
        return (), f"Failed searches were not tried: {problem.message}"
    finally:
        database.close()


def newly_answered(
    words: Sequence[WordsRow], engines: Trial, shelf: SourceLibrary, about: frozenset[str]
) -> Iterator[AnsweredQuery]:
    """Yield failed searches that an article in `about` answers now and did not before."""
    slugs = {article.slug: page.path for page, article in shelf.published if page.path in about}
    for row in words:
        query = Query(row.words, limit=LOOKED_AT)
        slug = sure(engines.now.search(query), slugs.keys())
        if slug and not (engines.before and sure(engines.before.search(query), {slug})):
            yield AnsweredQuery(slugs[slug], row.words, row.searches)


# -- Questions that articles name --


FIRST = 3  # results that fit on a phone's screen without scrolling
_LOOKED_AT = 10
# Questions of other articles asked of both indexes; more would keep the author waiting.
MOST_OTHERS = 1500


@dataclass(frozen=True, slots=True)
class FoundAt:
    """Where a question found an article: `rank` from 1, 0 when not in sight; `first` is the slug of
    the best other article.
    """

    rank: int
    first: str

    @property
    def good(self) -> bool:
        """Whether the article is among the first."""
        return 0 < self.rank <= FIRST

    def __str__(self) -> str:
        return f"rank {self.rank}" if self.rank else f"not among the first {_LOOKED_AT}"


def ask_questions(
    settings: Settings,
    shelf: SourceLibrary,
    about: frozenset[str],
    *,
    meaning: bool | None,
    now: datetime,
) -> QueryTestResults:
    """Ask the questions of the articles in the files `about` and return the findings."""
    if not any(page.path in about for page, _ in shelf.published):
        return QueryTestResults()
    with trial(shelf.library, settings, meaning=meaning) as engines:
        run = _Asking(shelf, about, engines)
        problems = list(run.problems())
        words, remark = failed_words(settings, now)
        answered = newly_answered(words, engines, shelf, about)
    remarks = [engines.without, remark, run.left_out]
    return QueryTestResults(
        findings_of(problems, line_reader(shelf)),
        run.count,
        "keyword" if engines.without else "hybrid",
        tuple(answered),
        tuple(filter(None, remarks)),
    )


class _Asking:
    def __init__(self, shelf: SourceLibrary, about: frozenset[str], engines: Trial) -> None:
        self.shelf, self.about, self.engines = shelf, about, engines
        self.count, self.left_out = 0, ""

    def problems(self) -> Iterator[Problem]:
        for page, article in self.shelf.published:
            if page.path in self.about:
                for question in article.answers:
                    yield from self._wanted(page, article, question)
                for question in article.not_answers:
                    yield from self._unwanted(page, article, question)
        yield from self._others()
        if not self.engines.without:
            index = self.engines.now.generation
            yield from alike_by_meaning(self.shelf.published, index, self.about)

    def _wanted(self, page: SourcePage, article: Article, question: str) -> Iterator[Problem]:
        place = self._now(article, question)
        if place.good:
            return
        message = (
            f"“{question[:120]}” does not find this article: {place}{self._was(article, question)}."
        )
        hint = f"{self._named(place.first)} comes first. Say the question's words in the text."
        yield page.problem("answer-lost", page.find(question), message, hint)

    def _unwanted(self, page: SourcePage, article: Article, question: str) -> Iterator[Problem]:
        place = self._now(article, question)
        if not place.good:
            return
        was = self._was(article, question)
        message = f"“{question[:120]}” finds this article and should not: {place}{was}."
        hint = f"Narrow its words, or help {self._named(place.first)} to be found."
        yield page.problem("answer-false", page.find(question), message, hint)

    def _others(self) -> Iterator[Problem]:
        """Yield problems with questions of unchanged articles whose rank moved."""
        if self.engines.before is None or not self._differs():
            return
        others = [
            (page, article, question)
            for page, article in self.shelf.published
            if page.path not in self.about and self._is_as_live(article)
            for question in article.answers
        ]
        if len(others) > MOST_OTHERS:
            self.left_out = (
                f"Of {len(others)} questions of other articles the first {MOST_OTHERS} were asked."
            )
        for page, article, question in others[:MOST_OTHERS]:
            yield from self._moved(page, article, question)

    def _moved(self, page: SourcePage, article: Article, question: str) -> Iterator[Problem]:
        now, before = self._now(article, question), self._before(article, question)
        if before is None or now.rank == before.rank or not (now.good or before.good):
            return
        line = page.find(question)
        if before.good and not now.good:
            message = f"“{question[:120]}” no longer finds this article: {now}, before {before}."
            hint = f"{self._named(now.first)} takes its place."
            yield page.problem("answer-lost", line, message, hint)
            return
        message = f"“{question[:120]}” finds this article at {now}, before {before}."
        hint = f"{self._named(now.first)} is the nearest other."
        yield page.problem("answer-moved", line, message, hint)

    def _differs(self) -> bool:
        """Return whether any of the articles asked about differs from its live version."""
        found = (a for page, a in self.shelf.published if page.path in self.about)
        return any(not self._is_as_live(article) for article in found)

    def _is_as_live(self, article: Article) -> bool:
        live = self.engines.library.get(article.slug) if self.engines.library else None
        return live is not None and live.to_document() == article.to_document()

    def _now(self, article: Article, question: str) -> FoundAt:
        self.count += 1
        return place_of(self.engines.now, article, question)

    def _before(self, article: Article, question: str) -> FoundAt | None:
        live = self.engines.library.get(article.slug) if self.engines.library else None
        if self.engines.before is None or live is None:
            return None
        return place_of(self.engines.before, article, question)

    def _was(self, article: Article, question: str) -> str:
        before = self._before(article, question)
        return f", before {before}" if before else ""

    def _named(self, slug: str) -> str:
        article = self.shelf.library.get(slug)
        return f"“{article.title}” ({article.path})" if article else "No article"


def place_of(engine: Engine, article: Article, question: str) -> FoundAt:
    """Return where a reader who may open the article finds it when asking the question."""
    found = engine.search(
        Query(
            question,
            audiences=article.audience.readable,
            prefer_language=article.language,
            limit=_LOOKED_AT,
        )
    )
    hits: Sequence[tuple[str, ...]] = [(hit.id, *hit.duplicates) for hit in found.hits]
    rank = next((at for at, ids in enumerate(hits, 1) if article.slug in ids), 0)
    first = next((ids[0] for ids in hits if article.slug not in ids), "")
    return FoundAt(rank, first)
