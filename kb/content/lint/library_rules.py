"""Rules that need all articles at once: duplicates, redirects, broken links, missing anchors.

A finding about a pair is reported once, at the article whose path comes later, and only if one
reader could meet both. The rules only report: what is rendered stays as it is.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import unquote, urlsplit

from kb.content.article import Article, ArticleStatus
from kb.content.library import Library
from kb.content.link_targets import Directory
from kb.content.lint.page import Link, SourcePage
from kb.content.names import Names
from kb.content.paths import normal_path
from kb.content.problem import Problem

# -- Duplicates, translations, addresses and redirects --


@dataclass(frozen=True, slots=True)
class SourceLibrary:
    """Everything that is published together.

    `pages` are by path, `files` sizes in bytes by path; `today` is the day that review dates are
    compared with. `leading` maps the address of a page that only redirects to the slug of the
    article that it redirects to.
    """

    pages: Mapping[str, SourcePage]
    library: Library
    names: Names
    directory: Directory
    files: Mapping[str, int]
    today: date
    leading: Mapping[str, str]

    @property
    def published(self) -> list[tuple[SourcePage, Article]]:
        """The articles that some reader can see, with their pages, by path."""
        found = (
            (self.pages[article.path], article)
            for article in self.library.articles.values()
            if article.status is ArticleStatus.PUBLISHED and article.path in self.pages
        )
        return sorted(found, key=lambda each: each[0].path)

    def article_at(self, path: str) -> Article | None:
        """Return the article in the file at `path`, None where none is published from it."""
        page = self.pages.get(path)
        return self.library.articles.get(page.slug) if page else None

    def slug_of(self, page: SourcePage, target: str, *, closed: bool = False) -> str:
        """Return the slug that a link in a page means, "" for none; `closed` includes drafts."""
        try:
            parts = urlsplit(target)
        except ValueError:
            return ""
        if parts.scheme or parts.netloc or not parts.path:
            return ""
        directory = replace(self.directory, hidden=frozenset()) if closed else self.directory
        return directory.slug(unquote(parts.path), base=page.path, language=page.language)


def library_problems(shelf: SourceLibrary) -> Iterator[Problem]:
    """Yield the findings that concern several articles."""
    yield from _twice(shelf, "title", "title-twice", lambda article: [article.title])
    yield from _twice(shelf, "summary", "summary-twice", _own_summary(shelf))
    yield from _twice(shelf, "answers", "answers-twice", lambda article: article.answers)
    yield from _translations(shelf)
    yield from _orphans(shelf)
    yield from _taken_aliases(shelf)
    yield from _forwarding(shelf)
    yield from _cases(shelf)
    yield from _moved(shelf)


def _own_summary(shelf: SourceLibrary) -> Callable[[Article], Iterable[str]]:
    return lambda article: [shelf.pages[article.path].draft.facts.summary]


def _twice(
    shelf: SourceLibrary, key: str, code: str, texts: Callable[[Article], Iterable[str]]
) -> Iterator[Problem]:
    first: dict[tuple[str, str], SourcePage] = {}
    for page, article in shelf.published:
        for text in texts(article):
            plain = " ".join(text.casefold().strip(" .?!¿¡").split())
            other = first.setdefault((article.language, plain), page)
            if plain and other is not page:
                line = page.find(text) if key == "answers" else None
                message = f"“{text[:100]}” is in “{key}” of {other.path} too."
                hint = "Say what sets the two apart, or make them one article."
                yield page.problem(code, line or page.keys.get(key, 1), message, hint)


def _translations(shelf: SourceLibrary) -> Iterator[Problem]:
    """Yield translations older than their original, unless they were reviewed since it changed."""
    for page, article in shelf.published:
        original = _original(shelf, page)
        if original is None or not original.changed_at or not article.changed_at:
            continue
        day = original.changed_at.date()
        seen = max(article.changed_at.date(), article.reviewed or date.min)
        if original.changed_at > article.changed_at and seen < day:
            message = f"{original.path} changed on {day.isoformat()}, after this translation of it."
            line = page.keys.get("translation_of", 1)
            hint = "Bring it up to date, then set “reviewed”."
            yield page.problem("translation-old", line, message, hint)


def _original(shelf: SourceLibrary, page: SourcePage) -> Article | None:
    """Return the article that a page translates: the one it names, or the one of its own name
    without the language tag.
    """
    wanted = normal_path(page.draft.facts.translation_of)
    named = shelf.names.named.get(page.slug)
    slug = shelf.names.sites.get(wanted) or shelf.names.paths.get(wanted) if wanted else ""
    slug = slug or (named.name.stem if named else "")
    return shelf.library.get(slug) if slug and slug != page.slug else None


def _orphans(shelf: SourceLibrary) -> Iterator[Problem]:
    linked = {to for a in shelf.library.articles.values() for to in a.links if to != a.slug}
    for page, article in shelf.published:
        if article.collection or article.slug in linked:
            continue
        hint = "Put it into a folder, set “collection”, or link to it from another article."
        message = "No article links here, and it is in no collection."
        yield page.problem("orphan", None, message, hint)


def _taken_aliases(shelf: SourceLibrary) -> Iterator[Problem]:
    slugs = {normal_path(slug): slug for slug in shelf.library.articles}
    for page in shelf.pages.values():
        for former in page.draft.facts.former:
            other = slugs.get(former)
            if other and other != page.slug:
                message = f"“{former}” is the address of an article, so it never leads here."
                hint = "Take it out of “redirect_from”."
                yield page.problem("alias-taken", page.find(former), message, hint)


def _forwarding(shelf: SourceLibrary) -> Iterator[Problem]:
    """Yield chains and loops of pages that only redirect."""
    leads = {
        normal_path(alias): (page, normal_path(page.draft.facts.redirect_to))
        for page in shelf.pages.values()
        if page.draft.facts.redirect_to
        for alias in (page.slug, *page.draft.facts.permalinks)
    }
    for at, (page, to) in leads.items():
        if at != normal_path(page.slug) or to not in leads:
            continue
        line, seen, end = page.keys.get("redirect_to", 1), {at}, to
        while end in leads and end not in seen:
            seen.add(end)
            end = leads[end][1]
        if end in leads:
            hint = "Lead it to an article."
            message = "This page leads to pages that lead back to it."
            yield page.problem("redirect-loop", line, message, hint)
        else:
            message = f"This page leads to “{to}”, which leads on to “{end}”."
            yield page.problem("redirect-chain", line, message, f"Write “redirect_to: /{end}”.")


def _cases(shelf: SourceLibrary) -> Iterator[Problem]:
    """Yield paths, folders included, that a file system which ignores case would confuse."""
    spellings: dict[str, dict[str, str]] = defaultdict(dict)
    for path in shelf.files:
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            place = "/".join(parts[:depth])
            folded = unicodedata.normalize("NFC", place).casefold()
            spellings[folded].setdefault(place, path)
    for group in spellings.values():
        (first, _), *others = group.items()
        for place, path in others:
            message = f"“{place}” and “{first}” differ only in case or in the form of letters."
            yield Problem(path, None, "case", message, "Spell both alike, or rename one.")


def _moved(shelf: SourceLibrary) -> Iterator[Problem]:
    for page in shelf.pages.values():
        for link in page.links:
            present = present_target(shelf, page, link)
            if present:
                message = f"“{link.target[:100]}” is a former address."
                yield page.problem("moved-link", link.line, message, f"Write “{present}”.")


def present_target(shelf: SourceLibrary, page: SourcePage, link: Link) -> str:
    """Return the new target for a link to a former address, "" where it need not change."""
    slug = shelf.slug_of(page, link.target)
    article = shelf.library.articles.get(slug)
    if article is None:
        return ""
    path, mark, fragment = link.target.partition("#")
    beside = posixpath.normpath(posixpath.join("/", posixpath.dirname(page.path), path))
    wanted = {normal_path(unquote(each)) for each in (path, beside)}
    wanted |= {normal_path(unquote(path).removeprefix("/articles"))}
    if not wanted & _left(shelf, article) or wanted & _still(article):
        return ""
    return posixpath.relpath(article.path, posixpath.dirname(page.path) or ".") + mark + fragment


def _left(shelf: SourceLibrary, article: Article) -> set[str]:
    """Return the former addresses of an article, including pages that only redirect to it."""
    page = shelf.pages.get(article.path)
    if page is None:
        return set()
    facts = page.draft.facts
    leading = {address for address, slug in shelf.leading.items() if slug == article.slug}
    return (set(facts.former) | leading) - set(facts.permalinks)


def _still(article: Article) -> set[str]:
    return {normal_path(article.path), normal_path(article.slug)}


# -- Missing anchors --


_IDS = re.compile(r' id="([^"]+)"')


def cross_check(articles: Mapping[str, Article]) -> Iterator[Problem]:
    """Yield the links to anchors that are not in their target."""
    ids: dict[str, frozenset[str]] = {}
    for article in articles.values():
        for slug, fragment in article.targets:
            target = articles.get(slug)
            if target is None:
                continue
            if fragment and slug not in ids:
                ids[slug] = frozenset(_IDS.findall(target.html))
            if fragment and fragment not in ids[slug]:
                yield _no_anchor(article, slug, fragment)


def _no_anchor(article: Article, slug: str, fragment: str) -> Problem:
    message = f"“{slug}” has no heading with the anchor “{fragment}”."
    return Problem(article.path, None, "anchor", message, "Copy it from that page's contents.")
