"""One question to a random share of silent readers: did you find what you needed?

Promises that only who was drawn is asked, not who spoke already, and that an answer counts once.
The page works without a script. Knows no figure that is made of the answers.
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from kb.access import readable
from kb.accounts.roles import Permission
from kb.tracking.experiments import is_asked
from kb.web.former import ABSENT
from kb.web.guard import must_be_kept, needs, now, services, viewer

blueprint = Blueprint("survey", __name__)


@blueprint.post("/articles/<path:slug>/found")
@needs(Permission.READ, limit="vote")
def answer(slug: str) -> ResponseReturnValue:
    """Keep whether this reader found what they needed."""
    said = request.form.get("found", "")
    search_id = request.form.get("search") or None
    if readable(services().library(), slug, viewer()) is None:
        abort(404, ABSENT)
    asked = said in {"yes", "no"} and _drawn()  # the draw may have changed since the page was read
    if asked:
        must_be_kept(
            services().record.survey_answered(
                viewer(), slug, said == "yes", now=now(), search_id=search_id
            )
        )
    place = url_for("reader.article", slug=slug, thanks="survey" if asked else "closed")
    return redirect(place + ("&" + urlencode({"from": search_id}) if search_id else ""), 303)


def asked_now(slug: str, search_id: str) -> bool:
    """Return whether this page asks the question; that it does is put on record."""
    parts = services()
    if request.args.get("thanks") or not _drawn():
        return False
    gap = parts.settings.episode_gap
    if not parts.record.is_silent(viewer(), now=now(), gap=gap):
        return False
    parts.record.survey_shown(viewer(), slug, now=now(), search_id=search_id or None)
    return True


def _drawn() -> bool:
    parts, person = services(), viewer()
    share = parts.settings.survey_share
    return not person.left_out and is_asked(parts.secret_key, person.visitor, share, now())
