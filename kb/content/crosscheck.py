"""Findings that need all articles at once: anchors that are gone; pure.

Promises findings only: what is rendered stays as it is. Knows no source text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from kb.content.article import Article
from kb.content.problem import Problem

_IDS = re.compile(r' id="([^"]+)"')


def cross_check(articles: Mapping[str, Article]) -> Iterator[Problem]:
    """Yield what is wrong between articles."""
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
