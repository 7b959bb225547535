"""What is live: since when each text is, which commit brought it, and which questions it concerns.

The times are the same whichever worker looks: they are kept in the database, and states that came
and went since the last look are read from the generations that are still kept. Where nothing is
known yet, Git's time of an article is used. A machine that lags behind the others changes nothing.

The commit of an answer does not depend on how many commits a publish held: of the versions since
the article's text changed, it is the first that readers could open and that says all that the
newest does where it answers. Where the change came from elsewhere (a shared text, time) it is the
commit that was live then.

A replay leaves out questions that no changed article comes near, neither in meaning nor by a word
that few articles have: of thousands of questions some hundreds remain after a publish.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np

from kb.content.article import Article
from kb.content.history import Histories, Past
from kb.content.library import Library
from kb.database import Database
from kb.errors import ContentError
from kb.gaps.answers import store
from kb.gaps.answers.rules import NEVER, Known, Since, known, published, since, state_of, times
from kb.publishing.state import library_of
from kb.tracking.query_text import folded
from search.errors import SearchError
from search.index import generation as index_generation
from search.index.opened import Generation
from search.index.postings import hash_of
from search.ranking.hybrid import SIMILAR
from search.semantic.encoder import Vectors
from search.text.analysis import document_terms

# -- The live state --


@dataclass(frozen=True, slots=True)
class Live:
    """The live state: `since` and `known` are by slug; `newest` is when the last text went live;
    `fingerprint` is the model's, "" without one.
    """

    generation: str
    fingerprint: str
    library: Library
    replay: store.ReplayedState
    since: Mapping[str, Since]
    known: Mapping[str, Known]
    newest: datetime


def live_now(db: Database, root: Path, *, keep: bool = True) -> Live | None:
    """Return what is live in the index folder `root`, and keep its times unless `keep` is False.

    None where nothing is published, or where another machine is ahead of this one.
    """
    try:
        live_at = _swapped(root)  # read first: if it moves now, times are too early, never too late
        serving = index_generation.open_current(root)
    except (SearchError, OSError):
        return None
    library = library_of(serving)
    if library is None:
        return None
    with db.read() as connection:
        held, last = store.known(connection), store.last(connection)
    held_then: Mapping[str, Known] = held if last else _first(root, serving, library)
    for between, then in _between(root, serving, last):
        held_then = _next(between, held_then, then)
    now = _next(library, held_then, live_at.timestamp())
    fingerprint = serving.manifest.fingerprint
    state = state_of(library.commit, now, fingerprint)
    if last is not None and last.state != state and last.live_at > live_at:
        return None
    replay = store.ReplayedState(state, library.commit[:64], live_at)
    if keep and (last is None or last.state != state):
        changed = {slug: each for slug, each in now.items() if held.get(slug) != each}
        with db.begin() as connection:
            store.begin(db, connection, replay, changed, held.keys() - now.keys())
    found = {a.slug: since(a, now[a.slug]) for a in published(library.articles.values())}
    newest = max((each.latest for each in found.values()), default=NEVER)
    return Live(serving.id, fingerprint, _lean(library), replay, found, now, _moment(newest))


def _lean(library: Library) -> Library:
    """Return the library without HTML and media: it is held in memory between replays."""
    articles = {slug: replace(article, html="") for slug, article in library.articles.items()}
    return replace(library, articles=articles, media={})


def _first(root: Path, serving: Generation, library: Library) -> dict[str, Known]:
    """Return what is known before the first replay: Git's time of each article."""
    older = [facts.id for facts in index_generation.kept(root) if facts.id < serving.id]
    oldest = _library(root, older[-1]) if older else library
    then = oldest or library
    return {
        article.slug: known(article, None, {}, live_at=_changed(article), commit=then.commit)
        for article in published(then.articles.values())
    }


def _changed(article: Article) -> float:
    return article.changed_at.timestamp() if article.changed_at else NEVER


def _next(library: Library, held: Mapping[str, Known], live_at: float) -> dict[str, Known]:
    earlier = times(held.values())
    return {
        article.slug: known(
            article, held.get(article.slug), earlier, live_at=live_at, commit=library.commit
        )
        for article in published(library.articles.values())
    }


def _between(
    root: Path, serving: Generation, last: store.ReplayedState | None
) -> Iterator[tuple[Library, float]]:
    """Yield (library, time) of the states between the last replay and this one, oldest first."""
    seen = last.live_at if last else _moment(NEVER)
    for facts in reversed(index_generation.kept(root)):
        built = _built(root, facts.id)
        if facts.id >= serving.id or built is None or built <= seen:
            continue
        if (library := _library(root, facts.id)) is not None:
            yield library, built.timestamp()


def _library(root: Path, name: str) -> Library | None:
    try:
        return library_of(index_generation.open_one(root, name))
    except (SearchError, OSError, ValueError):
        return None


def _built(root: Path, name: str) -> datetime | None:
    manifest = root / index_generation.folder_name(name) / "manifest.json"
    try:
        return _moment(manifest.stat().st_mtime)
    except OSError:
        return None


def _swapped(root: Path) -> datetime:
    """Return when the live generation went live: when the pointer was written."""
    return _moment((root / "CURRENT").stat().st_mtime)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


# -- The commit of an answer --


log = logging.getLogger(__name__)


@dataclass(slots=True)
class Naming:
    """Finds the commits of one state; `known` is what is kept of each article, by slug."""

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
            log.warning(
                "the history of %s cannot be read; the live commit stands for it", article.path
            )
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


# -- Questions near a change --


MOST = 0.3  # share of changed articles above which every question is replayed
RARE = 0.05  # share of the articles up to which a word in them counts as rare
RARE_BY_WORDS = 0.3  # the same without a model
ALWAYS_RARE = 3  # articles; of a few dozen 5 % would be one or none


class Nearby:
    """Tells which questions the changed articles of a generation may answer."""

    def __init__(self, generation: Generation, changed: Collection[str]) -> None:
        ordinals = generation.ordinals
        numbers = np.array(sorted(ordinals[each] for each in changed if each in ordinals), np.int64)
        self._languages = generation.manifest.languages
        self._every = len(numbers) > MOST * len(generation.documents)
        self._nobody = not len(numbers)
        self._vectors: Vectors | None = None
        if generation.meaning is not None:
            self._vectors = generation.meaning.of(numbers)
        self._terms = set[int]() if self._every else _telling(generation, numbers)

    def concerns(self, words: str, vector: Vectors | None) -> bool:
        """Return whether a changed article may answer a question; `vector` (d,) may be None."""
        if self._nobody or self._every:
            return self._every
        return self._near(vector) or any(
            hash_of(language, term) in self._terms
            for language in self._languages
            for terms in document_terms(words, language)
            for term in terms
        )

    def _near(self, vector: Vectors | None) -> bool:
        if vector is None or self._vectors is None or not len(self._vectors):
            return False
        return float((self._vectors @ vector).max()) >= SIMILAR


def _telling(generation: Generation, numbers: np.ndarray) -> set[int]:
    """Return the hashes of the terms that these articles hold and few others do."""
    postings, size = generation.articles, len(generation.documents)
    rare = RARE if generation.meaning is not None else RARE_BY_WORDS
    held = np.flatnonzero(np.isin(postings.docs, numbers))
    terms = np.unique(np.searchsorted(postings.starts, held, "right") - 1)
    counts = postings.starts[terms + 1] - postings.starts[terms]
    few = counts <= max(ALWAYS_RARE, rare * size)
    return {int(each) for each in postings.terms[terms[few]]}
