"""What people wrote, as a page shows it: escaped, with its addresses as links.

Only http, https and mail addresses become links, and only where they are written out: "readme.md"
or a line of a stack trace stays as it is. The text of a link is what was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from linkify_it import LinkifyIt
from markupsafe import Markup, escape

# Search engines give these links no weight, and the page behind one learns nothing of ours.
_LINK = Markup('<a href="{}" rel="nofollow noopener ugc">{}</a>')
_SCHEMES = frozenset({"http", "https", "mailto"})
# No address is as long, and to look for one takes the square of the length.
_TOO_LONG = re.compile(r"(\S{2000,})")
_finder = (
    LinkifyIt(options={"fuzzy_link": False, "fuzzy_email": True, "fuzzy_ip": False})
    .add("ftp:", None)
    .add("//", None)
)


def linked(text: str) -> Markup:
    """Return the text as HTML in which every character is as it was written."""
    parts = _TOO_LONG.split(text)
    return Markup().join(
        escape(part) if number % 2 else Markup().join(_pieces(part))
        for number, part in enumerate(parts)
    )


def _pieces(text: str) -> Iterator[Markup]:
    here = 0
    for found in _finder.match(text) or ():
        yield escape(text[here : found.index])
        written = text[found.index : found.last_index]
        yield _LINK.format(found.url, written) if _is_safe(found.url) else escape(written)
        here = found.last_index
    yield escape(text[here:])


def _is_safe(address: str) -> bool:
    try:
        return address.isprintable() and urlsplit(address).scheme in _SCHEMES
    except ValueError:
        return False
