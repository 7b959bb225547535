"""When a failed search is answered, since when, and when a gap is open again.

Promises that a text keeps its time when it moves to another article or file, and that a text shown
to fewer people before counts as new. Knows no database: known times come in, times go out.

Promises that nobody is told of what they were shown already: an answer is a text that came after
the search. Knows no engine and no database.

A letter claims more than a list of results, so it asks for more than the engine's floor. With these
three numbers 83 of 114 questions were answered by the right article and none by another
(docs/benchmarks.md, `replaying`); with the floor alone, nine were by another.

Promises a share of people, not of searches, and one article and commit for a gap: those that most
of them got. Knows no database.

Promises words only where as many people as the setting k_anonymity asks used them; all others are
counts. Knows no database.
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

# -- Since when readers could read each part of each article --


NEVER = 0.0  # since ever, as far as is known


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept of an article: `blob` names its source, `parts` maps the digest of each text to
    the Unix time since when it is live. When a text last changed, `was` was its source before ("":
    none) and `commit` was live.
    """

    blob: str
    parts: Mapping[str, float]
    was: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Since:
    """Since when an article's parts are live, in Unix time: `naming` is its title, answered
    questions and keywords, the latest of them; `sections` are by anchor.
    """

    naming: float
    sections: Mapping[str, float]

    def section(self, anchor: str) -> float:
        """Return the time of the section that a hit names."""
        return self.sections.get(anchor, NEVER)

    def answering(self, anchor: str) -> float:
        """Return since when the article answers as it does, by this section or by name."""
        return max(self.naming, self.section(anchor))

    @property
    def latest(self) -> float:
        """Return the time of the newest part."""
        return max([self.naming, *self.sections.values()])


def published(articles: Iterable[Article]) -> list[Article]:
    """Return the articles that anybody can find."""
    return [article for article in articles if article.status is ArticleStatus.PUBLISHED]


def known(
    article: Article, old: Known | None, times: Mapping[str, float], *, live_at: float, commit: str
) -> Known:
    """Return what is to be kept of an article that was `old`; a text without a time is new."""
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
    """Return the name of what is live: the commit, and a digest of the articles, which time changes
    too, and of the model that reads them.
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


# -- When a search that failed is answered --


SURE = 0.9  # estimated probability that a hit answers
LEAD = 0.1  # fused score before the best article that was there already
RISE = 0.1  # of the probability, where the same article was shown then
LOOKED_AT = 5  # hits compared
_NOT_FOUND = frozenset({Failure.ZERO.value, Failure.WEAK.value})


@dataclass(frozen=True, slots=True)
class QueryToRepeat:
    """What is asked again once for all who asked it: the words, and as whom."""

    words_key: str
    language: str
    audience: str


@dataclass(frozen=True, slots=True)
class FailedSearch:
    """One search that failed: `failure` is its class, `shown` the articles it showed then with
    `confidence`. It was asked last of what was live at `asked_at`. `id` is a search's, or a
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
    """Return the article of `newer` ones that answers for certain: first, believed, and well before
    every other; "" where none does.
    """
    if not found.hits or not found.answerable or found.confidence < SURE:
        return ""
    first = found.hits[0]
    rival = next((hit for hit in found.hits[1:] if hit.id not in newer), None)
    clear = rival is None or first.score - rival.score >= LEAD
    return first.id if clear and first.id in newer else ""


def _better(asked: FailedSearch, found: Results, rewritten: bool) -> bool:
    """Whether an article that was shown then answers otherwise now: found well where it was found
    badly, or rewritten where it was seen and did not help.
    """
    if asked.failure in _NOT_FOUND:
        return found.confidence >= asked.confidence + RISE
    return rewritten


# -- When a gap is answered, and when it is open again --


# Of the people of a gap this share must have an answer. A replay is strict: of 114 questions that
# an article answers it was sure of 83 (docs/benchmarks.md), so half by its count are two thirds.
SHARE = 0.5
# People who fail on it afterwards, before it is open again: one may have asked for something else.
AGAIN = 2


@dataclass(frozen=True, slots=True)
class Share:
    """Of `people`, how many have an answer, and the answer that most of them have."""

    answered: int
    people: int
    most: GapAnswer | None

    @property
    def enough(self) -> bool:
        """Whether that answers the gap."""
        return self.most is not None and self.answered >= SHARE * self.people


def share(searches: Sequence[SearchOfGap], since: datetime | None = None) -> Share:
    """Return how many people of a gap have an answer; of those who failed after `since`, where it
    was answered before. A person has one when one of their wordings has.
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
    """Whether people failed on an answered gap again."""
    again = {each.visitor for each in searches if each.at > answered_at and not each.article}
    return len(again) >= AGAIN


# -- What commits answered, as authors and leads may see it --


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


def brought(rows: Iterable[AnsweredSearch], *, k: int) -> tuple[AnswersOfArticle, ...]:
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
