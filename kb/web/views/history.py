"""Pages on the past of an article: its versions, and the difference of two.

Both are open to whoever may read the article, as far as the setting `article_history` allows. A
version that was withheld when it was current stays withheld, names of authors are for staff, and
crawlers are told not to keep these pages.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

from flask import Blueprint, abort, make_response, render_template, request
from flask.typing import ResponseReturnValue

from kb.access import readable
from kb.accounts.roles import Permission
from kb.content.article import Article
from kb.content.difference import is_marked
from kb.content.history import MOST, Past
from kb.errors import ContentError
from kb.web.guard import needs, now, services, viewer
from kb.web.views import articles
from kb.web.views.articles import ABSENT
from kb.web.views.listings import shown_body

log = logging.getLogger(__name__)

blueprint = Blueprint("history", __name__)


@blueprint.get("/articles/<path:slug>/history")
@needs(Permission.READ, limit="pages")
def history(slug: str) -> ResponseReturnValue:
    """The versions of an article, newest first."""
    if (whole := _as_article(slug, "history")) is not None:
        return whole
    article = _article(slug)
    versions, named = _versions(article), commits_shown()
    page = render_template(
        "reader/history.html",
        article=article,
        rows=_rows(versions),
        most=MOST,
        named=named,
        staff=viewer().may(Permission.STAFF),
        contributors=Counter(past.version.author for past in versions).most_common(),
    )
    return _unlisted(page)


@blueprint.get("/articles/<path:slug>/changes")
@needs(Permission.READ, limit="pages")
def changes(slug: str) -> ResponseReturnValue:
    """What changed between two versions, named by their own names or their commits."""
    if (whole := _as_article(slug, "changes")) is not None:
        return whole
    article = _article(slug)
    known = _versions(article)
    versions = {past.name: past for past in known} | {past.version.commit: past for past in known}
    new = versions.get(request.args.get("to", ""))
    wanted = request.args.get("from", "")
    old = versions.get(wanted)
    if new is None or (wanted and old is None):
        abort(404, "There is no such version of this article, or it is not open to you.")
    html = services().histories.changes(services().library(), article, old, new)
    page = render_template(
        "reader/changes.html",
        article=article,
        old=old,
        new=new,
        named=commits_shown(),
        staff=viewer().may(Permission.STAFF),
        marked=is_marked(html),
        html=shown_body(html),
    )
    return _unlisted(page)


@blueprint.app_context_processor
def _asked_by_articles() -> dict[str, Any]:
    return {"history_is_shown": is_shown}


def is_shown() -> bool:
    """Return whether this person may see the past of articles at all."""
    return viewer().may(Permission.STAFF) or services().settings.article_history != "off"


def commits_shown() -> bool:
    """Return whether this person sees the commits behind versions: their ids and messages."""
    return viewer().may(Permission.STAFF) or services().settings.article_history == "full"


def _as_article(slug: str, page: str) -> ResponseReturnValue | None:
    """Return the article whose own address ends like that of these pages; usually None."""
    whole = f"{slug}/{page}"
    if services().library().get(whole) is None:
        return None
    return articles.article(whole)


def _article(slug: str) -> Article:
    found = readable(services().library(), slug, viewer())
    if found is None or not is_shown():
        abort(404, ABSENT)
    article: Article = found
    return article


def _versions(article: Article) -> list[Past]:
    """Return the versions that this person may see; none while Git does not answer."""
    try:
        found = services().histories.of(services().library(), article)
    except ContentError as problem:
        log.warning("%s", problem)
        return []
    if viewer().may(Permission.STAFF):
        return list(found)
    return [past for past in found if past.is_open(viewer().audiences, now())]


def _rows(versions: list[Past]) -> list[dict[str, Any]]:
    """Return each version with the one before it."""
    earlier: list[Past | None] = [*versions[1:], None]
    return [{"past": p, "before": old} for p, old in zip(versions, earlier, strict=False)]


def _unlisted(page: str) -> ResponseReturnValue:
    response = make_response(page)
    response.headers["X-Robots-Tag"] = "noindex"
    return response
