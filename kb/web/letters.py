"""Letters that lie in files because no mail server is set, for administrators alone.

Shows them with every secret link hidden: who may see this page may not act as who was written to.
"""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from kb.accounts.roles import Permission
from kb.connectors.files import FOLDER, kept_letter, kept_letters, masked
from kb.web.guard import live_services, needs

blueprint = Blueprint("letters", __name__, url_prefix="/desk/mail")

MOST = 200  # of the newest on one page


@blueprint.get("/")
@needs(Permission.OPERATE)
def listing() -> str:
    """The letters, newest first."""
    found = kept_letters(_folder())
    return render_template(
        "desk/mail.html",
        letters=found[:MOST],
        more=max(0, len(found) - MOST),
        mailed=bool(live_services().settings.mail_url),
        masked=masked,
    )


@blueprint.get("/<letter>")
@needs(Permission.OPERATE)
def show(letter: str) -> ResponseReturnValue:
    """One letter."""
    found = kept_letter(_folder(), letter)
    if found is None:
        abort(404, "There is no such letter, or it was removed.")
    return render_template("desk/letter.html", letter=found, masked=masked)


def _folder() -> Path:
    return live_services().settings.data / FOLDER
