"""Addresses at which there is no article now: moved, removed, or never known.

Promises that a removed article is named only to who could have read it, and that looking for what
comes nearest is not recorded as somebody's search. Knows no history.
"""

from __future__ import annotations

from flask import abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from kb.access import readable
from kb.content.article import Article
from kb.content.library import Library
from kb.content.paths import normal_path
from kb.content.sources.source import Removed
from kb.web.guard import services, viewer, wants_json
from search.types import Query

ABSENT = "There is no such article, or it is not open to you."
NEAREST = 5


def former(library: Library, slug: str) -> ResponseReturnValue:
    """Return the way to the article's present address; 410 for a removed one, else 404."""
    target = moved_to(library, slug)
    if target:
        return redirect(url_for("reader.article", slug=target), 301)
    was = removed_at(library, slug)
    if was is None:
        abort(404, ABSENT)
    if wants_json():
        abort(410)
    page = render_template(
        "reader/removed.html", title=was.title, nearest=nearest(library, was.title)
    )
    return page, 410


def moved_to(library: Library, slug: str) -> str:
    """Return the slug of the article that a former address means, "" for none of this person's."""
    target = library.resolve(slug)
    return target if target and readable(library, target, viewer()) is not None else ""


def removed_at(library: Library, slug: str) -> Removed | None:
    """Return what was at an address, None where this person never could have read it."""
    was = library.removed.get(normal_path(slug))
    open_to_them = was is not None and was.audience in viewer().audiences
    return was if open_to_them and not library.resolve(slug) else None


def nearest(library: Library, title: str) -> list[Article]:
    """Return the articles that come nearest to a title, of those this person may read; nothing
    for robots, which follow old addresses by the thousand and read no advice.
    """
    if viewer().left_out == "robot":
        return []
    query = Query(text=title, audiences=viewer().audiences, limit=NEAREST)
    hits = services().engine.search(query).hits
    found = (readable(library, hit.id, viewer()) for hit in hits)
    return [article for article in found if article is not None]
