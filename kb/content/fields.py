"""The keys of front matter as a table: what each holds, its other names, its choices; pure.

Promises one row for every key that `metadata` reads; the reading itself, the schema for editors
and the templates of new articles all go by it. Knows no article.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kb.content.article import Audience, Status


class Holds(StrEnum):
    """What a key may hold."""

    TEXT = "one line of text"
    LANGUAGE = "a language tag"
    CHOICE = "one of some words"
    DAY = "a day"
    MOMENT = "a day, or a time with its zone"
    FLAG = "true or false"
    WORDS = "words, as a list or separated by commas"
    LINES = "lines, as a list"


@dataclass(frozen=True, slots=True)
class Field:
    """One key: `also` are its names on other sites, in order; `choices` by the word written."""

    name: str
    holds: Holds
    help: str
    also: tuple[str, ...] = ()
    choices: Mapping[str, StrEnum] = field(default_factory=dict)


AUDIENCES: Mapping[str, Audience] = {
    "public": Audience.PUBLIC, "everyone": Audience.PUBLIC, "all": Audience.PUBLIC,
    "signed-in": Audience.SIGNED_IN, "signed in": Audience.SIGNED_IN,
    "signed_in": Audience.SIGNED_IN, "internal": Audience.SIGNED_IN,
    "employees": Audience.SIGNED_IN, "staff": Audience.STAFF, "agents": Audience.STAFF,
}  # fmt: skip
STATUSES: Mapping[str, Status] = {
    "published": Status.PUBLISHED, "publish": Status.PUBLISHED, "live": Status.PUBLISHED,
    "draft": Status.DRAFT, "in review": Status.DRAFT, "review": Status.DRAFT,
    "archived": Status.ARCHIVED, "retired": Status.ARCHIVED, "obsolete": Status.ARCHIVED,
}  # fmt: skip

ROWS: tuple[Field, ...] = (
    Field("title", Holds.TEXT, "Heading of the page and of the result."),
    Field("summary", Holds.TEXT, "One or two sentences under the title.",
          also=("description", "excerpt")),
    Field("language", Holds.LANGUAGE, "A tag such as en or es.",
          also=("lang", "locale", "ms.contentlocale")),
    Field("collection", Holds.WORDS, "The topic; without it, the first folder.",
          also=("category", "categories")),
    Field("owner", Holds.TEXT, "The team that keeps the article.", also=("maintainer",)),
    Field("audience", Holds.CHOICE, "Who may read it.", choices=AUDIENCES),
    Field("status", Holds.CHOICE, "Whether it is shown.", choices=STATUSES),
    Field("draft", Holds.FLAG, "Written for other sites: true keeps it unpublished."),
    Field("published", Holds.FLAG, "Written for other sites: false keeps it unpublished."),
    Field("reviewed", Holds.DAY, "The day it was last checked.",
          also=("last_reviewed", "last-reviewed")),
    Field("review_by", Holds.DAY, "The day to check it again.",
          also=("review-by",)),
    Field("publish_at", Holds.MOMENT, "The moment from which it is shown.",
          also=("publishDate", "publishdate", "pubDate", "publish_date", "published_at",
                "datePublished")),
    Field("expires_at", Holds.MOMENT, "The moment from which it is shown no more.",
          also=("expiryDate", "expirydate")),
    Field("updated", Holds.DAY, "The day it changed, where Git does not know.",
          also=("lastmod", "last_modified_at", "ms.date", "date")),
    Field("keywords", Holds.WORDS, "Other words for it.", also=("tags",)),
    Field("answers", Holds.LINES, "Questions as people ask them, searched like titles."),
    Field("not_answers", Holds.LINES, "Questions that it must not be among the first for."),
    Field("translation_of", Holds.TEXT, "Slug of the article that this translates."),
    Field("slug", Holds.TEXT, "The last part of its address, as other sites write it.",
          also=("id",)),
    Field("permalink", Holds.LINES, "Its address on a former site.", also=("url",)),
    Field("redirect_from", Holds.LINES, "Former addresses, which then lead here."),
    Field("aliases", Holds.LINES, "The same, as Hugo calls them."),
    Field("redirect_to", Holds.TEXT, "This file only points to another address."),
)  # fmt: skip

_NAMES = {row.name: (row.name, *row.also) for row in ROWS}


def names(name: str) -> tuple[str, ...]:
    """Return every name of the key, its own first; KeyError for a key without a row."""
    return _NAMES[name]
