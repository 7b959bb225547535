"""The known keys of front matter as a table, and the JSON Schema made from it.

Each key that `metadata` reads has one row; the reader, the schema for editors and the templates of
new articles all use the table. Front matter that the schema (draft 2020-12) accepts is read without
a finding. The schema also accepts unknown keys, which the reader keeps.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from kb.content.article import ArticleStatus, Audience

# -- The table of keys --


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
    """One key: `also` are its names on other sites, in order; `choices` maps words to values. What
    a `carried` key holds is read as `holds` says and reaches pages as `article.fields[name]`, with
    nothing else to be written for it.
    """

    name: str
    holds: Holds
    help: str
    also: tuple[str, ...] = ()
    choices: Mapping[str, StrEnum] = field(default_factory=dict)
    carried: bool = False


AUDIENCES: Mapping[str, Audience] = {
    "public": Audience.PUBLIC,
    "everyone": Audience.PUBLIC,
    "all": Audience.PUBLIC,
    "signed-in": Audience.SIGNED_IN,
    "signed in": Audience.SIGNED_IN,
    "signed_in": Audience.SIGNED_IN,
    "internal": Audience.SIGNED_IN,
    "employees": Audience.SIGNED_IN,
    "staff": Audience.STAFF,
    "agents": Audience.STAFF,
}
STATUSES: Mapping[str, ArticleStatus] = {
    "published": ArticleStatus.PUBLISHED,
    "publish": ArticleStatus.PUBLISHED,
    "live": ArticleStatus.PUBLISHED,
    "draft": ArticleStatus.DRAFT,
    "in review": ArticleStatus.DRAFT,
    "review": ArticleStatus.DRAFT,
    "archived": ArticleStatus.ARCHIVED,
    "retired": ArticleStatus.ARCHIVED,
    "obsolete": ArticleStatus.ARCHIVED,
}

ROWS: tuple[Field, ...] = (
    Field("title", Holds.TEXT, "Heading of the page and of the result."),
    Field("summary", Holds.TEXT, "One or two sentences under the title.",
          also=("description", "excerpt")),
    Field("language", Holds.LANGUAGE, "A tag such as en or es.",
          also=("lang", "locale", "ms.contentlocale")),
    Field("collection", Holds.WORDS, "The topic; without it, the first folder.",
          also=("category", "categories")),
    Field("owner", Holds.TEXT, "The team that keeps the article.", also=("maintainer",),
          carried=True),
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
)  # fmt: skip # a table, a row a key

_NAMES = {row.name: (row.name, *row.also) for row in ROWS}


def names(name: str) -> tuple[str, ...]:
    """Return every name of the key, its own first; KeyError for a key without a row."""
    return _NAMES[name]


# -- The JSON Schema --


DIALECT = "https://json-schema.org/draft/2020-12/schema"
# A text may be a whole number: `title: 404` is one.
_TEXT = {"type": ["string", "integer"]}
_LINES = {"oneOf": [_TEXT, {"type": "array", "items": _TEXT, "uniqueItems": True}]}
_DAY = {"format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
_TIME = {
    "format": "date-time",
    "pattern": "^[0-9-]{10}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})$",
}
_SHAPES: dict[Holds, dict[str, Any]] = {
    Holds.TEXT: _TEXT,
    Holds.LANGUAGE: {"type": "string", "pattern": "^[a-z]{2}([-_][A-Za-z0-9]+)*$"},
    Holds.DAY: {"type": "string", **_DAY},
    Holds.MOMENT: {"type": "string", "anyOf": [_DAY, _TIME]},
    Holds.FLAG: {"type": "boolean"},
    Holds.WORDS: _LINES,
    Holds.LINES: _LINES,
}
# Microsoft Learn writes the month first.
_AMERICAN = {
    "type": "string",
    "pattern": "^([0-9]{1,2}/[0-9]{1,2}/[0-9]{4}|[0-9]{4}-[0-9]{2}-[0-9]{2})$",
}


def schema() -> dict[str, Any]:
    """Return the schema as a JSON-able mapping."""
    return {
        "$schema": DIALECT,
        "title": "Front matter of an article",
        "description": "The keys that Tier Zero reads; others are kept and not used.",
        "type": "object",
        "anyOf": [{"required": ["title"]}, {"required": ["redirect_to"]}],
        "properties": {name: shape for row in ROWS for name, shape in _properties(row)},
    }


def schema_text() -> str:
    """Return the schema as the text of its file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _properties(row: Field) -> list[tuple[str, dict[str, Any]]]:
    """Return the key and its other names, each with its shape."""
    shape = _shape(row)
    other = {"description": f"Same as {row.name}, as other sites call it."}
    also = [(name, (_AMERICAN if name == "ms.date" else shape) | other) for name in row.also]
    return [(row.name, shape | {"description": row.help}), *also]


def _shape(row: Field) -> dict[str, Any]:
    if row.name == "title":
        return _TEXT | {"pattern": "\\S"}  # an empty text counts as missing
    if row.holds is not Holds.CHOICE:
        return _SHAPES[row.holds]
    words = {choice.value: None for choice in row.choices.values()} | dict.fromkeys(row.choices)
    return {"enum": list(words)}
