"""What the templates of articles show: topics, results, facets, related articles and bodies.

All of it is plain values made from the library and an answer. Bodies were sanitised before; here
their addresses get the path that the site is under.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import quote, urlencode

from flask import request
from markupsafe import Markup

from kb.access import readable
from kb.content.article import Article
from kb.content.html.sanitise import mounted
from kb.content.library import Library
from kb.searches.service import SearchAnswer
from kb.web.filters import address as url_for
from kb.web.filters import direction, language_name
from kb.web.guard import now, services, viewer
from search.suggest.marking import marked
from search.suggest.offers import OfferSource
from search.suggest.suggester import Suggestion
from search.text.analysis import base_language
from search.types import Hit

# -- Bodies of articles --


def shown_body(html: str) -> Markup:
    """Return the sanitised HTML of an article, or of a difference, with addresses for this site."""
    return Markup(mounted(html, request.root_path))  # noqa: S704 - sanitised last


# -- Topics, results, facets, related articles --


RELATED = 4
_IN_ANCHORS = "%!#$&'()*+,/:;=?@"
NEAREST = 3


def languages() -> list[str]:
    """Return the languages that the library has, to match with a browser's preferences."""
    return sorted({article.language for article in services().library().articles.values()})


def preferred() -> str:
    """Return the library's language that the browser wants most, "" for none; where it wants a
    region that no article is for, any of that language.
    """
    for wanted, quality in request.accept_languages:
        near = [each for each in languages() if base_language(each) == base_language(wanted)]
        if near and quality > 0:
            return next((each for each in near if each.lower() == wanted.lower()), near[0])
    return ""


def collections(library: Library, articles: Iterable[Article]) -> list[dict[str, Any]]:
    """Return the topics that have an article among `articles`, in their order."""
    counts = Counter(article.collection for article in articles)
    shown = [_collection(library, name) | {"count": count} for name, count in counts.items()]
    return sorted(shown, key=lambda item: (item["order"], item["title"].casefold()))


def _collection(library: Library, name: str, language: str = "en") -> dict[str, Any]:
    known = library.collections.get(name)
    titles = known.titles if known else {}
    descriptions = known.descriptions if known else {}
    plain = name.replace("-", " ").replace("_", " ").strip().capitalize() or "Other"
    return {
        "name": name,
        "order": known.order if known else 1000,
        "title": titles.get(language) or titles.get("en") or plain,
        "description": descriptions.get(language) or descriptions.get("en") or "",
    }


def topic(library: Library, name: str, articles: Sequence[Article]) -> dict[str, Any]:
    """Return a topic's articles in groups by language, the site's own language first."""
    groups: dict[str, list[Article]] = {}
    for article in sorted(articles, key=lambda a: a.title.casefold()):
        groups.setdefault(article.language, []).append(article)
    first = services().settings.language
    order = sorted(groups, key=lambda code: (code != first, code))
    return {
        "collection": _collection(library, name),
        "groups": [({"code": c, "name": language_name(c)}, groups[c]) for c in order],
    }


def around(
    library: Library, article: Article, audiences: frozenset[str], today: date
) -> dict[str, Any]:
    """Return what surrounds an article: topic, translations, related articles, the way back."""
    seen = {a.slug: a for a in library.visible(audiences)}
    siblings = library.translations.get(article.slug, {})
    return {
        "collection": _collection(library, article.collection) if article.collection else None,
        "translations": {
            language: slug
            for language, slug in siblings.items()
            if slug != article.slug and slug in seen
        },
        "related": _related(article, seen),
        "overdue": bool(article.review_by and article.review_by < today),
        "back": _way_back(),
    }


def _related(article: Article, seen: Mapping[str, Article]) -> list[Article]:
    """Return what the article links to, then others of its topic that share keywords."""
    linked = [seen[slug] for slug in article.links if slug in seen and slug != article.slug]
    words = {word.casefold() for word in article.keywords}
    near = [
        (len(words & {word.casefold() for word in other.keywords}), other)
        for other in seen.values()
        if other.slug != article.slug
        and other.language == article.language
        and other.collection == article.collection
        and other not in linked
    ]
    near.sort(key=lambda pair: (-pair[0], pair[1].title))
    shared = [other for count, other in near if count]
    return (linked + shared)[:RELATED]


def _way_back() -> str:
    """Return the address of the search that led here, "" for none; the link has its words."""
    words = request.args.get("q", "")
    return url_for("reader.search", q=words) if words else ""


def suggestions(found: Iterable[Suggestion]) -> list[dict[str, Any]]:
    """Return suggestions as the search box reads them, those that this person may read alone.

    `text` is the question, query or heading that matched, "" where the title did. `marked` has both
    in parts that are not marked and marked by turns. They are plain text in `lang`.
    """
    library = services().library()
    known = [(item, readable(library, item.id, viewer())) for item in found]
    return [_suggestion(library, item, article) for item, article in known if article is not None]


def _suggestion(library: Library, item: Suggestion, article: Article) -> dict[str, Any]:
    text = "" if item.source in {OfferSource.TITLE, OfferSource.KEYWORD} else item.text
    language = article.language
    elsewhere = base_language(language) != base_language(
        preferred() or services().settings.language
    )
    return {
        "url": _anchored(url_for("reader.article", slug=article.slug), item.anchor),
        "kind": item.source.value,
        "title": article.title,
        "text": text,
        "marked": {"title": marked(article.title, item.sought), "text": marked(text, item.sought)},
        "collection": _collection(library, article.collection)["title"],
        "language": language_name(language) if elsewhere else "",
        "lang": language,
        "dir": direction(language),
    }


def suggested(hits: Iterable[Hit], search_id: str) -> list[dict[str, Any]]:
    """Return hits as the ticket form shows them: readable ones, {slug, title, snippet, url}.

    Each address says that the hit was suggested there, and after which search ("" for none).
    """
    library = services().library()
    found = [(hit, readable(library, hit.id, viewer())) for hit in hits]
    return [
        {
            "slug": article.slug,
            "title": article.title,
            "snippet": _blocks(hit),
            "url": url_for(
                "reader.article",
                slug=article.slug,
                suggested=search_id,
                _anchor=hit.anchor or None,
            ),
        }
        for hit, article in found
        if article is not None
    ]


def _blocks(hit: Hit) -> list[dict[str, Any]]:
    """Return the blocks of a hit's snippet, in which `<mark>` alone is HTML, for the templates."""
    shown = []
    for block in hit.blocks:
        lines = [Markup(line) for line in block.lines]  # noqa: S704 - escaped by the engine
        heads = [Markup(head) for head in block.heads]  # noqa: S704 - escaped by the engine
        indented = [
            " " * max(0, indent - min(block.indents)) + line
            for indent, line in zip(block.indents, lines, strict=False)
        ]
        shown.append(
            {
                "kind": block.kind,
                "lines": lines,
                "start": block.start,
                "cells": list(zip(heads, lines, strict=False)),
                "code": Markup("\n").join(indented),
            }
        )
    return shown


def results(answer: SearchAnswer, page: int, size: int) -> dict[str, Any]:
    """Return everything that the results page shows.

    Where nothing answers, only the nearest few are shown: a long list would look like answers.
    """
    found = answer.results
    text, hits = found.query.text, answer.hits
    library = services().library()
    if not found.answerable and page == 1:
        hits = hits[:NEAREST]
    return {
        "asked": True,
        "query_text": text,
        "results": found,
        "search_id": answer.search_id,
        "total": found.total,
        "page": page,
        "first_rank": (page - 1) * size + 1,
        "hits": [
            _item(library, answer, hit, article, rank=(page - 1) * size + place)
            for place, (hit, article) in enumerate(hits, start=1)
        ],
        "filters": bool(found.query.languages or found.query.collections),
        "searched": _searched(library, found.query.languages, found.query.collections),
        "links": _links(answer, page, size),
        "facets": _facets(library, found.facets) if found.answerable else [],
    }


def _item(
    library: Library, answer: SearchAnswer, hit: Hit, article: Article, *, rank: int
) -> dict[str, Any]:
    """Return one row of the results."""
    query = urlencode({"from": answer.search_id, "rank": rank, "q": answer.results.query.text})
    address = url_for("reader.article", slug=article.slug) + "?" + query
    spoken = answer.results.languages
    return {
        "hit": hit,
        "article": article,
        "url": f"{address}#{hit.anchor}" if hit.anchor else address,
        "snippet": _blocks(hit),
        "collection": _collection(library, article.collection)["title"],
        "language": language_name(article.language),
        "elsewhere": bool(spoken) and base_language(article.language) not in spoken,
        "overdue": article.is_overdue(now().date()),
        "duplicates": [
            {"title": other.title, "url": url_for("reader.article", slug=other.slug)}
            for slug in hit.duplicates
            if (other := readable(library, slug, viewer())) is not None
        ],
    }


def _anchored(address: str, anchor: str) -> str:
    """Return the address with an anchor, encoded as `url_for` does."""
    return f"{address}#{quote(anchor, safe=_IN_ANCHORS)}" if anchor else address


def _searched(
    library: Library, languages: frozenset[str], within: frozenset[str]
) -> dict[str, Any]:
    """Return how much was searched, for the page that says nothing answers."""
    count = sum(
        1
        for article in library.visible(viewer().audiences)
        if (not languages or article.language in languages)
        and (not within or article.collection in within)
    )
    names = [_collection(library, name)["title"] for name in sorted(within)]
    names += [language_name(code) for code in sorted(languages)]
    return {"count": count, "within": ", ".join(names)}


def _address(**changes: Any) -> str:
    """Return this search's address with changes; None takes a part away."""
    kept: dict[str, Any] = {name: request.args.getlist(name) for name in ("q", "lang", "in")}
    kept["literal"] = request.args.get("literal")
    kept.update(changes)
    asked = urlencode({name: value for name, value in kept.items() if value}, doseq=True)
    return url_for("reader.search") + (f"?{asked}" if asked else "")


def _links(answer: SearchAnswer, page: int, size: int) -> dict[str, str]:
    more = page * size < answer.results.total
    return {
        "literal": _address(literal=1),
        "suggestion": _address(q=answer.results.suggestion),
        "previous": _address(page=page - 1) if page > 1 else "",
        "next": _address(page=page + 1) if more else "",
    }


def _facets(library: Library, counts: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    """Return the facets with more than one choice, or with one that is chosen."""
    titles = (
        ("collection", "in", "Topic", lambda name: _collection(library, name)["title"]),
        ("language", "lang", "Language", language_name),
    )
    shown = []
    for facet, parameter, title, label in titles:
        chosen = set(request.args.getlist(parameter))
        choices = [
            {
                "label": label(value),
                "count": count,
                "chosen": value in chosen,
                "url": _address(**{parameter: sorted(chosen ^ {value})}),
            }
            for value, count in sorted(counts.get(facet, {}).items(), key=lambda c: (-c[1], c[0]))
        ]
        if len(choices) > 1 or chosen:
            shown.append({"title": title, "choices": choices})
    return shown
