"""For authors and other staff: what is live, what is wrong with the articles, what is kept.

Promises what `kb publish` says, on a page, and what commits answered. Knows no rule of publishing.
"""

from __future__ import annotations

from flask import Blueprint, Response, render_template

from kb.accounts.roles import Permission
from kb.gaps.fixes import brought, proposal
from kb.publishing.rollback import kept_generations
from kb.publishing.state import read_state
from kb.web.guard import needs, now, services

blueprint = Blueprint("publishing", __name__, url_prefix="/authors")

MOST_ANSWERED = 20  # commits and articles listed


@blueprint.get("/publishing")
@needs(Permission.STAFF)
def states() -> str:
    """Problems of the articles, and the states that can be gone back to."""
    parts = services()
    library = parts.library()
    return render_template(
        "publishing/states.html",
        commit=library.commit,
        problems=sorted(library.problems, key=lambda each: not each.refused),
        standing=read_state(parts.settings.data),
        states=kept_generations(parts.settings),
        answered=brought(parts.db, now(), k=parts.settings.k_anonymity)[:MOST_ANSWERED],
        titles={slug: article.title for slug, article in library.articles.items()},
        k=parts.settings.k_anonymity,
    )


@blueprint.get("/answered.patch")
@needs(Permission.STAFF)
def patch() -> Response:
    """The questions that are answered now, as a patch that makes them must-find tests."""
    parts = services()
    answered = brought(parts.db, now(), k=parts.settings.k_anonymity)
    found = proposal(parts.settings, parts.library(), answered)
    response = Response(found.patch, mimetype="text/x-diff")
    response.headers["Content-Disposition"] = 'attachment; filename="answered.patch"'
    return response
