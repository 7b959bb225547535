"""An article at one commit, as the rest of the product sees it: rendered, sanitised, ready to show.

One frozen value carries everything that a page, a search index and a report need of an article.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from kb.content.problem import Problem
from search.types import Document, Section


class Audience(StrEnum):
    """Who may read an article, widest first: readers of one audience may also read the articles of
    the audiences before it. This order is defined here alone.
    """

    PUBLIC = "public"
    SIGNED_IN = "signed-in"
    STAFF = "staff"

    @property
    def readable(self) -> frozenset[str]:
        """Return the audiences whose articles a person of this audience may read."""
        every = list(Audience)
        return frozenset(each.value for each in every[: every.index(self) + 1])

    def is_narrower(self, other: Audience) -> bool:
        """Say whether fewer people may read this audience's articles than the other's."""
        return self.value not in other.readable

    @classmethod
    def narrowest(cls, among: Iterable[str]) -> Audience:
        """Return the most restrictive of some audiences."""
        return max((cls(each) for each in among), key=list(cls).index)


class ArticleStatus(StrEnum):
    """Whether an article is shown."""

    PUBLISHED = "published"
    DRAFT = "draft"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class Article:
    """An article at one commit.

    `html` is sanitised and must not be changed afterwards. `toc` holds (level, anchor, text) with
    levels from 2. `aliases` are former paths, case folded, without slashes at the ends.
    `changed_at` is the time of the last Git change, UTC. `links` are the slugs linked to, `targets`
    the same with the fragment of each link, `images` the digests of the media used, `fields` the
    front matter that is carried to pages as it is (JSON-able), `extra` the front matter that the
    product does not interpret. `status` is the author's choice (`wanted`)
    after `publish_at` and `expires_at`, UTC, were applied at the time of publishing. `references`
    hold one (kind as in `Directory.address`, text as written, what it resolved to or "") for each
    part that depends on other files. `stale` means that a newer version was refused and this one
    was kept. `blob` identifies the source bytes, `recipe` the rendering.
    """

    slug: str
    title: str
    path: str
    html: str
    summary: str = ""
    language: str = "en"
    collection: str = ""
    audience: Audience = Audience.PUBLIC
    status: ArticleStatus = ArticleStatus.PUBLISHED
    wanted: ArticleStatus = ArticleStatus.PUBLISHED
    publish_at: datetime | None = None
    expires_at: datetime | None = None
    reviewed: date | None = None
    review_by: date | None = None
    keywords: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    not_answers: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    translation_of: str = ""
    sections: tuple[Section, ...] = ()
    toc: tuple[tuple[int, str, str], ...] = ()
    changed_at: datetime | None = None
    changed_by: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    links: tuple[str, ...] = ()
    targets: tuple[tuple[str, str], ...] = ()
    images: tuple[str, ...] = ()
    references: tuple[tuple[str, str, str], ...] = ()
    problems: tuple[Problem, ...] = ()
    blob: str = ""
    recipe: str = ""
    stale: bool = False

    @property
    def owner(self) -> str:
        """The team that keeps the article, "" for none."""
        return str(self.fields.get("owner", ""))

    def to_document(self) -> Document:
        """Return the article as the search engine sees it."""
        return Document(
            id=self.slug,
            title=self.title,
            sections=self.sections,
            summary=self.summary,
            language=self.language,
            collection=self.collection,
            audience=self.audience.value,
            keywords=self.keywords,
            answers=self.answers,
            changed=(self.changed_at.date() - date(1970, 1, 1)).days if self.changed_at else 0,
        )

    def is_overdue(self, today: date) -> bool:
        """Whether the review date set by the owner has passed."""
        return self.review_by is not None and self.review_by < today

    def to_row(self) -> dict[str, Any]:
        """Return the article as a JSON-able mapping; empty fields are left out."""
        row = {f.name: getattr(self, f.name) for f in fields(self)}
        row["sections"] = [s.to_row() for s in self.sections]
        row["problems"] = [p.to_row() for p in self.problems]
        for name in ("reviewed", "review_by", *_MOMENTS):
            row[name] = row[name].isoformat() if row[name] else ""
        return {name: value for name, value in row.items() if value not in ("", (), [], {}, False)}

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Article:
        """Return the article that `to_row` wrote; keys such as "html" may be missing."""
        kept = {**row, "html": row.get("html", ""), "language": row.get("language", "")}
        kept["audience"], kept["status"] = Audience(row["audience"]), ArticleStatus(row["status"])
        kept["wanted"] = ArticleStatus(row.get("wanted", row["status"]))
        for name in ("keywords", "answers", "not_answers", "aliases", "links", "images"):
            kept[name] = tuple(row.get(name, ()))
        kept["toc"] = tuple((level, anchor, text) for level, anchor, text in row.get("toc", ()))
        kept["references"] = tuple((k, w, a) for k, w, a in row.get("references", ()))
        kept["targets"] = tuple((slug, anchor) for slug, anchor in row.get("targets", ()))
        kept["sections"] = tuple(map(Section.from_row, row.get("sections", ())))
        kept["problems"] = tuple(Problem.from_row(p) for p in row.get("problems", ()))
        if "owner" in row:  # libraries of earlier versions
            kept["fields"] = {"owner": kept.pop("owner")}
        kept |= _read_times(row)
        return cls(**kept)


_MOMENTS = ("changed_at", "publish_at", "expires_at")


def _read_times(row: dict[str, Any]) -> dict[str, Any]:
    moments = {n: datetime.fromisoformat(row[n]) if n in row else None for n in _MOMENTS}
    return moments | {
        "reviewed": date.fromisoformat(row["reviewed"]) if "reviewed" in row else None,
        "review_by": date.fromisoformat(row["review_by"]) if "review_by" in row else None,
    }
