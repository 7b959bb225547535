"""The rules of answers: when a failed search is answered, and when a gap is answered or reopened.

An answer is a text that went live after the search, so that nobody is told of what they were shown
already. A text keeps its time when it moves to another article or file; one that was shown to fewer
people before counts as new.

An email claims more than a list of results, so an answer asks for more than the engine's floor.
With SURE, LEAD and RISE 83 of 114 questions were answered by the right article and none by another
(docs/benchmarks.md, `replaying`); with the floor alone, nine were by another.

A gap is answered by its share of people, not of searches, and names the article and commit that
most of them got. Words are listed only where as many people as the setting k_anonymity asks used
them; all others are counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kb.analytics.model import Failure
from kb.content.article import Article, ArticleStatus
from kb.gaps.answers.model import AnsweredSearch, GapAnswer, SearchOfGap
from kb.tracking.query_text import favourite
from search.types import Results

# -- When texts went live --


NEVER = 0.0  # live since always, as far as is known


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept of an article: `blob` names its source, `parts` maps the digest of each text to
    the Unix time since when it is live. `was` is the source before its texts last changed ("" for
    none), `commit` the one that was live when they did.
    """

    blob: str
    parts: Mapping[str, float]
    was: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Since:
    """Since when an article's parts are live, in Unix time: `naming` is the latest time of its
    title, answered questions and keywords; `sections` are by anchor.
    """

    naming: float
    sections: Mapping[str, float]

    def section(self, anchor: str) -> float:
        """Return the time of the section that a hit names."""
        return self.sections.get(anchor, NEVER)

    def answering(self, anchor: str) -> float:
        """Return since when the article answers as it does now, by this section or its naming."""
        return max(self.naming, self.section(anchor))

    @property
    def latest(self) -> float:
        """Return the time of the newest part."""
        return max([self.naming, *self.sections.values()])


def published(articles: Iterable[Article]) -> list[Article]:
    """Return the published articles."""
    return [article for article in articles if article.status is ArticleStatus.PUBLISHED]


def known(
    article: Article, old: Known | None, times: Mapping[str, float], *, live_at: float, commit: str
) -> Known:
    """Return what to keep of an article of which `old` was kept; a text without a time is new."""
    digests = {digest for _, digest in _texts(article)}
    parts = {each: times.get(each, live_at) for each in sorted(digests)}
    if old is not None and old.parts.keys() == parts.keys():
        return Known(article.blob, parts, old.was, old.commit)
    return Known(article.blob, parts, old.blob if old else "", commit[:64])


def since(article: Article, held: Known) -> Since:
    """Return since when the parts of an article are live."""
    naming, sections = NEVER, dict[str, float]()
    for anchor, digest in _texts(article):
        time = held.parts.get(digest, NEVER)
        if anchor is None:
            naming = max(naming, time)
        else:
            sections[anchor] = max(sections.get(anchor, NEVER), time)
    return Since(naming, sections)


def times(held: Iterable[Known]) -> dict[str, float]:
    """Return since when each text is live in any article: the earliest time."""
    found: dict[str, float] = {}
    for each in held:
        for digest, time in each.parts.items():
            found[digest] = min(time, found.get(digest, time))
    return found


def state_of(commit: str, held: Mapping[str, Known], model: str) -> str:
    """Return the name of a live state: the commit, and a digest of the model and of the articles'
    texts, which change with time too.
    """
    digest = hashlib.sha256(model.encode())
    for slug in sorted(held):
        digest.update("\0".join((slug, *sorted(held[slug].parts), "")).encode())
    return f"{commit[:40]}:{digest.hexdigest()[:16]}"


def _texts(article: Article) -> list[tuple[str | None, str]]:
    """Return the digests of the texts that an article is found by; None is its naming."""
    named = ("\0".join((article.title, "")), "\0".join(("", *article.answers, *article.keywords)))
    found: list[tuple[str | None, str]] = [(None, _digest(article, text)) for text in named]
    for section in article.sections:
        text = "\0".join((*section.path, section.text))
        found.append((section.anchor, _digest(article, text)))
    return found


def _digest(article: Article, text: str) -> str:
    seen_by = f"{article.audience.value}\0{article.language}\0"
    return hashlib.sha256((seen_by + text).encode("utf-8", "replace")).hexdigest()[:16]


# -- Answered searches --


SURE = 0.9  # estimated probability that a hit answers
LEAD = 0.1  # fused score ahead of the best article that is not new
RISE = 0.1  # rise of the probability that an article shown then needs to count now
LOOKED_AT = 5  # hits compared
_NOT_FOUND = frozenset({Failure.ZERO.value, Failure.WEAK.value})


@dataclass(frozen=True, slots=True)
class QueryToRepeat:
    """A query that is replayed once for all who made it: words, language and audience."""

    words_key: str
    language: str
    audience: str


@dataclass(frozen=True, slots=True)
class FailedSearch:
    """One search that failed: `failure` is its class, `shown` the articles it showed then with
    `confidence`. It was last run against what was live at `asked_at`. `id` is a search's, or a
    subscription's when `by_subscription`.
    """

    id: str
    at: datetime
    words: str
    question: QueryToRepeat
    failure: str
    asked_at: datetime
    shown: tuple[str, ...] = ()
    confidence: float = 0.0
    visitor: str = ""
    by_subscription: bool = False


def answer(asked: FailedSearch, found: Results, live: Mapping[str, Since]) -> str:
    """Return the slug of the article that answers now and could not then, "" where none does."""
    then = asked.at.timestamp()
    newer = {hit.id for hit in found.hits if hit.id in live and live[hit.id].latest > then}
    if not (slug := sure(found, newer)):
        return ""
    first, times = found.hits[0], live[slug]
    if times.answering(first.anchor) <= then:
        return ""
    if slug in asked.shown and not _better(asked, found, times.section(first.anchor) > then):
        return ""
    return slug


def sure(found: Results, newer: Collection[str]) -> str:
    """Return the article among the `newer` ones that surely answers: the first hit, with confidence
    SURE, and well ahead of every article that is not newer; "" where none does.
    """
    if not found.hits or not found.answerable or found.confidence < SURE:
        return ""
    first = found.hits[0]
    rival = next((hit for hit in found.hits[1:] if hit.id not in newer), None)
    clear = rival is None or first.score - rival.score >= LEAD
    return first.id if clear and first.id in newer else ""


def _better(asked: FailedSearch, found: Results, rewritten: bool) -> bool:
    """Return whether an article that was shown then answers better now: with more confidence where
    nothing was found, or rewritten where it was seen and did not help.
    """
    if asked.failure in _NOT_FOUND:
        return found.confidence >= asked.confidence + RISE
    return rewritten


# -- Answered and reopened gaps --


# Share of a gap's people who must have an answer. A replay is strict: of 114 questions that
# an article answers it was sure of 83 (docs/benchmarks.md), so half by its count are two thirds.
SHARE = 0.5
# People who must fail afterwards to reopen a gap: one alone may have meant something else.
AGAIN = 2


@dataclass(frozen=True, slots=True)
class Share:
    """Of `people`, how many have an answer, and the answer that most of them have."""

    answered: int
    people: int
    most: GapAnswer | None

    @property
    def enough(self) -> bool:
        """Return whether the gap counts as answered."""
        return self.most is not None and self.answered >= SHARE * self.people


def share(searches: Sequence[SearchOfGap], since: datetime | None = None) -> Share:
    """Return how many people of a gap have an answer; one answered search per person is enough.
    With `since`, the time when the gap was last reopened, only later searches count.
    """
    counted = [each for each in searches if since is None or each.at > since]
    by: dict[tuple[str, str], set[str]] = {}
    for each in counted:
        if each.article:
            by.setdefault((each.article, each.commit), set()).add(each.visitor)
    people = {each.visitor for each in counted}
    answered = set().union(*by.values())
    if not by:
        return Share(0, len(people), None)
    article, commit = min(by, key=lambda key: (-len(by[key]), key))
    return Share(len(answered), len(people), GapAnswer(article, commit))


def is_open_again(searches: Sequence[SearchOfGap], answered_at: datetime) -> bool:
    """Return whether enough people failed again on a gap after it was answered."""
    again = {each.visitor for each in searches if each.at > answered_at and not each.article}
    return len(again) >= AGAIN


# -- Answers by commit --


@dataclass(frozen=True, slots=True)
class ShownQuery:
    """Words that `people` distinct people searched for."""

    words: str
    people: int


@dataclass(frozen=True, slots=True)
class AnswersOfArticle:
    """What an article answers since a commit: `questions` are those that may be shown, most people
    first; `others` counts the wordings that may not.
    """

    commit: str
    article: str
    at: datetime
    people: int
    searches: int
    questions: tuple[ShownQuery, ...]
    others: int


def answers_by_article(rows: Iterable[AnsweredSearch], *, k: int) -> tuple[AnswersOfArticle, ...]:
    """Return what each commit and article answered, the latest first."""
    rows = tuple(rows)
    shown = _shown(rows, k)
    groups: dict[tuple[str, str], list[AnsweredSearch]] = {}
    for row in rows:
        groups.setdefault((row.commit, row.article), []).append(row)
    found = [_brought(each, shown) for each in groups.values()]
    return tuple(sorted(found, key=lambda one: (one.at, one.article), reverse=True))


def _shown(rows: Sequence[AnsweredSearch], k: int) -> dict[str, str]:
    """Return by key the words that enough people used."""
    by_key: dict[str, list[AnsweredSearch]] = {}
    for row in rows:
        by_key.setdefault(row.words_key, []).append(row)
    return {
        key: favourite((row.words, row.visitor) for row in same)
        for key, same in by_key.items()
        if _people(same) >= k and any(row.words for row in same)
    }


def _brought(rows: Sequence[AnsweredSearch], shown: dict[str, str]) -> AnswersOfArticle:
    keys = dict.fromkeys(row.words_key for row in rows)
    questions = [
        ShownQuery(shown[key], _people(row for row in rows if row.words_key == key))
        for key in keys
        if key in shown
    ]
    return AnswersOfArticle(
        commit=rows[0].commit,
        article=rows[0].article,
        at=max(row.answered_at for row in rows),
        people=_people(rows),
        searches=len(rows),
        questions=tuple(sorted(questions, key=lambda each: (-each.people, each.words))),
        others=len(keys) - len(questions),
    )


def _people(rows: Iterable[AnsweredSearch]) -> int:
    return len({row.visitor for row in rows})
