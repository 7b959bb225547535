"""What the pages that set a password share."""

from __future__ import annotations

from flask import make_response, request
from werkzeug.wrappers import Response

from kb.errors import InvalidInput
from kb.notifications.outbox import EMAIL_LANGUAGES


def new_password() -> str:
    """Return the new password of the form; InvalidInput when it was typed in two ways."""
    password = request.form.get("password", "")
    if password != request.form.get("again", ""):
        raise InvalidInput(
            "The two passwords are not the same.",
            fields={"again": "Type the same new password twice."},
        )
    return password


def language() -> str:
    """Return the language of letters to who asks."""
    asked = (tag.partition("-")[0].lower() for tag in request.accept_languages.values())
    return next((each for each in asked if each in EMAIL_LANGUAGES), "en")


def private(page: str) -> Response:
    """Return a page that nobody keeps. Its address stays within the site as that of any page; with
    a policy of no referrer at all browsers would send its forms as if from another site.
    """
    response = make_response(page)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
