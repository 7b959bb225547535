"""Files that a page offers for download.

File names may be in any script, and begin with "demonstration" where the content is made up.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from urllib.parse import quote

from flask import Response
from werkzeug.http import dump_options_header

from kb.table import Row, csv_text
from kb.web.guard import services


def attached(content: str | bytes, kind: str, name: str) -> Response:
    """Return a download; `kind` is its media type."""
    if services().settings.demonstration:
        name = f"demonstration-{name}"
    response = Response(content, mimetype=kind)
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    names = {"filename": plain}
    if plain != name:  # RFC 6266; `plain` is for older clients
        names["filename*"] = f"UTF-8''{quote(name, safe='')}"
    response.headers["Content-Disposition"] = dump_options_header("attachment", names)
    return response


def attached_csv(rows: Iterable[Row], name: str) -> Response:
    """Return rows as a CSV download. Its byte order mark makes Excel read UTF-8; programs take JSON
    or the CSV of the command line, which has none.
    """
    return attached("\ufeff" + csv_text(rows), "text/csv", name)
