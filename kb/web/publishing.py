"""For authors and other staff: what is live, what is wrong with the articles, what is kept.

Promises what `kb publish` says, on a page. Knows no rule of publishing.
"""

from __future__ import annotations

from flask import Blueprint, render_template

from kb.lookup.rollback import kept
from kb.lookup.standing import read_standing
from kb.people.roles import Permission
from kb.web.guard import needs, services

blueprint = Blueprint("publishing", __name__, url_prefix="/authors")


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
        standing=read_standing(parts.settings.data),
        states=kept(parts.settings),
    )
