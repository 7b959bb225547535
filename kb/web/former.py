"""Addresses at which there is no article now: moved, removed, or never known.

Promises that a removed article is named only to who could have read it, and that looking for what
comes nearest is not recorded as somebody's search. Knows no history.
"""

from __future__ import annotations

from flask import abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from kb.content.article import Article
from kb.content.library import Library
from kb.content.naming import normal_path
from kb.lookup.live import readable
from kb.web.guard import services, viewer, wants_json
from search.types import Query

ABSENT = "There is no such article, or it is not open to you."
NEAREST = 5


def former(library: Library, slug: str) -> ResponseReturnValue:
    """Return the way to the article's present address; 410 for a removed one, else 404."""
    target = library.resolve(slug)
    if target and readable(library, target, viewer()) is not None:
        return redirect(url_for("reader.article", slug=target), 301)
    was = library.removed.get(normal_path(slug))
    if target or was is None or was.audience not in viewer().audiences:
        abort(404, ABSENT)
    if wants_json():
        abort(410)
    page = render_template(
        "reader/removed.html", title=was.title, nearest=_nearest(library, was.title)
    )
    return page, 410


def _nearest(library: Library, title: str) -> list[Article]:
    """Return the articles that come nearest to a title, of those this person may read; nothing
    for robots, which follow old addresses by the thousand and read no advice.
    """
    if viewer().left_out == "robot":
        return []
    query = Query(text=title, audiences=viewer().audiences, limit=NEAREST)
    hits = services().engine.search(query).hits
    found = (readable(library, hit.id, viewer()) for hit in hits)
    return [article for article in found if article is not None]
