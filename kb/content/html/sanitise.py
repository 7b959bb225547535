"""Sanitise an article's HTML, as the last step before it is stored.

Whatever goes in, the result holds no script, style, form, frame or event handler, and no address
other than http, https, mailto and relative ones. Nothing may rewrite it afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial

import nh3
import regex

_TAGS_WORDS = """
    p br hr h2 h3 h4 h5 h6 a strong em b i u s del ins sub sup mark kbd samp var code pre
    blockquote ul ol li dl dt dd table caption thead tbody tfoot tr th td img figure figcaption
    div span details summary abbr cite q small time
"""
_TAGS = set(_TAGS_WORDS.split())
# Headings of level 1 become level 2 before this step.
ALLOWED_TAGS = frozenset({*_TAGS, "h1"})
_ATTRIBUTES = {
    "a": {"href", "title", "id", "class"},
    "img": {"src", "alt", "title", "width", "height", "loading"},
    "ol": {"start", "type"},
    "li": {"id", "value"},
    "th": {"align", "colspan", "rowspan", "scope"},
    "td": {"align", "colspan", "rowspan"},
    "div": {"class", "role"},
    "span": {"id", "class"},
    "sup": {"id"},
    "p": {"class"},
    "code": {"class"},
    "abbr": {"title"},
    "time": {"datetime"},
    "details": {"open", "class"},
    **{f"h{level}": {"id"} for level in range(2, 7)},
    "*": {"lang", "dir"},
}
# Removed with their content; the words in other tags that are not allowed stay.
_WITH_CONTENT = {
    "script",
    "style",
    "template",
    "iframe",
    "object",
    "embed",
    "svg",
    "math",
    "noembed",
}
REMOVED_TAGS = frozenset(_WITH_CONTENT)
_CLASSES = {
    "a": re.compile(r"footnote-(?:ref|backref)"),
    "div": re.compile(r"alert|alert-(?:note|tip|important|warning|caution)|footnote|tabs"),
    "details": re.compile(r"alert|alert-(?:note|tip|important|warning|caution)|details|tab"),
    "span": re.compile(r"hl-[a-z]"),
    "p": re.compile(r"alert-title"),
    "code": re.compile(r"language-[\w+#.-]{1,40}"),
}
_MEDIA = re.compile(r"/media/[0-9a-f]{32}\.(?:png|jpg|gif|webp)")
# Vowel signs and other marks (category M) are no letters to the standard matcher.
_ID = regex.compile(r"[\w\p{M}:.\-]{1,200}")
_NUMBER = re.compile(r"[0-9]{1,4}")
# Ids that pages of the site may use for their own parts; an article must not use them.
RESERVED_IDS_WORDS = """
    main content top header footer nav navigation menu search q query results form toc contents
    breadcrumb breadcrumbs skip feedback vote related error errors summary title page help
    language theme suggestions status dialog body html
"""
RESERVED_IDS = frozenset(RESERVED_IDS_WORDS.split())
# With one slash or a backslash, a browser may go to another site than the one a reader sees.
_ADDRESS = re.compile(r"(?i:https?://[^/\\\s][^\\\s]*|mailto:\S+)|/(?![/\\]).*|#.*")
_NUMERIC = {"width", "height", "colspan", "rowspan", "start", "value"}


def sanitise(html: str) -> str:
    """Return `html` with only the allowed markup; links carry rel="noopener noreferrer"."""
    return _cleaned(html, _keep)


@lru_cache(maxsize=256)
def mounted(html: str, root: str) -> str:
    """Return sanitised `html` for a site under the path `root` ("" or "/kb") of its host: the path
    is put before each address of the site, and the HTML is sanitised again. Mounting twice would
    put the path there twice.
    """
    return _cleaned(html, partial(_keep_under, root)) if root else html


def _cleaned(html: str, keep: Callable[[str, str, str], str | None]) -> str:
    return nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags=_WITH_CONTENT,
        attributes=_ATTRIBUTES,
        attribute_filter=keep,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
        # These scroll sideways on a narrow screen; keyboards can do that only with focus.
        set_tag_attribute_values={"table": {"tabindex": "0"}, "pre": {"tabindex": "0"}},
        strip_comments=True,
    )


def is_free_id(name: str) -> bool:
    """Whether an article may use `name` as an id: well formed, and not reserved for the page."""
    return bool(_ID.fullmatch(name)) and name.casefold() not in RESERVED_IDS


def _keep_under(root: str, tag: str, attribute: str, value: str) -> str | None:
    kept = _keep(tag, attribute, value)
    of_the_site = attribute in {"href", "src"} and kept is not None and kept.startswith("/")
    return f"{root}{kept}" if of_the_site else kept


def _keep(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "class":
        known = _CLASSES[tag]
        return " ".join(name for name in value.split() if known.fullmatch(name)) or None
    if attribute == "href":
        return value if _ADDRESS.fullmatch(value) else None
    if attribute == "id":
        return value if is_free_id(value) else None
    if attribute == "src":
        return value if _MEDIA.fullmatch(value) else None
    if attribute in _NUMERIC:
        return value if _NUMBER.fullmatch(value) else None
    if attribute == "role":
        return "note" if value == "note" else None
    return value
