"""All articles of one commit, as one frozen value that a process holds and a disk stores.

Every article, redirect, translation and image in it comes from the same commit. What `dump` writes,
`load` reads back equal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Collection as Some
from dataclasses import dataclass, field
from typing import Any

from kb.content.article import Article, ArticleStatus
from kb.content.paths import normal_path
from kb.content.problem import Problem
from kb.content.sources.source import FormerFile, Removed

SNAPSHOT = "library.jsonl"
MEDIA = "media.pack"


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of articles; `titles` and `descriptions` are by language tag."""

    name: str
    order: int = 1000
    titles: Mapping[str, str] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)

    def title(self, language: str) -> str:
        """Return the title in `language`, else in English, else any, else made from the name."""
        plain = self.name.replace("-", " ").replace("_", " ").strip().capitalize()
        anything = next(iter(self.titles.values()), plain)
        return self.titles.get(language) or self.titles.get("en") or anything

    def description(self, language: str) -> str:
        """Return the description in `language`, else in English, else ""."""
        return self.descriptions.get(language) or self.descriptions.get("en", "")


@dataclass(frozen=True, slots=True)
class Media:
    """An image or file as it is served: `/media/<name>`; `slugs` are the articles that use it.

    `filename` is the name under which a file is saved, "" for an image, which is shown instead.
    """

    name: str
    mime: str
    data: bytes
    slugs: tuple[str, ...] = ()
    filename: str = ""


@dataclass(frozen=True, slots=True)
class Library:
    """What is published at one commit.

    `articles` maps slug to article and includes drafts and archived ones, told apart by their
    status. `redirects` maps an old path (`normal_path`) to a slug; `translations` maps a slug to
    the slugs of its group by language, its own included; `media` is by digest; `synonyms` maps a
    language to groups of words that mean the same. `past` says by former path what became of a
    file, `removed` by former address (`normal_path`) what was there; `traced` says that both are
    complete. `variant` names the content: equal content, equal name.
    """

    commit: str
    articles: Mapping[str, Article] = field(default_factory=dict)
    collections: Mapping[str, Collection] = field(default_factory=dict)
    redirects: Mapping[str, str] = field(default_factory=dict)
    translations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    media: Mapping[str, Media] = field(default_factory=dict)
    synonyms: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    past: Mapping[str, FormerFile] = field(default_factory=dict)
    removed: Mapping[str, Removed] = field(default_factory=dict)
    traced: bool = False
    _folded: Mapping[str, str] = field(init=False, repr=False, compare=False)

    _variant: str = field(default="", init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_folded", {normal_path(slug): slug for slug in self.articles})

    @property
    def variant(self) -> str:
        """A name for this content, 16 hexadecimal digits."""
        if not self._variant:
            name = hashlib.sha256(self._lines()).hexdigest()[:16]
            object.__setattr__(self, "_variant", name)
        return self._variant

    def get(self, slug: str) -> Article | None:
        """Return the article with exactly this slug, whatever its status."""
        return self.articles.get(slug)

    def values(self) -> Iterable[Article]:
        """Return every article, whatever its status."""
        return self.articles.values()

    def resolve(self, path: str) -> str | None:
        """Return the slug that `path` means: a slug in any case or a former path, else None."""
        if path in self.articles:
            return path
        wanted = normal_path(path)
        return self._folded.get(wanted) or self.redirects.get(wanted)

    def visible(self, audiences: Some[str]) -> tuple[Article, ...]:
        """Return the published articles that a reader with these audiences may see, by slug."""
        return tuple(
            article
            for article in self.articles.values()
            if article.status is ArticleStatus.PUBLISHED and article.audience in audiences
        )

    def dump(self) -> dict[str, bytes]:
        """Return the files, by name, from which `load` makes an equal library."""
        return {SNAPSHOT: self._lines(), MEDIA: b"".join(m.data for m in self.media.values())}

    @classmethod
    def load(cls, read: Callable[[str], bytes]) -> Library:
        """Return the library that `dump` wrote; `read` gives a file's bytes by its name."""
        head, *rows = read(SNAPSHOT).splitlines()
        facts = json.loads(head)
        articles = (Article.from_row(json.loads(row)) for row in rows)
        return cls(
            commit=facts["commit"],
            articles={article.slug: article for article in articles},
            collections={
                name: Collection(name, *row) for name, row in facts["collections"].items()
            },
            redirects=facts["redirects"],
            translations=facts["translations"],
            problems=tuple(Problem.from_row(row) for row in facts["problems"]),
            media=_unpack(facts["media"], read(MEDIA)),
            synonyms={
                language: tuple(tuple(group) for group in groups)
                for language, groups in facts["synonyms"].items()
            },
            names=tuple(facts.get("names", ())),
            past={path: FormerFile(*row) for path, row in facts.get("past", {}).items()},
            removed={path: Removed(*row) for path, row in facts.get("removed", {}).items()},
            traced=facts.get("traced", False),
        )

    def _lines(self) -> bytes:
        rows: list[dict[str, Any]] = [self._facts()]
        rows += (article.to_row() for article in self.articles.values())
        return b"\n".join(json.dumps(row, separators=(",", ":")).encode() for row in rows)

    def _facts(self) -> dict[str, Any]:
        shelves = self.collections.items()
        return {
            "commit": self.commit,
            "collections": {n: [c.order, c.titles, c.descriptions] for n, c in shelves},
            "redirects": self.redirects,
            "translations": self.translations,
            "problems": [problem.to_row() for problem in self.problems],
            "media": {d: _media_row(m) for d, m in self.media.items()},
            "synonyms": self.synonyms,
            "names": self.names,
            "past": {path: fate.to_row() for path, fate in self.past.items()},
            "removed": {path: [was.title, was.audience] for path, was in self.removed.items()},
            "traced": self.traced,
        }


def _media_row(media: Media) -> list[Any]:
    return [media.name, media.mime, len(media.data), media.slugs, media.filename]


def _unpack(index: dict[str, list[Any]], packed: bytes) -> dict[str, Media]:
    media, start = {}, 0
    for digest, (name, mime, size, slugs, *filename) in index.items():
        data = packed[start : start + size]
        media[digest] = Media(name, mime, data, tuple(slugs), *filename)
        start += size
    return media
