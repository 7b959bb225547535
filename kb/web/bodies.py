"""Bodies of articles on a page.

Promises what was sanitised last, with its addresses under the path that the site has.
"""

from __future__ import annotations

from flask import request
from markupsafe import Markup

from kb.content.html.sanitise import mounted


def shown_body(html: str) -> Markup:
    """Return the sanitised HTML of an article, or of the difference of two, for this site."""
    return Markup(mounted(html, request.root_path))  # noqa: S704 - sanitised last
