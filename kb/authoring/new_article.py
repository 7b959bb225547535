"""Creates the file of a new article: its name, front matter and sections; also started from a gap.

The file must not exist before. It is a draft until its author says otherwise, and its front matter
passes every check. Words taken from a gap are only those that may be shown (`kb.gaps.anonymity`).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from string import Template

from kb.config.settings import Settings
from kb.content.draft import read_draft
from kb.content.paths import is_article
from kb.content.sources.folder import in_memory
from kb.database import open_record
from kb.errors import ContentError, InvalidInput
from kb.gaps.service import Detail, detail

# -- The file: name, front matter and sections --


KINDS = Path(__file__).with_name("kinds")
OWN_KINDS = "_templates"  # among the articles; a template there takes precedence over ours
REVIEW_AFTER = timedelta(days=182)  # half a year, as in the shipped articles
LONGEST_SLUG = 60  # characters; longer addresses are cut at a word
_SLUG = re.compile(r"[a-z0-9][a-z0-9._-]*")
# Text that YAML reads as a plain string; anything else is quoted.
_PLAIN = re.compile(r"[^\W\d_][\w ,.()/’'-]*[\w)]")
_NOT_TEXT = frozenset({"true", "false", "null", "yes", "no", "on", "off"})


class ArticleKind(StrEnum):
    """The kind of an article; each has its own sections."""

    HOW_TO = "how-to"
    FIX = "fix"
    KNOWN_ERROR = "known-error"
    REFERENCE = "reference"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class NewArticle:
    """What is known of an article before it is written; "" for unknown."""

    name: str = ""
    title: str = ""
    kind: ArticleKind = ArticleKind.HOW_TO
    collection: str = ""
    language: str = "en"
    owner: str = ""
    answers: tuple[str, ...] = ()


def begin(articles: Path, wanted: NewArticle, today: date) -> Path:
    """Write the file and return its path. InvalidInput or ContentError when it cannot be."""
    if not articles.is_dir() or (articles / "HEAD").is_file():
        hint = "Set KB_ARTICLES to a folder, or to a clone with its files."
        raise ContentError(f"There is no folder to write an article into at {articles}.", hint)
    folder, slug, title = _names(wanted)
    collection = wanted.collection or folder
    place = _place(articles, folder or collection)
    text = _text(articles, wanted, title, collection=collection, today=today)
    exact = _is_slug(wanted.name)
    return _written(place, slug, text, exact=exact)


def begun_text(articles: Path, wanted: NewArticle, today: date) -> str:
    """Return the text of a new article that has a title, without writing it."""
    return _text(articles, wanted, wanted.title, collection=wanted.collection, today=today)


def slug_of(title: str) -> str:
    """Return the title as the last part of an address: "¿Cómo…? VPN" -> "como-vpn"."""
    bare = unicodedata.normalize("NFKD", title.casefold())
    plain = "".join(each for each in bare if unicodedata.category(each) != "Mn")
    words = re.findall(r"\w+", plain.replace("_", " ").replace("'", ""))
    slug = words[0] if words else ""
    for word in words[1:]:
        if len(slug) + 1 + len(word) > LONGEST_SLUG:
            break
        slug += f"-{word}"
    return slug[:LONGEST_SLUG]


def _is_slug(name: str) -> bool:
    return bool(name) and all(_SLUG.fullmatch(part) for part in name.split("/"))


def _names(wanted: NewArticle) -> tuple[str, str, str]:
    """Return the folder ("" for none named), the file's name without its ending, the title."""
    name = wanted.name.removesuffix(".md").strip("/")
    if _is_slug(name):
        folder, _, slug = name.rpartition("/")
        words = " ".join(re.split("[-_]+", slug))
        return folder, slug, wanted.title or words[:1].upper() + words[1:]
    title = " ".join((wanted.title or wanted.name).split())
    slug = slug_of(title)
    if not slug:
        raise InvalidInput(
            "The article has no name yet.", 'Give a title: kb new "Reset a forgotten password"'
        )
    return "", slug, title


def _place(articles: Path, folder: str) -> Path:
    """Return the folder to write into; it may be new but must be inside the articles."""
    if not folder:
        there = sorted(p.name for p in articles.iterdir() if p.is_dir() and p.name[0] not in "._")
        raise InvalidInput(
            "The article has no collection.",
            f"Name one with --collection; there are: {', '.join(there[:20]) or 'none yet'}.",
        )
    place = (articles / folder).resolve()
    inside = place.is_relative_to(articles.resolve()) and is_article(f"{folder}/any.md")
    if not inside or not _is_slug(folder):
        raise InvalidInput(
            f"“{folder}” cannot be a collection.", "Use small letters, digits and hyphens: vpn"
        )
    return place


def _text(articles: Path, wanted: NewArticle, title: str, *, collection: str, today: date) -> str:
    """Return the file's text: the kind's template, filled in."""
    answers = [f"\n  - {_scalar(answer)}" for answer in wanted.answers]
    owner = wanted.owner or _usual_owner(articles / collection)
    return Template(_template(articles, wanted)).safe_substitute(
        title=_scalar(title),
        summary='""',
        language=wanted.language,
        collection=_scalar(collection),
        owner=_scalar(owner),
        today=today.isoformat(),
        review_by=(today + REVIEW_AFTER).isoformat(),
        answers="".join(answers) or " []",
    )


def _template(articles: Path, wanted: NewArticle) -> str:
    """Return the team's own template for the kind, else ours in the language, else in English."""
    name = f"{wanted.kind.value}.md"
    places = (
        articles / OWN_KINDS / wanted.language / name,
        articles / OWN_KINDS / name,
        KINDS / wanted.language / name,
        KINDS / "en" / name,
    )
    found = next(place for place in places if place.is_file())
    try:
        return found.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ContentError(f"The template {found} cannot be read.", "Save it as UTF-8.") from None


def _usual_owner(folder: Path) -> str:
    """Return who owns most articles of the folder, "" where no owner is named."""
    owners: Counter[str] = Counter()
    for file in sorted(folder.glob("*.md"))[:200]:  # enough to tell
        draft = read_draft(file.name, in_memory(file.read_bytes()))
        if draft and draft.facts.owner:
            owners[draft.facts.owner] += 1
    return next((owner for owner, _ in owners.most_common(1)), "")


def _scalar(text: str) -> str:
    """Return the text as a YAML value; JSON's quoting is valid YAML."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _NOT_TEXT:
        return text
    return json.dumps(text, ensure_ascii=False)


def _written(place: Path, slug: str, text: str, *, exact: bool) -> Path:
    """Write the text to a new file, trying numbered names unless `exact`."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        taken = {file.name.casefold() for file in place.iterdir()}
    except OSError as problem:
        raise _unwritable(place, problem) from None
    for number in range(1, 100):
        name = f"{slug}.md" if number == 1 else f"{slug}-{number}.md"
        if name.casefold() in taken:
            if exact:
                break
            continue
        return _made(place / name, text)
    raise InvalidInput(
        f"There is an article {place.name}/{slug}.md already.", "Edit it, or choose another name."
    )


def _made(file: Path, text: str) -> Path:
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except OSError as problem:
        raise _unwritable(file, problem) from None
    return file


def _unwritable(place: Path, problem: OSError) -> ContentError:
    return ContentError(
        f"{place} cannot be written: {problem.strerror}.", "Give this account the right to write."
    )


# -- Starting from a gap: title and questions --


MOST_ANSWERS = 6


def asked_in(settings: Settings, number: int) -> tuple[str, tuple[str, ...]]:
    """Return a draft title and the questions of the gap with that number; NotFound if none."""
    db = open_record(settings)
    try:
        found = detail(db, number, k=settings.k_anonymity)
    finally:
        db.close()
    return beginning_of(found)


def beginning_of(found: Detail) -> tuple[str, tuple[str, ...]]:
    """Return a draft title for the gap and the questions that its article must answer."""
    asked = found.asked[:MOST_ANSWERS]
    return title_of(found.gap.title or (asked[0] if asked else "")), asked


def title_of(words: str) -> str:
    """Return a draft title made from a query: "vpn drops ?" -> "Vpn drops"."""
    plain = " ".join(words.split()).strip(" ?!.,;:¿¡")
    return plain[:1].upper() + plain[1:]
