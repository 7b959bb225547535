"""The facts of one failed search: what it finds now, for the person and for everybody.

Promises facts of one generation of articles, those that this person may not see included; only
leads and authors are shown what comes of it. Knows no rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from kb.content.article import ArticleStatus
from kb.content.frontmatter.metadata import guess_language
from kb.content.library import Library
from kb.gaps.beyond import UNPUBLISHED
from kb.gaps.facts import NOTHING, Aftermath, Best, Facts, Kind, Look
from kb.people.roles import Role, audiences
from search.analysis import fold, stop_words
from search.engine import Engine
from search.opened import Generation
from search.tokens import normal, tokens
from search.types import Query, Results

EVERYBODY = audiences(Role.ADMIN)
FIRST = 20  # places looked at


@dataclass(frozen=True, slots=True)
class Asked:
    """One wording as people searched for it. `signed_in`: by people with accounts."""

    words: str
    language: str = ""
    languages: frozenset[str] = frozenset()
    signed_in: bool = False
    aftermath: Aftermath = NOTHING


class Looking:
    """Looks for failed searches' words in what is live. `beyond` searches unpublished articles
    too, None where there are none.
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

    def facts(self, asked: Asked) -> Facts:
        """Return what is known of the wording now."""
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
        return Facts(
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
        self, query: Query, own: Look, suggestion: str, *, may: frozenset[str]
    ) -> Look | None:
        """Return what the spelling finds that was offered and not searched for, None of none."""
        if not suggestion:
            return None
        found = self._look(self._engine, replace(query, text=suggestion, literal=True), may)
        return found if found.confidence > own.confidence else None

    def _beyond_reach(self, query: Query, may: frozenset[str]) -> Look | None:
        """Return the search among all published articles, None where this person may see all."""
        if not self._kept_from(may):
            return None
        return self._look(self._engine, replace(query, audiences=EVERYBODY), may)

    def _kept_from(self, may: frozenset[str]) -> bool:
        return bool(self._audiences - may)

    def _unpublished(self, query: Query, may: frozenset[str]) -> Look | None:
        if self._beyond is None:
            return None
        return self._look(self._beyond, replace(query, audiences=EVERYBODY | {UNPUBLISHED}), may)

    def _look(self, engine: Engine, query: Query, may: frozenset[str]) -> Look:
        return self._searched(engine, query, may)[0]

    def _searched(self, engine: Engine, query: Query, may: frozenset[str]) -> tuple[Look, str]:
        """Return what is found, and the spelling that is offered instead."""
        results = engine.search(query)
        order = tuple(hit.id for hit in results.hits)
        look = Look(
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
        """Return an article as a person of these audiences meets it."""
        article = self._library.get(slug)
        if article is None:
            return Best(slug, "")
        kind = Kind.OPEN if article.audience in may else Kind.CLOSED
        kind = kind if article.status is ArticleStatus.PUBLISHED else Kind.UNPUBLISHED
        return Best(slug, article.language, kind, overdue=article.is_overdue(self._today))


def _floor(generation: Generation, results: Results) -> float:
    fitted = generation.calibration
    return fitted.floor_words if results.mode == "keyword" else fitted.floor


def _by_language(generation: Generation) -> Mapping[str, frozenset[str]]:
    """Return the words of the articles of each language."""
    words: dict[str, set[str]] = {}
    for key in generation.vocabulary.texts:
        language, _, word = key.partition("\t")
        words.setdefault(language, set()).add(word)
    return {language: frozenset(known) for language, known in words.items()}
