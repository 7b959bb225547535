"""Since when readers could read each part of each article; pure.

Promises that a text keeps its time when it moves to another article or file, and that a text shown
to fewer people before counts as new. Knows no database: known times come in, times go out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kb.content.article import Article, ArticleStatus

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
