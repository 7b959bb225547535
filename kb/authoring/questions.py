"""Do articles answer what they say they answer, after the change as before it?

Promises a finding for every question of `answers` that does not find its article among the first
three and for every one of `not_answers` that does, with the rank before and the article that took
the place; and for questions of other articles, which a change may move. Reads the index that the
articles would make (`trial`), as a reader who may open the article would search it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from kb.authoring.alike import alike_by_meaning
from kb.authoring.checking import line_reader
from kb.authoring.failed import failed_words, newly_answered
from kb.authoring.outputs import Asked
from kb.authoring.trial import Trial, trial
from kb.config.settings import Settings
from kb.content.article import Article, Audience
from kb.content.lint.catalogue import findings_of
from kb.content.lint.library_rules import SourceLibrary
from kb.content.lint.page import SourcePage
from kb.content.problem import Problem
from search.engine import Engine
from search.types import Query

FIRST = 3  # results that are in sight without scrolling on a telephone
_LOOKED_AT = 10
# Questions of other articles that are asked twice; more take longer than an author waits.
MOST_OTHERS = 1500
_ORDER = list(Audience)


@dataclass(frozen=True, slots=True)
class Place:
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
) -> Asked:
    """Return what asking the questions of the articles in the files `about` finds."""
    if not any(page.path in about for page, _ in shelf.published):
        return Asked()
    with trial(shelf.library, settings, meaning=meaning) as engines:
        run = _Asking(shelf, about, engines)
        problems = list(run.problems())
        words, remark = failed_words(settings, now)
        answered = newly_answered(words, engines, shelf, about)
    remarks = [engines.without, remark, run.left_out]
    return Asked(
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
        """Questions of articles that did not change, where the answer moved all the same."""
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
        """Whether the articles asked about are not all as they are live."""
        found = (a for page, a in self.shelf.published if page.path in self.about)
        return any(not self._is_as_live(article) for article in found)

    def _is_as_live(self, article: Article) -> bool:
        live = self.engines.library.get(article.slug) if self.engines.library else None
        return live is not None and live.to_document() == article.to_document()

    def _now(self, article: Article, question: str) -> Place:
        self.count += 1
        return place_of(self.engines.now, article, question)

    def _before(self, article: Article, question: str) -> Place | None:
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


def place_of(engine: Engine, article: Article, question: str) -> Place:
    """Return where a reader who may open an article finds it by a question."""
    widest = _ORDER.index(article.audience)
    found = engine.search(
        Query(
            question,
            audiences=frozenset(each.value for each in _ORDER[: widest + 1]),
            prefer_language=article.language,
            limit=_LOOKED_AT,
        )
    )
    hits: Sequence[tuple[str, ...]] = [(hit.id, *hit.duplicates) for hit in found.hits]
    rank = next((at for at, ids in enumerate(hits, 1) if article.slug in ids), 0)
    first = next((ids[0] for ids in hits if article.slug not in ids), "")
    return Place(rank, first)
