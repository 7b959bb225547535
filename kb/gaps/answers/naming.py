"""Which commit brought an answer.

Promises one commit for one article and state, however the publish was cut: of the versions since
its text changed, the first that readers could open and that says all that the newest does where it
answers. Where the change came from elsewhere (a shared text, time) it is the one live then.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from kb.content.article import Article
from kb.content.history import Histories, Past
from kb.content.library import Library
from kb.errors import ContentError
from kb.gaps.answers.parts import Known
from kb.tracking.query_text import folded

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Naming:
    """Names commits of one state; `known` is what is kept of each article, by slug."""

    histories: Histories
    library: Library
    known: Mapping[str, Known]
    _named: dict[tuple[str, str, frozenset[str]], str] = field(default_factory=dict)

    def commit(self, slug: str, anchor: str, audiences: frozenset[str]) -> str:
        """Return the commit that brought the answer of an article, at the section `anchor`, to
        readers of these audiences.
        """
        key = slug, anchor, audiences
        if key not in self._named:
            article = self.library.articles[slug]
            self._named[key] = self._found(article, anchor, audiences) or self._live(slug)
        return self._named[key]

    def _live(self, slug: str) -> str:
        known = self.known.get(slug)
        return (known.commit if known else "") or self.library.commit

    def _found(self, article: Article, anchor: str, audiences: frozenset[str]) -> str:
        known = self.known.get(article.slug)
        try:
            every = self.histories.of(self.library, article)
            fresh = _fresh(every, known.was if known else "", audiences)
            if len(fresh) < 2:
                return fresh[0].version.commit if fresh else ""
            return self._first(fresh, article, anchor)
        except (ContentError, OSError):
            log.warning("the history of %s cannot be read; the live commit stands for it",
                        article.path)  # fmt: skip
            return ""

    def _first(self, fresh: Sequence[Past], article: Article, anchor: str) -> str:
        wanted = _pairs(_wording(article, anchor))
        texts = self.histories.texts(self.library, [past.version for past in fresh])
        said = [wanted & _pairs(text) for text in texts]
        chosen = fresh[0]
        for past, pairs in zip(fresh[1:], said[1:], strict=True):
            if not pairs >= said[0]:
                break
            chosen = past
        return chosen.version.commit


def _fresh(every: Sequence[Past], was: str, audiences: frozenset[str]) -> list[Past]:
    """Return the versions since the source `was`, newest first, while readers could open them."""
    fresh: list[Past] = []
    for past in every:
        if past.version.blob == was or not past.is_open(audiences):
            break
        fresh.append(past)
    return fresh


def _wording(article: Article, anchor: str) -> str:
    """Return what the answer is found by: the section, title and answered questions."""
    sections = [section.text for section in article.sections if section.anchor == anchor]
    return "\n".join((article.title, *article.answers, *sections))


def _pairs(text: str) -> set[tuple[str, str]]:
    """Return the pairs of neighbouring words, whatever the markup between them."""
    words = folded(text).split()
    return set(pairwise(words))
